# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IPsec's policies and states share (ip-xfrm(8), net/xfrm/xfrm_user.c).

They have no field for a mark of ours (what carries one, mark and if_id, decides which packets they are for), so whose they are stands
in the ledger.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

from .. import wire
from ..errors import Conflict
from ._base import Kind

MODES = ("transport", "tunnel")
EVERY = (1 << 32) - 1
WITHOUT_LIMIT = struct.pack("=4Q4Q", *[(1 << 64) - 1] * 4, *[0] * 4)
XFRMA_MARK, XFRMA_IF_ID = 21, 31


class Xfrm(Kind):
    what = None  # in the words of messages

    def owned(self, state, key, item, owner):
        return owner.fabric and item.get("noted") == owner.name

    def check(self, state, key, wanted, owner):
        found = state[self.table].get(key)
        noted = (found or {}).get("noted")
        if found is not None and owner.fabric and noted != owner.name and (noted or self.difference(found, wanted)):
            raise Conflict("%s: there is already such a %s, %s; delete it first" % (
                self.describe(key), self.what, "which belongs to fabric %s" % noted if noted else "not made by this fabric"))
        if noted and not owner.fabric:
            raise Conflict("%s belongs to fabric %s; change it in that fabric's document" % (self.describe(key), noted))

    @staticmethod
    def send(transaction, netns, *messages):
        """(type, body) of each request, at once: they go by a socket of their own."""
        transaction.flush()
        transaction.kernel.socket(netns, wire.NETLINK_XFRM).send([(number, 0, body) for number, body in messages])


def dump(kernel, netns, request, body=b""):
    """The answers' bodies; none where this kernel has no IPsec."""
    try:
        opened = kernel.socket(netns, wire.NETLINK_XFRM)
    except OSError:
        return []
    return opened.dump(request, body)


def narrowed(attributes):
    """What makes it one for certain packets only, as words: part of its name, and nothing that is made here."""
    return [word for word, value in (
        ("mark %s" % attributes.get(XFRMA_MARK, b"").hex(), any(attributes.get(XFRMA_MARK, b""))),
        ("if_id %d" % wire.number(attributes.get(XFRMA_IF_ID), 0), any(attributes.get(XFRMA_IF_ID, b"")))) if value]


def family(text):
    return socket.AF_INET6 if ":" in text else socket.AF_INET


def packed(text):
    return ipaddress.ip_address(text).packed.ljust(16, b"\0")


def address_of(raw, inet):
    return str(ipaddress.ip_address(raw if inet == socket.AF_INET6 else raw[:4]))


def mode_of(number):
    return MODES[number] if number < len(MODES) else str(number)
