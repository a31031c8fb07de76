# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""transfer.py serve, transfer.py send ADDRESS: numbered records over one TCP connection, there and back, until standard input ends.

The sender answers each line of its standard input with the number of records that are back. Each has to bear the next number; it never
connects a second time, so a number that grows is proof that the connection lasted.
"""

import select
import socket
import struct
import sys
import time

PORT = 7000
BETWEEN = 0.01
LONGEST = 600
RECORD = struct.Struct("!Q")


def serve():
    listener = socket.create_server(("", PORT), backlog=1)
    print("ready", flush=True)
    connection = None
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        ready = select.select([connection or listener, sys.stdin], [], [], 1)[0]
        if sys.stdin in ready:
            return
        if listener in ready:
            connection = listener.accept()[0]
            listener.close()
        elif connection in ready:
            data = connection.recv(65536)
            if not data:
                return
            connection.sendall(data)


def send(address):
    connection = socket.create_connection((address, PORT), timeout=10)
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready", flush=True)
    sent, back, pending, got = 0, 0, b"", b""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        if len(pending) < 1024:
            pending += RECORD.pack(sent)
            sent += 1
        ready, writable, dummy = select.select([connection, sys.stdin], [connection], [], BETWEEN)
        if writable:
            pending = pending[connection.send(pending):]
        if connection in ready:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("closed by the other side")
            got += data
            while len(got) >= RECORD.size:
                number = RECORD.unpack(got[:RECORD.size])[0]
                if number != back:
                    raise ValueError("record %d came instead of %d" % (number, back))
                got, back = got[RECORD.size:], back + 1
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            print(back, flush=True)
        time.sleep(BETWEEN)


if __name__ == "__main__":
    try:
        serve() if sys.argv[1] == "serve" else send(sys.argv[2])
    except (OSError, ValueError) as error:
        print("%s: %s" % (type(error).__name__, error), flush=True)
        sys.exit(1)
