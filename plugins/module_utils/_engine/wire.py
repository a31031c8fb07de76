# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink on the wire: attributes, one socket, packed requests of which each refusal is told, and dumps without a tree.

Encoding ten thousand small messages and decoding a dump is what a run spends its time on, so both are done here with
`struct` alone. Link messages, of which there are few and which are deep, are encoded by pyroute2 (see kinds/_link.py).
Sources: rtnetlink(7), netlink(7), include/uapi/linux/{netlink,rtnetlink,neighbour}.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from .errors import OperationFailed

NETLINK_ROUTE, NETLINK_XFRM, NETLINK_GENERIC = 0, 6, 16
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x01, 0x04, 0x300
NLM_F_DUMP_INTR, NLM_F_ACK_TLVS, NLM_F_CAPPED = 0x10, 0x200, 0x100
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWNSID, RTM_GETNSID = 88, 90

SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 10, 11, 12
NLMSGERR_ATTR_MSG = 1

# 256 answers fill the default receive buffer; ENOBUFS would leave it unknown what was applied.
CHUNK = 100
RECEIVE_BUFFER = 4 << 20
DUMP_TRIES = 8

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_U32 = struct.Struct("=I")


def attribute(kind, payload):
    """One attribute, padded to four bytes."""
    size = 4 + len(payload)
    return _ATTRIBUTE.pack(size, kind) + payload + b"\0" * (-size & 3)


def u32(kind, number):
    return attribute(kind, _U32.pack(number))


def text(kind, string):
    return attribute(kind, string.encode() + b"\0")


def attributes(data, offset=0):
    """{type: payload} of a run of attributes; of a repeated type the last (rtnetlink repeats none that we read)."""
    found, end = {}, len(data)
    while offset + 4 <= end:
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4:offset + size]
        offset += (size + 3) & ~3
    return found


def listed(data):
    """The payloads of a run of attributes that is a list."""
    return [payload for dummy, payload in pairs(data)]


def repeated(data, kind):
    """The payloads of the attributes of one type, in a run that has others too."""
    return [payload for found, payload in pairs(data) if found == kind]


def pairs(data):
    """[(type, payload)] of a run of attributes."""
    found, offset = [], 0
    while offset + 4 <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < 4:
            break
        found.append((kind & 0x3FFF, data[offset + 4:offset + size]))
        offset += (size + 3) & ~3
    return found


def generic(command, version=1):
    """The header of a generic netlink message."""
    return struct.pack("=BBxx", command, version)


GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2


def family(socket_, name):
    """The number of a generic netlink family, or None."""
    body = socket_.get(GENL_ID_CTRL, generic(CTRL_CMD_GETFAMILY) + text(CTRL_ATTR_FAMILY_NAME, name))
    return None if body is None else number(attributes(body, 4)[CTRL_ATTR_FAMILY_ID])


def number(payload, default=None):
    """An unsigned integer of whatever width in host order."""
    return default if payload is None else int.from_bytes(payload, _ORDER)


_ORDER = "little" if struct.pack("=H", 1) == b"\x01\x00" else "big"


def string(payload, default=""):
    return default if payload is None else payload.rstrip(b"\0").decode("utf-8", "replace")


class Socket:
    """A netlink socket of the namespace that is current when it is opened; it stays bound to that namespace."""

    def __init__(self, groups=0, protocol=NETLINK_ROUTE):
        """`groups`: a mask of the multicast groups whose events come in (see `quiet`)."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, RECEIVE_BUFFER)  # SO_RCVBUFFORCE: root may pass rmem_max
        self._socket.settimeout(20)  # seconds; the kernel answers at once or something is very wrong
        self._socket.bind((0, groups))
        self._sequence = 0

    def close(self):
        self._socket.close()

    def quiet(self):
        """Whether no event has come since the socket was opened or this was asked. Of a socket with groups."""
        self._socket.setblocking(False)
        quiet = True
        while True:
            try:
                self._socket.recv(1 << 16)
            except BlockingIOError:
                return quiet
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more than could be kept
                    raise
            quiet = False

    def send(self, messages):
        """Send (type, flags, body) requests packed, and learn of each whether it was refused.

        The kernel works on a packet's messages in order and answers each that it refuses, asked to or not (netlink_rcv_skb):
        the answer to the last one, which is asked for, says that there are no others.
        Raises OperationFailed with the index of the first that failed. The kernel has applied the rest of that
        chunk all the same: whoever undoes reads again what is there.
        """
        for start in range(0, len(messages), CHUNK):
            chunk = messages[start:start + CHUNK]
            first, last = self._sequence + 1, self._sequence + len(chunk)
            packed = []
            for kind, flags, body in chunk:
                self._sequence += 1
                flags |= NLM_F_REQUEST if self._sequence < last else NLM_F_REQUEST | NLM_F_ACK
                packed.append(_HEADER.pack(16 + len(body), kind, flags, self._sequence, 0))
                packed.append(body if not len(body) & 3 else body + b"\0" * (-len(body) & 3))
            self._socket.send(b"".join(packed))
            failed = self._refusals(first, last)
            if failed:
                index, reason = min(failed)
                raise OperationFailed(reason, start + index)

    def _refusals(self, first, last):
        """[(index, the kernel's words)] of the messages with these sequence numbers."""
        failed = []
        while True:
            for kind, flags, sequence, body in self._receive():
                if kind != NLMSG_ERROR or not first <= sequence <= last:
                    continue
                code = struct.unpack_from("=i", body)[0]
                if code:
                    failed.append((sequence - first, _reason(-code, flags, body)))
                if sequence == last:
                    return failed

    def dump(self, kind, body):
        """All bodies of a dump, read again while the kernel says that it was interrupted by a change."""
        for attempt in range(DUMP_TRIES):
            complete, bodies = self._dump(kind, body)
            if complete:
                return bodies
        raise OperationFailed("the kernel's table changed during %d dumps in a row" % DUMP_TRIES)

    def _dump(self, kind, body):
        self._sequence += 1
        self._socket.send(_HEADER.pack(16 + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, 0) + body)
        bodies, interrupted = [], False
        while True:
            for answer, flags, sequence, content in self._receive():
                if sequence != self._sequence:
                    continue
                interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
                if answer == NLMSG_DONE:
                    return not interrupted, bodies
                if answer == NLMSG_ERROR:
                    raise OperationFailed(_reason(-struct.unpack_from("=i", content)[0], flags, content))
                bodies.append(content)

    def get(self, kind, body):
        """The one answer to a request without a dump, or None where the kernel says there is no such thing."""
        self._sequence += 1
        self._socket.send(_HEADER.pack(16 + len(body), kind, NLM_F_REQUEST, self._sequence, 0) + body)
        while True:
            for answer, flags, sequence, content in self._receive():
                if sequence != self._sequence:
                    continue
                if answer != NLMSG_ERROR:
                    return content
                code = -struct.unpack_from("=i", content)[0]
                if code in (errno.ENODEV, errno.ENOENT):
                    return None
                raise OperationFailed(_reason(code, flags, content))

    def _receive(self):
        data = self._socket.recv(1 << 20)
        offset, end = 0, len(data)
        while offset + 16 <= end:
            size, kind, flags, sequence, dummy = _HEADER.unpack_from(data, offset)
            yield kind, flags, sequence, data[offset + 16:offset + size]
            offset += (size + 3) & ~3


def _reason(code, flags, body):
    """The kernel's own words where it has any (extended ACK), and errno's."""
    words = os.strerror(code)
    if flags & NLM_F_ACK_TLVS:
        # with the request capped, the TLVs follow the echoed 16-byte header
        start = 20 if flags & NLM_F_CAPPED else 4 + struct.unpack_from("=I", body, 4)[0]
        said = attributes(body, start).get(NLMSGERR_ATTR_MSG)
        if said:
            words = "%s (%s)" % (string(said), words)
    return words
