# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink on the wire, against a kernel that is a list of answers."""

import errno
import struct

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import wire
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import OperationFailed


class Answers(wire.Socket):
    """A socket whose kernel is a function: called with the sequence numbers of what was sent, it returns datagrams."""

    def __init__(self, kernel):  # pylint: disable=super-init-not-called
        self.kernel, self.waiting, self._sequence, self.sent = kernel, [], 0, []
        self._socket = self

    def send(self, messages):
        if isinstance(messages, list):
            super().send(messages)
            return
        numbers, offset = [], 0
        while offset < len(messages):
            size, dummy, dummy, sequence = struct.unpack_from("=IHHI", messages, offset)
            numbers.append(sequence)
            offset += (size + 3) & ~3
        self.sent.append(len(numbers))
        self.waiting += self.kernel(numbers)

    def recv(self, dummy):
        return self.waiting.pop(0)


def message(kind, sequence, body=b"", flags=0):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def ack(sequence, code=0, words=None):
    body = struct.pack("=i", -code) + struct.pack("=IHHII", 16, 0, 0, sequence, 0)
    flags = wire.NLM_F_CAPPED
    if words:
        body += wire.text(wire.NLMSGERR_ATTR_MSG, words)
        flags |= wire.NLM_F_ACK_TLVS
    return message(wire.NLMSG_ERROR, sequence, body, flags)


REQUEST = (wire.RTM_NEWROUTE, 0, b"abcde")


def test_requests_are_packed_a_hundred_at_a_time():
    socket = Answers(lambda numbers: [ack(number) for number in numbers])
    socket.send([REQUEST] * 250)
    assert socket.sent == [100, 100, 50]


def test_the_first_refusal_is_told_with_the_kernels_own_words():
    def kernel(numbers):
        refused = {12: (errno.EEXIST, None), 7: (errno.ENETUNREACH, "Nexthop has invalid gateway")}
        return [ack(number, *refused.get(position, (0,))) for position, number in enumerate(numbers)]

    with pytest.raises(OperationFailed) as caught:
        Answers(kernel).send([REQUEST] * 20)
    assert (caught.value.index, caught.value.reason) == (7, "Nexthop has invalid gateway (Network is unreachable)")


def test_what_is_refused_in_the_second_send_is_counted_from_the_start():
    def kernel(numbers):
        return [ack(number, errno.EPERM if position == 3 and number > 100 else 0) for position, number in enumerate(numbers)]

    socket = Answers(kernel)
    with pytest.raises(OperationFailed) as caught:
        socket.send([REQUEST] * 300)
    assert (caught.value.index, caught.value.reason, socket.sent) == (103, "Operation not permitted", [100, 100])


def test_answers_to_what_was_sent_before_do_not_count():
    socket = Answers(lambda numbers: [ack(number - 1, errno.EIO) for number in numbers[:1]] + [ack(number) for number in numbers])
    socket.send([REQUEST])


def test_a_dump_that_was_interrupted_is_read_again():
    rounds = []

    def kernel(numbers):
        rounds.append(numbers[0])
        flags = wire.NLM_F_DUMP_INTR if len(rounds) < 3 else 0
        return [message(wire.RTM_NEWROUTE, numbers[0], b"body", flags) + message(wire.NLMSG_DONE, numbers[0], b"\0" * 4, flags)]

    assert Answers(kernel).dump(wire.RTM_GETROUTE, b"") == [b"body"] and len(rounds) == 3


def test_a_dump_that_is_interrupted_again_and_again_is_an_error():
    def kernel(numbers):
        return [message(wire.NLMSG_DONE, numbers[0], b"\0" * 4, wire.NLM_F_DUMP_INTR)]

    with pytest.raises(OperationFailed, match="the kernel's table changed during 8 dumps in a row"):
        Answers(kernel).dump(wire.RTM_GETROUTE, b"")


def test_what_is_not_there_is_none_and_what_is_refused_an_error():
    for code, expected in ((errno.ENODEV, None), (errno.EPERM, OperationFailed)):
        socket = Answers(lambda numbers, code=code: [ack(numbers[0], code)])
        if expected is None:
            assert socket.get(wire.RTM_GETLINK, b"") is None
        else:
            with pytest.raises(expected):
                socket.get(wire.RTM_GETLINK, b"")


def test_attributes_there_and_back():
    packed = wire.text(3, "cni0") + wire.u32(4, 1450) + wire.attribute(1, b"\x02\0\0")
    found = wire.attributes(packed)
    assert (wire.string(found[3]), wire.number(found[4]), found[1]) == ("cni0", 1450, b"\x02\0\0")
    assert len(packed) % 4 == 0 and wire.attributes(packed + b"\x01\0\0\0") == found
