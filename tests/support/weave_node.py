# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets for tests of Weave's encryption: one whose content can be recognised, and one that nobody of the network has sent."""

import ipaddress
import struct
import threading

from lab_host import in_pod

PORT, VNI = 6784, 6784
PAYLOAD = b"c1u57e2ne7-f0rge"
# Prints what comes to port 7778 within three seconds.
LISTEN = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7778))
s.settimeout(3)
try:
    print(s.recv(100).decode())
except socket.timeout:
    pass
"""
SEND = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for number in range(5):
    s.sendto(bytes.fromhex("%s"), ("%s", 0))
    time.sleep(0.2)
"""


def readable():
    """What pings are padded with: the sixteen bytes that ping takes, which fill a line of tcpdump's."""
    return PAYLOAD


def forged(source, target, pod):
    """(target, the bytes of an IPv4 packet): VXLAN with a datagram for a pod, to its own MAC, from an address that is nobody's pod."""
    mac = b"\x0a\x58" + ipaddress.ip_address(pod).packed
    inner = mac + b"\x02\x00\x00\x00\x00\x09\x08\x00" + _ip(_beside(pod), pod, 17, _udp(9, 7778, PAYLOAD))
    vxlan = struct.pack("!II", 0x08000000, VNI << 8) + inner
    return target, _ip(source, target, 17, _udp(40000, PORT, vxlan))


def _beside(pod):
    """An address of the pod's own subnet, whose isolation lets it through."""
    return str(ipaddress.ip_address(pod) + 20)


def _udp(source, target, data):
    return struct.pack("!4H", source, target, 8 + len(data), 0) + data


def _ip(source, target, protocol, data):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 7, 0, 64, protocol, 0, ipaddress.ip_address(source).packed,
                       ipaddress.ip_address(target).packed)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xFFFF ^ total) + head[12:] + data


def forged_arrives(host, sender, packet):
    """Whether a pod a of the host hears what the packet carries."""
    heard = []
    listener = threading.Thread(target=lambda: heard.append(host.check_output(in_pod("a", "python3 -c '%s'" % LISTEN))))
    listener.start()
    target, raw = packet
    sender.check_output("python3 -c '%s'" % (SEND % (raw.hex(), target)))
    listener.join(20)
    return PAYLOAD.decode() in heard[0]
