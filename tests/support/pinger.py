# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pinger.py SECONDS BETWEEN=10.0.0.2,... POD=ADDRESS,...: pings from pods of this node until its standard input ends.

Unlike ping it tells which echoes were lost, and waits for what is still on its way at the end: an echo counts as lost where none came
back within a second. Prints one JSON object: {"pod address": {"sent": 500, "lost": [seconds since the start, ...]}}.
"""

import ctypes
import json
import os
import select
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
SOL_RAW, ICMP_FILTER = 255, 1
ECHO_REPLY = 0
# However long nobody ends it.
LONGEST = 300
PATIENCE = 1.0


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(identifier, sequence):
    head = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence & 0xFFFF)
    body = struct.pack("!Q", sequence)
    return struct.pack("!BBHHH", 8, 0, checksum(head + body), identifier, sequence & 0xFFFF) + body


def socket_in(pod, libc):
    with open("/run/netns/" + pod, "rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), pod)
    result = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    # Room for what comes while a busy machine lets this program wait for seconds: only what the network loses is to count.
    result.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    result.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("@I", 0xFFFFFFFF & ~(1 << ECHO_REPLY)))
    result.setblocking(False)
    return result


class Pod:
    """The echoes of one pod."""

    def __init__(self, pod, addresses, libc):
        self.name, self.socket = pod, socket_in(pod, libc)
        self.identifier = os.getpid() & 0xFFFF
        self.sent = {address: {} for address in addresses}
        self.count = 0

    def send(self, number, now):
        for address, waiting in self.sent.items():
            waiting[number] = now
            try:
                self.socket.sendto(echo(self.identifier, number), (address, 0))
            except OSError:
                pass  # no route, for example: lost
        self.count += 1

    def receive(self):
        while True:
            try:
                packet, (address, dummy) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            head = (packet[0] & 15) * 4
            kind, dummy, dummy, identifier, dummy = struct.unpack("!BBHHH", packet[head:head + 8])
            if kind == ECHO_REPLY and identifier == self.identifier and address in self.sent:
                self.sent[address].pop(struct.unpack("!Q", packet[head + 8:head + 16])[0], None)


def main():
    between = float(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    pods = [Pod(name, addresses.split(","), libc) for name, dummy, addresses in (word.partition("=") for word in sys.argv[2:])]
    start = time.monotonic()
    print("ready", flush=True)
    number, until, ends = 0, start + LONGEST, False
    while time.monotonic() < until:
        now = time.monotonic()
        due = start + number * between
        if not ends and now >= due:
            for pod in pods:
                pod.send(number, now - start)
                pod.receive()
            number += 1
            continue
        watched = [pod.socket for pod in pods] + ([] if ends else [sys.stdin])
        ready = select.select(watched, [], [], until - now if ends else max(0.0, due - now))[0]
        for pod in pods:
            if pod.socket in ready:
                pod.receive()
        if sys.stdin in ready and not ends:
            ends, until = True, min(until, time.monotonic() + PATIENCE)
    print(json.dumps({"%s %s" % (pod.name, address): {"sent": pod.count, "lost": [round(at, 2) for at in waiting.values()]}
                      for pod in pods for address, waiting in pod.sent.items()}), flush=True)


if __name__ == "__main__":
    main()
