# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links whose data is encoded here: of some kinds pyroute2 has no tables, of others they lack attributes (0.7.2 to 0.9)."""

from __future__ import annotations

import struct

from .. import wire
from ._link import Data, Link, flag_words
from ._link_messages import IFLA_IFNAME, IFLA_LINKINFO, INFO_DATA, INFO_KIND, header, set_link

USER_HZ = 100  # in which the kernel counts times that a user sees


class RawLink(Link):
    """`encode` of its data gives an attribute's payload."""

    def request_add(self, transaction, operation):
        netns, name = operation.key
        transaction.queue(netns, wire.RTM_NEWLINK, wire.NLM_F_CREATE | wire.NLM_F_EXCL,
                          self.born(transaction, netns, name, operation.after), makes=True)

    def born(self, transaction, netns, name, wanted):
        """The body of the message that makes it."""
        return flat(transaction, netns, name, wanted) + self.info(transaction, netns, wanted)

    def info(self, transaction, netns, fields):
        return specific(self.kind, self.info_data(transaction, netns, fields))

    def info_data(self, transaction, netns, fields):
        return b"".join(wire.attribute(item.number(fields[field]) if callable(item.number) else item.number,
                                       item.encode(fields[field], transaction, netns))
                        for field, item in self.data.items() if fields.get(field) not in (None, ""))

    def request_data(self, transaction, netns, name, changed):
        transaction.queue(netns, wire.RTM_NEWLINK, 0, header() + wire.text(IFLA_IFNAME, name) + self.info(transaction, netns, changed))


def flat(transaction, netns, name, wanted):
    """The body of the message that makes a link, up to what is specific to its kind."""
    given = {field: wanted[field] for field in ("mtu", "mac", "group") if wanted[field]}
    master = transaction.index(netns, wanted["master"]) if wanted["master"] else None
    return set_link(name, given, master) or header() + wire.text(IFLA_IFNAME, name)


def specific(kind, data):
    """What is specific to a kind."""
    return wire.attribute(IFLA_LINKINFO, wire.text(INFO_KIND, kind) + wire.attribute(INFO_DATA, data))


# --- fields of the usual forms -------------------------------------------------------------------------------------

def flag(number, words, form="B", changeable=True):
    """A byte, or something wider, that is 0 or 1. `words`: what ip-link calls it, followed by 1 or 0; or a pair, for on and for off.
    Where a pair has no word for off, that is what there is without one."""
    said = flag_words(words) if isinstance(words, str) else lambda value: [word for word in (words[0] if value else words[1],) if word]
    return Data(number, None, lambda data, names: bool(wire.number(data.get(number))),
                lambda value, transaction, netns: struct.pack("=" + form, value), said, changeable)


def whole(number, form, word, changeable=True):
    """An integer of a width (see `struct`); None where the kernel does not tell it."""
    order = form if form[0] in "=!" else "=" + form

    def decode(data, names):
        return struct.unpack_from(order, data[number])[0] if number in data else None

    return Data(number, None, decode, lambda value, transaction, netns: struct.pack(order, value), lambda value: [word, str(value)], changeable)


def seconds(number, word):
    """A time in seconds, kept by the kernel in hundredths."""
    def decode(data, names):
        ticks = wire.number(data.get(number), 0)
        return ticks / USER_HZ if ticks % USER_HZ else ticks // USER_HZ  # somebody's may be no whole ones

    return Data(number, None, decode, lambda value, transaction, netns: struct.pack("=I", round(value * USER_HZ)),
                lambda value: [word, str(round(value * USER_HZ))])


def one_of(number, numbers, form, word):
    """A number that has names."""
    order, names_of = form if form[0] in "=!" else "=" + form, {value: name for name, value in numbers.items()}

    def decode(data, names):
        found = struct.unpack_from(order, data[number])[0] if number in data else None
        return names_of.get(found, found if found is None else str(found))

    return Data(number, None, decode, lambda value, transaction, netns: struct.pack(order, numbers[value]), lambda value: [word, value])
