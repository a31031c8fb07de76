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
# Of each family: the socket's kind, the option and the bits by which it gets replies alone, and the types of request and reply.
SOL_RAW, ICMP_FILTER = 255, 1
KINDS = {
    4: (socket.AF_INET, socket.IPPROTO_ICMP, SOL_RAW, ICMP_FILTER, struct.pack("@I", 0xFFFFFFFF & ~1), 8, 0),
    # ICMP6_FILTER, a bit for each of 256 types.
    6: (socket.AF_INET6, socket.IPPROTO_ICMPV6, socket.IPPROTO_ICMPV6, 1, struct.pack("@8I", *[0xFFFFFFFF & ~(2 if word == 4 else 0) for word in range(8)]),
        128, 129),
}
# However long nobody ends it.
LONGEST = 300
PATIENCE = 1.0


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(request, identifier, sequence):
    head = struct.pack("!BBHHH", request, 0, 0, identifier, sequence & 0xFFFF)
    body = struct.pack("!Q", sequence)
    # For IPv6 the kernel fills the checksum in, which is of the addresses too.
    return struct.pack("!BBHHH", request, 0, checksum(head + body), identifier, sequence & 0xFFFF) + body


def socket_in(pod, libc, kind):
    with open("/run/netns/" + pod, "rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), pod)
    result = socket.socket(kind[0], socket.SOCK_RAW, kind[1])
    # Room for what comes while a busy machine lets this program wait for seconds: only what the network loses is to count.
    result.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    result.setsockopt(*kind[2:5])
    result.setblocking(False)
    return result


class Pod:
    """The echoes of one pod, to addresses of one family."""

    def __init__(self, pod, family, addresses, libc):
        self.name, self.family = pod, family
        self.socket, (self.request, self.reply) = socket_in(pod, libc, KINDS[family]), KINDS[family][5:]
        self.identifier = os.getpid() & 0xFFFF
        self.sent = {address: {} for address in addresses}
        self.count = 0

    def send(self, number, now):
        for address, waiting in self.sent.items():
            waiting[number] = now
            try:
                self.socket.sendto(echo(self.request, self.identifier, number), (address, 0))
            except OSError:
                pass  # no route, for example: lost
        self.count += 1

    def receive(self):
        while True:
            try:
                packet, (address, *dummy) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            head = (packet[0] & 15) * 4 if self.family == 4 else 0
            kind, dummy, dummy, identifier, dummy = struct.unpack("!BBHHH", packet[head:head + 8])
            if kind == self.reply and identifier == self.identifier and address in self.sent:
                self.sent[address].pop(struct.unpack("!Q", packet[head + 8:head + 16])[0], None)


def main():
    between = float(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    words = [(name, addresses.split(",")) for name, dummy, addresses in (word.partition("=") for word in sys.argv[2:])]
    pods = [Pod(name, family, chosen, libc) for name, addresses in words for family in KINDS
            for chosen in [[address for address in addresses if (":" in address) == (family == 6)]] if chosen]
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
