# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link as a port of its bridge: the settings that it has there, and loses when it leaves (net/bridge/br_netlink.c)."""

from __future__ import annotations

import struct

from .. import wire
from ..fields import Option, between
from ._base import ip

INFO_SLAVE_KIND, INFO_SLAVE_DATA = 4, 5


class Setting:
    """An attribute of IFLA_INFO_SLAVE_DATA, its width, the word of ip-link(8), what a new port has, and the bounds of a number."""

    __slots__ = ("number", "form", "word", "default", "bounds")

    def __init__(self, number, word, default, form="=B", bounds=None):
        self.number, self.word, self.default, self.form, self.bounds = number, word, default, form, bounds

    def option(self):
        return Option("int", check=between(*self.bounds)) if self.bounds else Option("bool")

    def words(self, value):
        return [self.word, value if self.bounds else "on" if value else "off"]

    def read(self, data):
        if self.number not in data:
            return self.default
        value = wire.number(data[self.number])
        return value if self.bounds else bool(value)


SETTINGS = {
    "hairpin": Setting(4, "hairpin", False),
    "learning": Setting(8, "learning", True),
    "flood": Setting(9, "flood", True),
    "multicast_flood": Setting(27, "mcast_flood", True),
    "broadcast_flood": Setting(30, "bcast_flood", True),
    "isolated": Setting(33, "isolated", False),
    "neigh_suppress": Setting(32, "neigh_suppress", False),
    "fast_leave": Setting(7, "mcast_fast_leave", False),
    "guard": Setting(5, "guard", False),
    "root_block": Setting(6, "root_block", False),
    "priority": Setting(2, "priority", 32, "=H", (0, 63, "a port's priority")),
    # A new port's is that of its speed, which nobody knows before.
    "cost": Setting(3, "cost", None, "=I", (1, 65535, "a path cost")),
}
NEW_PORT = {name: setting.default for name, setting in SETTINGS.items()}
OPTION = Option("dict", options={name: setting.option() for name, setting in SETTINGS.items()})


def asked(port):
    """Of the option's value what is not left open, or None."""
    return {name: value for name, value in port.items() if value is not None} if port else None


def difference(found, wanted):
    """All settings as they are to be, or None where nothing is to change."""
    found = found or NEW_PORT
    return dict(found, **wanted) if any(found[name] != value for name, value in wanted.items()) else None


def _changes(operation):
    """[(Setting, value)] of an operation on a link that changes its port."""
    had = NEW_PORT if "master" in operation.after else operation.before["port"] or NEW_PORT
    return [(SETTINGS[name], value) for name, value in operation.after["port"].items() if value != had[name]]


def message(operation, start, kind_info):
    """The body of the change. `start` is a link message's header and name, `kind_info` the number of IFLA_LINKINFO."""
    data = b"".join(wire.attribute(setting.number, struct.pack(setting.form, value)) for setting, value in _changes(operation))
    return start + wire.attribute(kind_info, wire.text(INFO_SLAVE_KIND, "bridge") + wire.attribute(INFO_SLAVE_DATA, data))


def command(operation):
    netns, name = operation.key
    return ip(netns, "link", "set", "dev", name, "type", "bridge_slave", *(word for setting, value in _changes(operation) for word in setting.words(value)))


def read(info):
    """The settings that IFLA_LINKINFO tells, or None where it is no port of a bridge."""
    if wire.string(info.get(INFO_SLAVE_KIND)) != "bridge":
        return None
    data = wire.attributes(info.get(INFO_SLAVE_DATA, b""))
    return {name: setting.read(data) for name, setting in SETTINGS.items()}
