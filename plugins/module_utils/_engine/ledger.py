# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel cannot be marked with, written down under /run: sysctls as found, addresses of ours on devices that are not.

The file goes when nothing is left to remember. It is written before the kernel is changed and trimmed after, so a run that is
killed in between leaves it knowing too much rather than too little.
"""

from __future__ import annotations

import json
import os

from .errors import FabricError
from .ports import told, understood

PATH = "/run/clusternet/ledger.json"
LISTS = ("address", "chain", "ipset", "iptables", "netns", "number", "xfrm_policy", "xfrm_state")


class Ledger:
    """sysctl: {"<netns>|<key>": {"found": value, "wanted_by": {fabric: value}, "below": {key: value}}}, `below` what devices had
    that a key writes through to. The rest are {fabric: [[...]]}: addresses as [netns, dev, address]; chains of its own as
    [netns, ip version, table, chain]; ipsets as [netns, name]; iptables as [netns, ip version], where it has put rules; every
    namespace that it uses, as [netns]; its number; xfrm policies and states by their keys.
    port: {"<netns>|<device>": {"fabric", "bridge", "up": whether it was, "addresses", "routes": what moved to the bridge}}"""

    def __init__(self, path=PATH):
        self.path = path
        try:
            with open(path, encoding="utf-8") as handle:
                self.data = json.load(handle)
        except FileNotFoundError:
            self.data = {}
        except ValueError as error:
            raise FabricError("%s cannot be read (%s); it holds the sysctls as they were found: mend it, or delete it and lose them"
                              % (path, error)) from None
        self._start = json.dumps(self.data, sort_keys=True)
        self._complete()

    def _complete(self):
        for part in ("sysctl", "port") + LISTS:
            self.data.setdefault(part, {})

    # --- what it says ---

    def sysctls_of(self, fabric):
        return [tuple(name.split("|", 1)) for name, item in self.data["sysctl"].items() if fabric in item["wanted_by"]]

    def sysctl(self, key):
        return self.data["sysctl"].get("|".join(key))

    def fabric_of(self, part, key):
        """The fabric that holds an object, by one of LISTS."""
        for fabric, keys in self.data[part].items():
            if list(key) in keys:
                return fabric
        return None

    def ports(self):
        """{(netns, device): what is noted of it} of the devices that are ports for a fabric (see ports.py)."""
        return {tuple(name.split("|", 1)): understood(note) for name, note in self.data["port"].items()}

    def listed(self, part, fabric):
        """The keys of the objects of a fabric in one of LISTS."""
        return [tuple(key) for key in self.data[part].get(fabric, ())]

    def iptables_of(self, fabric):
        return [tuple(where) for where in self.data["iptables"].get(fabric, ())]

    def namespaces_of(self, fabric):
        return [netns for netns, in self.data["netns"].get(fabric, ())]

    def numbers(self):
        """{fabric: its number} of the fabrics that have put something on this node."""
        return {fabric: listed[0][0] for fabric, listed in self.data["number"].items()}

    # --- what it learns ---

    def claim(self, fabric, sysctls, lists, ports=None):
        """Before a run: sysctls {key: (found, wanted, {key below: found})}, what the fabric will hold of each of LISTS, and its ports."""
        self.data["port"].update(("|".join(key), told(note)) for key, note in (ports or {}).items())
        for key, (found, wanted, below) in sysctls.items():
            item = self.data["sysctl"].setdefault("|".join(key), {"found": found, "wanted_by": {}, "below": below})
            item["wanted_by"][fabric] = wanted
            if item["found"] is None:
                item["found"] = found
        for part, items in lists.items():
            self._extend(part, fabric, items)
        self.write()

    def release(self, fabric, sysctls, lists, ports=()):
        """After a run: keep of this fabric's only what is named here."""
        self.data["port"] = {name: note for name, note in self.data["port"].items()
                             if note["fabric"] != fabric or tuple(name.split("|", 1)) in ports}
        for name, item in list(self.data["sysctl"].items()):
            if tuple(name.split("|", 1)) not in sysctls:
                item["wanted_by"].pop(fabric, None)
            if not item["wanted_by"]:
                del self.data["sysctl"][name]
        for part, kept in lists.items():
            kept = set(map(tuple, kept))
            remaining = [item for item in self.data[part].get(fabric, ()) if tuple(item) in kept]
            self.data[part][fabric] = remaining
            if not remaining:
                del self.data[part][fabric]
        self.write()

    def _extend(self, part, fabric, items):
        known = self.data[part].setdefault(fabric, [])
        there = set(map(tuple, known))
        known += [list(item) for item in items if tuple(item) not in there]
        if not known:
            del self.data[part][fabric]

    def put_back(self):
        """As it was when it was read."""
        self.data = json.loads(self._start)
        self._complete()
        self.write()

    def write(self):
        temporary = self.path + ".new"
        if not any(self.data.values()):
            # a run that was killed while it wrote has left the temporary one
            for remove, path in ((os.unlink, temporary), (os.unlink, self.path), (os.rmdir, os.path.dirname(self.path))):
                try:
                    remove(path)
                except OSError:
                    pass
            return
        os.makedirs(os.path.dirname(self.path), 0o755, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as handle:
            json.dump(self.data, handle, indent=1, sort_keys=True)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, self.path)
