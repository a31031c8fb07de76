# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pools of a fabric: what is wrong with them, and while blocks of them are given out who holds what, and which block is next. Part of the
allotment in C(blocks)."""

from __future__ import annotations

import ipaddress

from . import families


def network(text, versions=(4,)):
    """A network of one of these versions, or None for what is none."""
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        return None
    return found if found.version in versions and "/" in text else None


def bears(node, labels):
    """Whether a node has all of these labels."""
    return all(str(node["labels"].get(label)) == str(value) for label, value in (labels or {}).items())


def check(variable, entries, lengths, fabric):
    """What is wrong with the names, ranges and block sizes of pools as the inventory has them, as (variable, value, expectation).

    C(lengths): of each family that blocks may be of the shortest length, the longest, and the one where none is said.
    """
    clusters, seen = {family.version: ipaddress.ip_network(fabric["pod_cidr" + family.suffix]) for family in families.of(fabric)}, []
    for index, entry in enumerate(entries):
        field, cidr = "%s[%d]." % (variable, index), network(entry["cidr"], clusters)
        if cidr is None:
            yield field + "cidr", entry["cidr"], "expected an %s range such as 10.244.0.0/17, without bits beyond its length" % _titles(fabric)
            continue
        family = families.of_address(entry["cidr"])
        shortest, longest, default = lengths[family]
        if not cidr.subnet_of(clusters[cidr.version]):
            yield field + "cidr", entry["cidr"], "expected a range inside fabric_pod_cidr%s %s" % (family.suffix, clusters[cidr.version])
        for name, other in seen:
            if other.overlaps(cidr):
                yield field + "cidr", entry["cidr"], "overlaps %s of pool %s: expected ranges that do not overlap" % (other, name)
        if entry["name"] in [name for name, dummy in seen]:
            yield field + "name", entry["name"], "expected names that differ"
        seen.append((entry["name"], cidr))
        size = entry["block_size"] or default
        if not max(cidr.prefixlen, shortest) <= size <= longest:
            yield field + "block_size", size, "expected a length from %d to %d" % (max(cidr.prefixlen, shortest), longest)


def _titles(fabric):
    return " or ".join(family.title for family in families.of(fabric))


class Room:
    """The pools, and who holds what of them."""

    def __init__(self, fabric, held):
        self.fabric, self.pools = fabric, [Pool(pool, fabric["subnet_length"]) for pool in fabric["pools"]]
        self.family, self.names = fabric["family"], {pool["name"] for pool in fabric["pools"]}
        self.variable = fabric["pools"][0].get("variable") or fabric["backend"] + "_pools"
        self.router = any(pool.get("router") for pool in fabric["pools"])
        self.borrow, self.lent = fabric["options"].get("borrow"), set()
        for name, record in held.items():
            for network in ([record["subnet"]] if record.get("subnet") else []) + record.get("blocks", []):
                for pool in self.pools:
                    pool.take(ipaddress.ip_network(network), name)

    def of(self, network):
        return next((pool for pool in self.pools if network.subnet_of(pool.cidr)), None)

    def next_for(self, share, name=None):
        """The block that a node takes when it has to choose, of the pool of that name where there is one; None where nothing is left."""
        pools = [pool for pool in self.pools if pool.is_for(share.node) and pool.serves(name)]
        homes = [ipaddress.ip_network(share.record["subnet"])] if share.record.get("subnet") else share.blocks[:1]
        for pool in pools:
            for home in homes:
                for index in pool.around(home):
                    if pool.holder.get(index, share.name) == share.name and pool.block(index) not in share.blocks:
                        return pool.block(index)
        for pool in pools:
            begun = any(block.subnet_of(pool.cidr) for block in share.blocks)
            block = (None if begun else pool.empty_stretch()) or pool.lowest()
            if block is not None:
                return block
        return None


class Pool:
    """One pool: its blocks by number, and the stretches that they are in.

    A stretch is as long as a node's subnet would be. Each node begins one where there are enough, and goes on within it: so a network that becomes
    one of subnets, such as flannel's, renumbers nobody.
    """

    def __init__(self, pool, subnet_length):
        self.data, self.cidr, self.length = pool, ipaddress.ip_network(pool["cidr"]), pool["block_length"]
        self.size = 1 << (self.cidr.max_prefixlen - self.length)
        self.base, self.count = int(self.cidr.network_address), 1 << (self.length - self.cidr.prefixlen)
        self.stretch = 1 << max(self.length - subnet_length, 0)
        self.holder, self.begun = {}, set()
        # As with subnets the first stays unused where it is one of several: it bears the range's own address.
        self.next_stretch, self.next_block = int(self.count > self.stretch), 0

    def is_for(self, node):
        return not self.data["disabled"] and bears(node, self.data["node_labels"])

    def serves(self, name):
        """Whether a pod that names that pool, or none, gets addresses of it."""
        return self.data["name"] == name if name else not self.data.get("explicit")

    def block(self, index):
        return ipaddress.ip_network((self.base + index * self.size, self.length))

    def index(self, network):
        return (int(network.network_address) - self.base) // self.size

    def take(self, network, name):
        if not network.overlaps(self.cidr):
            return
        first, last = max(self.index(network), 0), (int(network.broadcast_address) - self.base) // self.size
        for index in range(first, min(last, self.count - 1) + 1):
            self.holder.setdefault(index, name)
            self.begun.add(index // self.stretch)

    def around(self, network):
        """The blocks of the stretch, or of the subnet, that a network is in."""
        if not network.overlaps(self.cidr):
            return range(0)
        first = self.index(network) // self.stretch * self.stretch
        wide = max((int(network.broadcast_address) - int(network.network_address) + 1) // self.size, self.stretch)
        return range(max(first, 0), min(first + wide, self.count))

    def empty_stretch(self):
        while (self.next_stretch + 1) * self.stretch <= self.count:
            if self.next_stretch not in self.begun:
                return self.block(self.next_stretch * self.stretch)
            self.next_stretch += 1
        return None

    def lowest(self):
        while self.next_block < self.count:
            if self.next_block not in self.holder:
                return self.block(self.next_block)
            self.next_block += 1
        return None
