# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network sysctls. The value found is kept in the ledger with the fabrics that want another, and put back by the last.

Some global keys write through to every device (net/ipv4/devinet.c devinet_sysctl_forward, net/ipv6/addrconf.c). What the devices
had is kept as well (`below`), since the way back writes through once more.
"""

from __future__ import annotations

import re

from ..errors import Conflict, Invalid, OperationFailed
from ..fields import Option
from ._base import NETNS, Kind, inside, place
from ._hops import revive
from ._link import IPV6_MIN_MTU, drop_ipv6, sysctl_device

WRITES_THROUGH = {
    "net/ipv4/ip_forward": "net/ipv4/conf/%s/forwarding",
    "net/ipv4/conf/all/forwarding": "net/ipv4/conf/%s/forwarding",
    "net/ipv6/conf/all/forwarding": "net/ipv6/conf/%s/forwarding",
    "net/ipv6/conf/all/disable_ipv6": "net/ipv6/conf/%s/disable_ipv6",
}


def order(key):
    """Global keys before those of devices: they write through."""
    return ("/conf/" in key[1] and "/all/" not in key[1], key)


def with_devices(kernel, keys):
    """The keys, and those that one of them writes through to."""
    every = set(keys)
    for netns, key in keys:
        if key in WRITES_THROUGH:
            pattern = WRITES_THROUGH[key]
            every |= {(netns, pattern % device) for device in kernel.list_sysctls(netns, pattern.partition("/%s")[0])}
    return every


def awaits_mtu(state, key):
    """Whether the device has too small an MTU for IPv6, and so for this key."""
    link = state["link"].get((key[0], sysctl_device(key[1])), {})
    return key[1].startswith("net/ipv6/") and (link.get("mtu") or IPV6_MIN_MTU) < IPV6_MIN_MTU


def below(state, key):
    """{key: value} of the keys of this state that the global key writes through to."""
    netns, name = key
    pattern = WRITES_THROUGH.get(name)
    if pattern is None:
        return {}
    return {other: item["value"] for other, item in state["sysctl"].items()
            if other[0] == netns and other != key and sysctl_device(other[1]) and other[1] == pattern % sysctl_device(other[1])}


def _key(value, path):
    key = value if "/" in value else value.replace(".", "/")
    if not re.match(r"net/[^\s]+\Z", key) or ".." in key.split("/"):
        raise Invalid(path, value, "a key below net, such as net/ipv4/ip_forward")
    return key


class Sysctl(Kind):
    name = table = "sysctl"
    schema = {
        "netns": NETNS,
        "key": Option("str", required=True, check=_key),
        "value": Option("str", required=True, check=lambda value, path: " ".join(value.split())),
    }

    def key(self, entry, path):
        return (entry["netns"], entry["key"])

    def objects(self, entry, owner, path):
        return [(self.key(entry, path), {"value": entry["value"]})]

    def owned(self, state, key, item, owner):
        return owner.name in item.get("wanted_by", {})

    def difference(self, found, wanted):
        return {} if found["value"] == wanted["value"] else {"value": wanted["value"]}

    def check(self, state, key, wanted, owner):
        found = state["sysctl"].get(key)
        others = {name: value for name, value in (found or {}).get("wanted_by", {}).items() if name != owner.name}
        for name, value in others.items():
            if value != wanted["value"]:
                raise Conflict("%s: fabric %s wants %s and %s wants %s; agree on one value"
                               % (self.describe(key), name, value, owner, wanted["value"]))

    def removal(self, found):
        """What a fabric that lets go of the key changes in the kernel: the value found before, if nobody else wants this one."""
        return None if len(found["wanted_by"]) > 1 or found["found"] in (None, found["value"]) else found["found"]

    def simulate(self, state, operation):
        value = operation.after["value"]
        state["sysctl"].setdefault(operation.key, {})
        state.alter("sysctl", operation.key, value=value)
        if operation.verb == "remove":
            state.alter("sysctl", operation.key, wanted_by={})
        changed = [operation.key]
        if not operation.before or operation.before["value"] != value:
            changed += below(state, operation.key)
        for netns, key in changed:
            state.alter("sysctl", (netns, key), value=value)
            if key.endswith("/disable_ipv6") and value != "0":
                drop_ipv6(state, (netns, sysctl_device(key)))
            elif key.endswith("/disable_ipv6") and state["link"].get((netns, sysctl_device(key)), {}).get("up"):
                revive(state, netns, sysctl_device(key), (6,))

    def requests(self, transaction, operation):
        transaction.flush()
        netns, key = operation.key
        value = operation.after["value"]
        if operation.verb == "add":  # of a namespace or device that the run itself has made: what it was made with
            transaction.kernel.new_sysctls[operation.key] = transaction.kernel.read_sysctl(netns, key)
        transaction.kernel.write_sysctl(netns, key, value)
        got = transaction.kernel.read_sysctl(netns, key)
        if got != value:
            raise OperationFailed("the kernel took %r and holds %r" % (value, got))

    def commands(self, operation):
        netns, key = operation.key
        return [inside(netns, "sysctl", "-w", "%s=%s" % (key, operation.after["value"]))]

    def entry(self, state, key, item):
        return {"netns": key[0], "key": key[1], "value": item["value"]}

    def describe(self, key):
        return "sysctl %s%s" % (key[1], place(key[0]))
