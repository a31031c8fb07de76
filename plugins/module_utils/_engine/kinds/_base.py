# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every kind of resource is made of."""

from __future__ import annotations

import shlex

from ..fields import Option, namespace

NETNS = Option("str", "", check=namespace)
OWN_NETNS = "$$"  # in a command, the namespace that the shell runs in: its own process number names it


class Operation:
    """One step of a plan: `verb` (add, change, remove) on the object at `key`; before and after in normal form.

    `because`: of a removal, the field of a link that is to be another and cannot be changed in place.
    """

    __slots__ = ("kind", "verb", "key", "before", "after", "because")

    def __init__(self, kind, verb, key, before=None, after=None, because=None):
        self.kind, self.verb, self.key, self.before, self.after, self.because = kind, verb, key, before, after, because

    def commands(self):
        return self.kind.commands(self)

    def __str__(self):
        return "%s %s" % (self.verb, self.kind.describe(self.key))


class Kind:
    """One resource kind. A file of this folder holds one subclass and is all there is to know of it.

    name      the section of a document and the module
    table     the table of State in which it stands
    schema    options of one entry (fields.Option)
    identity  its required options that name an object; the other required ones say what the object is made of
              (empty: a kind whose objects cannot be removed by name)
    """

    name = table = None
    schema = {}
    identity = ()

    def key(self, entry, path):
        """The key of the object that a validated entry names, whether or not it says what the object is made of."""
        raise NotImplementedError

    def keys(self, entry, path):
        """Of an entry that can name several."""
        return [self.key(entry, path)]

    def objects(self, entry, owner, path):
        """[(key, object)] that one validated entry asks for. A field that is None is not asked for."""
        raise NotImplementedError

    def check(self, state, key, wanted, owner):
        """Raise Conflict where something foreign stands at the wanted key."""

    def check_all(self, state, items, owner):
        """The same of many: {key: wanted}."""
        for key, item in items.items():
            self.check(state, key, item, owner)

    def owned(self, state, key, item, owner):
        """Whether the object bears the owner's mark (only asked of a fabric)."""
        raise NotImplementedError

    def given(self, state, wanted, owner):
        """{key: object} of what the kernel gives to what the owner holds, and of which nothing else is wanted (see `implied`)."""
        return {}

    def implied(self, state, key, item):
        """Whether an object that nobody asks for is the kernel's own doing, and stays."""
        return False

    def difference(self, found, wanted):
        """The fields of `wanted` that `found` does not have."""
        return {field: value for field, value in wanted.items() if value is not None and found.get(field) != value}

    def order(self, item):
        """Where an object is built among those of its kind: the smaller, the earlier. They are removed the other way round."""
        return False

    def made(self, wanted):
        """The object as the kernel will hold it right after `add`."""
        return wanted

    def simulate(self, state, operation):
        """Do to the model what the kernel does on this operation, cascades included."""
        if operation.verb == "remove":
            state[self.table].pop(operation.key, None)
        elif operation.verb == "add":
            state[self.table][operation.key] = self.made(operation.after)
        else:
            state.alter(self.table, operation.key, **operation.after)

    def requests(self, transaction, operation):
        """Queue the operation's messages, or carry it out."""
        raise NotImplementedError

    def afterwards(self, kernel, operations):
        """Once all of a plan is carried out: rid the kernel of what it keeps by itself, and those operations have made wrong."""

    def commands(self, operation):
        """The same as shell lines."""
        raise NotImplementedError

    def all_commands(self, operations):
        """Those of operations on objects of this kind that follow one another."""
        return [line for operation in operations for line in self.commands(operation)]

    def entry(self, state, key, item):
        """The document's entry for an object, or None where another object's entry covers it."""
        raise NotImplementedError

    def mask(self, found, asked):
        """Of an object what was asked for (a field that is None was not), to be shown."""
        return {field: None if field in asked and asked[field] is None else value for field, value in found.items()}

    def describe(self, key):
        return "%s %s%s" % (self.name, " ".join(str(part) for part in key[1:] if part not in ("", 0)), place(key[0]))


def place(netns):
    return " in namespace %s" % netns if netns else ""


def ip(netns, *words):
    return _line(["ip"] + (["-n", netns] if netns else []), words)


def bridge(netns, *words):
    return _line(["bridge"] + (["-n", netns] if netns else []), words)


def inside(netns, *words):
    return _line(["ip", "netns", "exec", netns] if netns else [], words)


def _line(start, words):
    return " ".join(word if word is OWN_NETNS else shlex.quote(str(word)) for word in start + [word for word in words if word is not None])
