# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node holds, as plain data: {table: {key: object}}.

Objects are dictionaries in normal form and are replaced, never altered, so that a copy of a state is a copy of its tables.
Keys begin with the namespace's name ('' is the namespace the module runs in), except those of `netns` itself.
"""

from __future__ import annotations

TABLES = ("netns", "link", "address", "route", "rule", "neighbour", "proxy_neighbour", "bridge_vlan", "vxlan_fdb", "sysctl", "ipset",
          "xfrm_state", "xfrm_policy", "chain")


class Table(dict):
    """{key: object} that knows which keys were set or taken out one by one since it was made: what a plan does to it, and fells."""

    def __init__(self, items=()):
        super().__init__(items)
        self.touched = {}  # a set that keeps the order

    def __setitem__(self, key, item):
        self.touched[key] = True
        super().__setitem__(key, item)

    def __delitem__(self, key):
        self.touched[key] = True
        super().__delitem__(key)

    def update(self, items):
        items = dict(items)
        self.touched.update(dict.fromkeys(items, True))
        super().update(items)

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        self.touched[key] = True
        return super().pop(key, *default)


class LinkTable(Table):
    """`parents`: keys of links that another stands on, or stood on since the table was made; looking for them takes all links."""

    def __init__(self, items=()):
        super().__init__(items)
        self.parents = {item.get("parent") for item in self.values()}

    def __setitem__(self, key, item):
        self.parents.add(item.get("parent"))
        super().__setitem__(key, item)

    def update(self, items):
        items = dict(items)
        self.parents.update(item.get("parent") for item in items.values())
        super().update(items)


class State(dict):
    """`has_vlans`: whether the kernel has VLANs of bridges; `taken`: what the ledger says of devices that are ports for a fabric."""

    def __init__(self, tables=None, has_vlans=True, taken=None):
        super().__init__({name: (LinkTable if name == "link" else Table)((tables or {}).get(name, ())) for name in TABLES})
        self._routes, self.has_vlans, self.taken = None, has_vlans, taken or {}

    def copy(self):
        return State(self, self.has_vlans, self.taken)

    def touched(self):
        """{table: keys} of what was set or taken out since this state was made."""
        return {name: table.touched for name, table in self.items()}

    def routes_to(self, netns, table, dst):
        """Keys of the routes to exactly this prefix, whatever their metric. Only of a state that nothing alters."""
        if self._routes is None:
            self._routes = {}
            for key in self["route"]:
                self._routes.setdefault(key[:3], []).append(key)
        return self._routes.get((netns, table, dst), ())

    def on_device(self, table, netns, device):
        """Keys of the objects of a table that stand on a device (`dev`)."""
        return [key for key, item in self[table].items()
                if key[0] == netns and (item["dev"] == device or device in item.get("also", ()))]

    def drop(self, table, keys):
        for key in list(keys):
            self[table].pop(key, None)

    def alter(self, table, key, **fields):
        self[table][key] = dict(self[table][key], **fields)
