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
import functools
import operator
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
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
RTM_NEWNSID, RTM_GETNSID = 88, 90

SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 10, 11, 12
NLMSGERR_ATTR_MSG = 1

# 256 answers fill the default receive buffer; ENOBUFS would leave it unknown what was applied.
CHUNK = 100
RECEIVE_BUFFER = 4 << 20
DATAGRAM = 1 << 17  # bytes; the kernel makes those of a dump 32 KiB at most (netlink_dump), and a larger buffer costs its allocation
DUMP_TRIES = 8
FEW = 4096  # bytes of a table of which each message is looked at by itself after all: sorting them would take longer

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_U32 = struct.Struct("=I")


def attribute(kind, payload):
    """One attribute, padded to four bytes."""
    size = 4 + len(payload)
    packed = _ATTRIBUTE.pack(size, kind) + payload
    return packed + b"\0" * (-size & 3) if size & 3 else packed


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


def shapes(runs, header):
    """[(headers, {type: payloads})]: a table by columns, sorted by which attributes its messages have.

    runs    [(size, messages of that size)], see Socket._dump
    header  size in bytes of what stands before the attributes

    All of a shape have the same attributes in the same places, so a column is cut out of all of them at once.
    """
    if sum(len(data) for dummy, data in runs) < FEW:
        return [((data[start + 16:start + 16 + header],), {kind: (payload,) for kind, payload in attributes(data[start:start + size], 16 + header).items()})
                for size, data in runs for start in range(0, len(data), _padded(size))]
    alike = {}
    for size, data in runs:
        for head, places, part in _alike(data, size, header):
            alike.setdefault((size, head), (places, []))[1].append(part)
    found = []
    for (kinds, cut, dummy), parts in alike.values():
        headers, *columns = zip(*cut.iter_unpack(b"".join(parts)))
        found.append((headers, dict(zip(kinds, columns))))
    return found


def _alike(data, size, header):
    """[(what is alike in them, their _places, messages)]: messages of one size by what attributes they have."""
    step = _padded(size)
    places = _places(data[:size], header)
    head = operator.itemgetter(*places[2])
    if _repeats(data, step, places[2]):
        return [(head(data), places, data)]
    groups = {}
    for start in range(0, len(data), step):
        message = data[start:start + step]
        groups.setdefault(head(message), []).append(message)
    first, *others = map(b"".join, groups.values())
    return [(head(first), places, first)] + [found for one in others for found in _alike(one, size, header)]


def _places(message, header):
    """(types, the struct that cuts out the header and each attribute's payload, where the bytes are that must be alike)."""
    kinds, layout, offset = [], ["=16x%ds" % header], 16 + header
    heads = list(range(4))  # at least the size
    while offset + 4 <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, offset)
        if not 4 <= length <= len(message) - offset:
            break
        layout.append("4x%ds%dx" % (length - 4, min(_padded(length), len(message) - offset) - length))
        kinds.append(kind & 0x3FFF)
        heads += range(offset, offset + 4)
        offset += _padded(length)
    end = min(offset, len(message))
    return kinds, _struct("".join(layout) + "%dx" % (_padded(len(message)) - end)), heads


def _repeats(data, step, places):
    """Whether messages that follow one another at every `step` bytes have the same bytes at these places of theirs."""
    count, rest = divmod(len(data), step)
    return not rest and all(data[place::step] == data[place:place + 1] * count for place in places)


def _padded(size):
    return (size + 3) & ~3


_struct = functools.lru_cache(struct.Struct)


# Counters of a link are the most of what is told of it, and nobody here reads them (linux/rtnetlink.h, since 4.4).
WITHOUT_COUNTERS = u32(29, 8)  # IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS


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

    def send(self, messages, removes=False):
        """Send (type, flags, body) requests packed, and learn of each whether it was refused.

        The kernel works on a packet's messages in order and answers each that it refuses, asked to or not (netlink_rcv_skb):
        the answer to the last one, which is asked for, says that there are no others.
        `removes`: that something is no longer there is no refusal.
        Raises OperationFailed with the index of the first that failed. The kernel has applied the rest of that
        chunk all the same: whoever undoes reads again what is there.
        """
        for start in range(0, len(messages), CHUNK):
            chunk = messages[start:start + CHUNK]
            first, self._sequence = self._sequence + 1, self._sequence + len(chunk)
            packed = [_HEADER.pack(16 + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body if not len(body) & 3
                      else _message(kind, flags | NLM_F_REQUEST, sequence, body) for sequence, (kind, flags, body) in enumerate(chunk, first)]
            kind, flags, body = chunk[-1]
            packed[-1] = _message(kind, flags | NLM_F_REQUEST | NLM_F_ACK, self._sequence, body)
            self._socket.send(b"".join(packed))
            failed = self._refusals(first, self._sequence, errno.ENOENT if removes else 0)
            if failed:
                index, reason = min(failed)
                raise OperationFailed(reason, start + index)

    def _refusals(self, first, last, accepted):
        """[(index, the kernel's words)] of the messages with these sequence numbers; one error number is none."""
        failed = []
        while True:
            for kind, flags, sequence, body in self._receive():
                if kind != NLMSG_ERROR or not first <= sequence <= last:
                    continue
                code = struct.unpack_from("=i", body)[0]
                if code and code != -accepted:
                    failed.append((sequence - first, _reason(-code, flags, body)))
                if sequence == last:
                    return failed

    def dump(self, kind, body):
        """All bodies of a dump, read again while the kernel says that it was interrupted by a change."""
        return [data[start + 16:start + size] for size, data in self._whole(kind, body) for start in range(0, len(data), _padded(size))]

    def table(self, kind, body):
        """The same by columns (see shapes), not in the kernel's order: of thousands of messages none is looked at by itself.

        `body` is the header of an answer too.
        """
        runs, single = [], {}
        for size, data in self._whole(kind, body):
            if len(data) > _padded(size):
                runs.append((size, data))
            else:
                single.setdefault(size, []).append(data)
        return shapes(runs + [(size, b"".join(parts)) for size, parts in single.items()], len(body))

    def _whole(self, kind, body):
        for attempt in range(DUMP_TRIES):
            complete, runs = self._dump(kind, body)
            if complete:
                return runs
        raise OperationFailed("the kernel's table changed during %d dumps in a row" % DUMP_TRIES)

    def _dump(self, kind, body):
        """(whether nothing changed meanwhile, [(size, messages of that size, padded, one after the other)]), in the kernel's order."""
        self._sequence += 1
        self._socket.send(_message(kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, body))
        runs, all_flags = [], 0
        while True:
            data = self._socket.recv(DATAGRAM)
            size, answer, flags, sequence, dummy = _HEADER.unpack_from(data)
            if sequence == self._sequence and answer not in (NLMSG_DONE, NLMSG_ERROR) and _repeats(data, _padded(size), range(16)):
                runs.append((size, data))
                all_flags |= flags
                continue
            for answer, flags, sequence, content in _messages(data):
                if sequence != self._sequence:
                    continue
                all_flags |= flags
                if answer == NLMSG_DONE:
                    return not all_flags & NLM_F_DUMP_INTR, runs
                if answer == NLMSG_ERROR:
                    raise OperationFailed(_reason(-struct.unpack_from("=i", content)[0], flags, content))
                runs.append((16 + len(content), _message(answer, flags, sequence, content)))

    def get(self, kind, body):
        """The one answer to a request without a dump, or None where the kernel says there is no such thing."""
        self._sequence += 1
        self._socket.send(_message(kind, NLM_F_REQUEST, self._sequence, body))
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
        return _messages(self._socket.recv(DATAGRAM))


def _messages(data):
    """(type, flags, sequence number, body) of each message of a datagram."""
    offset = 0
    while offset + 16 <= len(data):
        size, kind, flags, sequence, dummy = _HEADER.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset + 16:offset + size]
        offset += _padded(size)


def _message(kind, flags, sequence, body):
    """A message, padded to four bytes with nothing that counts."""
    packed = _HEADER.pack(16 + len(body), kind, flags, sequence, 0) + body
    return packed + b"\0" * (-len(packed) & 3) if len(packed) & 3 else packed


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
