# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds whose objects come in thousands: taken in, planned, sent and read together, by columns.

Objects that are alike are one dictionary (see `shared`): that spares memory, and comparing them is comparing who they are.
"""

from __future__ import annotations

import functools
import itertools
import operator

from ._base import Kind

# Of objects that are replaced and never altered one is enough; a function that makes them, so that a kind's file reads like any other.
shared = functools.lru_cache(maxsize=1 << 17)


class Bulk(Kind):
    """Such a kind. Its objects stand on a device (`dev`); making one touches no other object, and it is at once as wanted."""

    def many(self, columns, owner):
        """(keys, objects) of entries whose options are given as columns (see columns.py). Raises Invalid, of which the words do not count."""
        raise NotImplementedError

    def bodies(self, transaction, pairs):
        """The bodies of the netlink messages that mean each (key, object)."""
        raise NotImplementedError

    def new(self, operation):
        """(type, flags) of the message that makes an object."""
        raise NotImplementedError

    def simulate_all(self, state, operations):
        """Of `add` operations whose objects are `made` already."""
        state[self.table].update({operation.key: operation.after for operation in operations})

    def request_all(self, transaction, operations):
        """Queue the messages of such operations."""
        for netns, group in itertools.groupby(operations, lambda operation: operation.key[0]):
            group = list(group)
            bodies = self.bodies(transaction, [(operation.key, operation.after) for operation in group])
            transaction.queue_all(netns, [(operation, (*new, body)) for operation, new, body in zip(group, map(self.new, group), bodies)])


def on_devices(items):
    """{(namespace, device or None): the key of an object that stands on it}."""
    places = {(key[0], item["dev"]) for key, item in items.items()}
    return {place: next(key for key, item in items.items() if (key[0], item["dev"]) == place) for place in places}


def told(column, tell):
    """What `tell` makes of each value of a column in which few differ."""
    return list(map({value: tell(value) for value in set(column)}.__getitem__, column))


def by_attribute(columns, count, kind, tell, default):
    """A column of a dump's shape (see wire.shapes), or as many defaults where the shape has no such attribute."""
    return told(columns[kind], tell) if kind in columns else itertools.repeat(default, count)


by_kind_and_verb = operator.attrgetter("kind", "verb")
