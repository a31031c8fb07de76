# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks as leases: which parts of pools each node holds, and which address in them each pod.

What backends that route to pods need (projectcalico/calico:libcalico-go/lib/ipam): a node holds blocks, one to begin with and another when
that is full, and an address may be any of a block's. Pure, and the counterpart of the allotment of subnets in C(leases).

A pool of a fabric is C({name, cidr, block_length, node_labels, disabled}): a node that bears those labels takes blocks from it unless it is disabled.
Of a pool that is C(explicit) only pods that name it get addresses, and of one with C(router) the second address of a node's first block is the node's own.
"""

from __future__ import annotations

import functools
import ipaddress

from . import block_pools, borrowing, families, pod_addresses
from .spec import Problem

# Of a node's first block: its tunnel's own. And of its first block of a pool: that of its bridge.
TUNNEL, ROUTER = 0, 1


def tunnel_address(blocks):
    """The address of a node's tunnel device: the first of its first block, which no pod gets."""
    return str(ipaddress.ip_network(blocks[0])[TUNNEL])


def routers(pools, blocks):
    """The node's own addresses in the pools that have such, C({name of the pool: address})."""
    found = {}
    # In the order in which the node came to them, so that the first, by which it is known, stays so when there are more.
    for block in blocks:
        pool = pool_of(pools, block)
        if pool is not None and pool.get("router"):
            found.setdefault(pool["name"], str(ipaddress.ip_network(block)[ROUTER]))
    return found


def pool_of(pools, network):
    """The pool that a block or an address is in, or None."""
    first, last = _range(network)
    return next((pool for pool in pools if _range(pool["cidr"])[0] <= first and last <= _range(pool["cidr"])[1]), None)


# Recipes ask of every block on behalf of every node.
@functools.lru_cache(maxsize=1 << 16)
def _range(text):
    network = ipaddress.ip_network(text)
    return (network.version, int(network[0])), (network.version, int(network[-1]))


def allot(fabric, held, natural, problems):
    """C({node: (its blocks, {pod: address})}) of a validated fabric as one family sees it; what is wrong is appended to C(problems). A pod's further
    addresses have keys of their own: see C(pod_addresses).

    C(held): the records so far, those of nodes that left included. What is held stays; blocks come to what is there and never go,
    but for those outside every pool in which no pod is left.
    """
    room = block_pools.Room(fabric, held)
    shares = {name: _Share(name, node, held.get(name, {}), room, problems) for name, node in fabric["nodes"].items()}
    for name in sorted(shares, key=natural):
        shares[name].keep()
    # Whoever wants certain ones comes before those who take what there is.
    in_order = [shares[name] for name in sorted(shares, key=natural)]
    for share in in_order:
        share.pin_blocks()
    for share in in_order:
        share.pin_addresses()
    borrowing.keep(in_order)
    for share in in_order:
        share.pin_borrowed(in_order)
    if not problems:
        if room.borrow:
            # Who has no block cannot borrow either.
            for share in in_order:
                share.begin()
        for share in in_order:
            share.fill(natural)
            if problems:
                break
        else:
            borrowing.lend_all(in_order)
    return {} if problems else {name: ([str(block) for block in share.blocks], share.addresses(natural)) for name, share in shares.items()}


class _Share:
    """What one node gets."""

    def __init__(self, name, node, record, room, problems):
        self.name, self.node, self.record, self.room, self.problems = name, node, record, room, problems
        self.blocks, self.owner, self.taken = [], {}, {}
        self.wanted = pod_addresses.wanted(node["pods"])
        self.held = self.held_so_far()
        # Addresses for which no block was left; and pins in others' blocks, (key, address, field).
        self.wanting, self.foreign = [], []

    def problem(self, field, expected, value):
        self.problems.append(Problem(self.name, field, expected, value))

    def held_so_far(self):
        """Of the addresses that are wanted those that pods had in the same pool, the first or a further one then."""
        found, of_pod = {}, {}
        for key, address in self.record.get("pods", {}).items():
            of_pod.setdefault(pod_addresses.pod_of(key), []).append((address, self.room.of(ipaddress.ip_network(address))))
        for want in self.wanted:
            for address, pool in of_pod.get(want["pod"], ()):
                # Else it names another pool by now, or none any more.
                if pool is not None and pool.serves(self.pool_named(want)):
                    found[want["key"]] = address
                    break
        return found

    def keep(self):
        """The blocks held so far, and the addresses of pods in them."""
        wanted = {pod["name"] for pod in self.node["pods"]}
        kept = {key: ipaddress.ip_address(address) for key, address in self.record.get("pods", {}).items()}
        for text in self.record.get("blocks", []):
            block = ipaddress.ip_network(text)
            pool = self.room.of(block)
            if pool is not None and pool.length == block.prefixlen:
                self.blocks.append(block)
            elif pool is None and not any(address in block for key, address in kept.items() if pod_addresses.pod_of(key) in wanted):
                continue
            else:
                where = "lies in no pool" if pool is None else "is no block of length %d (pool %s)" % (pool.length, pool.data["name"])
                self.problem("blocks" + self.room.family.suffix, "is leased to this node by %s and %s: keep the pool that it came from, disabled where no "
                             "more of it is to be given out, until no pod has an address of it" % (self.room.fabric["lease_file"], where), text)

    def pin_blocks(self):
        """The blocks that the inventory names."""
        for index, text in enumerate(self.node.get("blocks") or []):
            if families.of_address(text) == self.room.family:
                self.claim(ipaddress.ip_network(text), "%s_blocks[%d]" % (self.room.fabric["backend"], index), text)

    def pin_addresses(self):
        """The addresses that the inventory names, then those that pods had without a block, as in a network of subnets."""
        for want in self.wanted:
            if want["address"]:
                self.pin_address(want["key"], want["address"], self.field(want), self.pool_named(want))
        for want in self.wanted:
            address = self.held.get(want["key"])
            if want["address"] or address is None:
                continue
            number = int(ipaddress.ip_address(address))
            if number in self.owner:
                taker = next(other for other in self.wanted if other["key"] == self.owner[number])
                expected = "is leased to pod %s: expected an address that nobody holds; pin %s elsewhere first if this is meant"
                self.problem(self.field(taker), expected % (want["pod"], want["pod"]), address)
            elif self.within(number) or self.can_claim(number):
                self.give(want["key"], number)

    def field(self, want):
        """The variable that pins it."""
        return want["field"] + self.room.family.suffix

    def pin_address(self, key, address, field, name=None):
        number = int(ipaddress.ip_address(address))
        pool = self.room.of(ipaddress.ip_network(address))
        if pool is None:
            names = ", ".join("%s %s" % (pool.data["name"], pool.cidr) for pool in self.room.pools)
            self.problem(field, "expected an address of a pool (%s); leave it out to have one chosen" % names, address)
            return
        if name and pool.data["name"] != name:
            self.problem(field, "is in pool %s: expected one of pool %s, which the pod names" % (pool.data["name"], name), address)
            return
        block = pool.block((number - pool.base) // pool.size)
        if self.room.borrow and pool.holder.get(pool.index(block), self.name) != self.name:
            self.foreign.append((key, number, field))
            return
        if block not in self.blocks and not self.claim(block, field, address):
            return
        if number in self.owner:
            self.problem(field, "pod %s has it already: expected one address for one pod" % pod_addresses.pod_of(self.owner[number]), address)
        elif number == self.tunnel():
            self.problem(field, "is the tunnel's, the first of this node's first block %s: expected another" % self.blocks[0], address)
        elif number in self.routers():
            self.problem(field, "is the node's own in pool %s: expected another" % pool.data["name"], address)
        else:
            self.give(key, number)

    def pin_borrowed(self, shares):
        """The addresses that the inventory names in blocks of others."""
        for key, number, field in self.foreign:
            lender = borrowing.lender_of(shares, self, number)
            if lender is None or number in lender.owner or number in self.room.lent:
                self.problem(field, "expected an address that nobody holds, in a block of this node or of another one of the fabric",
                             str(ipaddress.ip_address(number)))
            else:
                borrowing.lend(self, key, number)

    def claim(self, block, field, value):
        """Take a certain block; whether that was possible."""
        if block in self.blocks:
            return True
        pool = self.room.of(block)
        if pool is None or pool.length != block.prefixlen:
            lengths = ", ".join("%s: /%d in %s" % (pool.data["name"], pool.length, pool.cidr) for pool in self.room.pools)
            self.problem(field, "expected a block of a pool (%s)" % lengths, value)
            return False
        holder = pool.holder.get(pool.index(block), self.name)
        if holder != self.name:
            self.problem(field, "is in block %s, which is leased to %s: expected one that nobody else holds" % (block, holder), value)
            return False
        self.take(block)
        return True

    def can_claim(self, number):
        """Whether an address held so far can be kept by taking its block: where that is in the node's own subnet."""
        address = ipaddress.ip_network(number)
        pool = self.room.of(address)
        if pool is None or pool.holder.get((number - pool.base) // pool.size) != self.name or pool.data["disabled"]:
            return False
        self.take(pool.block((number - pool.base) // pool.size))
        return number != self.tunnel()

    def pool_named(self, want):
        """The pool that a pod names for an address, unless that is one of the other family."""
        return want["pool"] if want["pool"] in self.room.names else None

    def take(self, block):
        self.blocks.append(block)
        self.room.of(block).take(block, self.name)

    def give(self, key, number):
        self.owner[number], self.taken[key] = key, number

    def within(self, number):
        return number != self.tunnel() and any(int(block[0]) <= number <= int(block[-1]) for block in self.blocks) and number not in self.routers()

    def tunnel(self):
        return int(self.blocks[0][TUNNEL]) if self.blocks else None

    def routers(self):
        return {int(ipaddress.ip_address(address)) for address in routers(self.room.fabric["pools"], self.blocks).values()} if self.room.router else ()

    def begin(self):
        """A first block."""
        block = None if self.blocks else self.room.next_for(self)
        if block is not None:
            self.take(block)

    def fill(self, natural):
        """The addresses that are wanting, from the blocks held and then from further ones."""
        wanted, free = {want["key"]: self.pool_named(want) for want in self.wanted}, {}
        missing = sorted((key for key in wanted if key not in self.taken), key=natural)
        if self.room.router:
            # The pools that come first in the list give a new node its first block, and so its first address.
            order = [pool["name"] for pool in self.room.fabric["pools"]]
            missing.sort(key=lambda key: order.index(wanted[key]) if wanted[key] else 0)
        while missing or not self.blocks:
            pool = wanted[missing[0]] if missing else None
            number = next(free.setdefault(pool, self.free(0, pool=pool)), None) if missing else None
            if number is not None:
                self.give(missing.pop(0), number)
                continue
            block = self.room.next_for(self, pool)
            if block is None and self.blocks and self.room.borrow and not pool:
                self.wanting = missing
                return
            if block is None:
                self.exhausted([name for name in missing if wanted[name] == pool], pool)
                return
            self.take(block)
            free = {pool: self.free(len(self.blocks) - 1, pool=pool)}

    def free(self, first, borrower=None, pool=None):
        """Free addresses, block by block. Those that would be a bridge's and a subnet's own come last: see block_pools."""
        own = self.routers()
        for block in self.blocks[first:]:
            source = self.room.of(block)
            if source.data["disabled"] or borrower and not source.is_for(borrower) or not source.serves(pool):
                continue
            start, size = int(block[0]), block.num_addresses
            for number in [start + offset for offset in [*range(2, size), 1, 0][-size:]]:
                if number not in self.owner and number not in self.room.lent and number != self.tunnel() and number not in own:
                    yield number

    def exhausted(self, missing, name=None):
        fits = [pool for pool in self.room.pools if pool.is_for(self.node) and pool.serves(name)]
        names = ", ".join("%s %s" % (pool.data["name"], pool.cidr) for pool in fits)
        missing = [pod_addresses.pod_of(key) for key in missing]
        shown = ", ".join(missing[:5]) + (" and %d more" % (len(missing) - 5) if len(missing) > 5 else "")
        what = "for this node%s" % ("'s pods " + shown if missing else "")
        if not fits:
            self.problem(self.room.variable, "no pool %s: expected one that is not disabled and whose node_labels it bears" % what,
                         "%d pools" % len(self.room.pools))
        else:
            expected = "no block is left %s in %s: add a pool, or shorten the blocks for nodes to come" % (what, names)
            self.problem(self.room.variable, expected, "%d pools" % len(self.room.pools))

    def addresses(self, natural):
        return {key: str(ipaddress.ip_address(self.taken[key])) for key in sorted(self.taken, key=natural)}
