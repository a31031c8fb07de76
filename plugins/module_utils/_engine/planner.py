# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations in order, each played on a model that falls as the kernel does. Part of C(plan)."""

from __future__ import annotations

from itertools import groupby

from .document import uppers
from .errors import Conflict
from .kinds import KINDS, LINKS, sysctl
from .kinds._base import Kind, Operation
from .kinds._bulk import Bulk
from .kinds._ipset_tool import TEMPORARY
from .kinds._link import children, is_fallback
from .kinds.iptables import CHAIN, RULE, edits, is_ours, matches

ADDITIVE = ("ipset", "bridge_vlan", "address", "vxlan_fdb", "neighbour", "proxy_neighbour", "route", "rule", "xfrm_state", "xfrm_policy")
CHAINS = (CHAIN, RULE)


class Planner:
    """Builds a list of operations and the state that they lead to."""

    def __init__(self, found):
        self.found, self.work, self.operations = found, found.copy(), []

    def do(self, operation):
        operation.kind.simulate(self.work, operation)
        self.operations.append(operation)

    def do_all(self, operations):
        for operation in operations:
            self.do(operation)

    # --- steps ---

    def evict(self, wanted, owner, purge):
        """Remove what cannot become what is wanted, and our own objects that hold what a new one needs."""
        links = wanted.table("link")
        if purge:
            self.evict_neighbours(wanted["neighbour"], links, owner)
        while sum(self.evict_link(key, item, links, owner) for key, item in links.items()):
            pass  # what falls with one may be what another was made of
        for key in [key for key in self.work["ipset"] if key[1] == TEMPORARY]:
            self.remove_one(KINDS["ipset"], key)
        self.make_way(wanted["ipset"], lambda rule: owner.fabric and is_ours(rule, owner))
        kind = KINDS["address"]
        for key in wanted["address"] if purge else ():
            if key not in self.work["address"]:
                for other in kind.in_the_way(self.work, key, wanted["address"]):
                    if other in self.work["address"] and kind.owned(self.work, other, self.work["address"][other], owner):
                        self.remove_one(kind, other)

    def evict_neighbours(self, wanted, links, owner):
        """Of bridges that stay. When a port comes or goes, the bridge may or may not lose its neighbours (see port_changes), and what may be
        gone cannot be removed."""
        kind = KINDS["neighbour"]
        for key, item in list(self.work["neighbour"].items()):
            if key not in wanted and links.get(key[:2], {}).get("kind") == "bridge" and kind.owned(self.work, key, item, owner):
                self.remove_one(kind, key)

    def evict_link(self, key, item, links, owner):
        """Whether a link went that cannot become the wanted one, or has what that needs."""
        kind, done = LINKS[item["kind"]], len(self.operations)
        found = self.work["link"].get(key)
        because = found is not None and kind.must_replace(found, item)
        if because:
            self.remove_link(key, because)
        found = self.work["link"].get(key)
        holds = found is not None and kind.claim(key, found) == kind.claim(key, item)
        rivals = None if holds else kind.rivals(key, item)
        for other, found in list(self.work["link"].items()) if rivals else ():
            # one that is wanted may be to have another, or to have whichever
            stays = other in links and links[other]["kind"] == kind.kind and rivals(other, links[other])
            if not stays and found["kind"] == kind.kind and rivals(other, found) and owner.holds_link(found):
                self.remove_link(other)
        if kind.leftover(key) in self.work["link"]:
            self.remove_link(kind.leftover(key))
        return len(self.operations) > done

    def make_way(self, ipsets, ours):
        """Remove sets that cannot become what is wanted, and first what uses them; `ours` says which rules may be out for a moment."""
        kind = KINDS["ipset"]
        for key, item in ipsets.items():
            found = self.work["ipset"].get(key)
            if found is None or not kind.must_replace(found, item):
                continue
            for chain, rule in matches(self.work, key):
                if not ours(rule):
                    raise Conflict("%s: a set of type %s cannot become one of type %s while a rule of chain %s uses it that is not this task's "
                                   "to take out: %s; delete that rule first, or choose another name"
                                   % (kind.describe(key), found["type"], item["type"], chain[3], rule))
                self.do_all(edits(self.work, chain, [other for other in self.work["chain"][chain]["rules"] if other != rule]))
            for other, holder in kind.holders(self.work, key):
                left = holder["members"].copy()
                del left[key[1]]
                self.do(Operation(kind, "change", other, before=holder, after={"members": left}))
            self.remove_one(kind, key)

    def remove_one(self, kind, key):
        """Remove an object, and first what might or might not go with it."""
        if kind.table == "link":
            self.remove_link(key)
            return
        if kind.table == "address":
            for other in kind.secondaries(self.work, key):
                self.do(Operation(kind, "remove", other, before=self.work["address"][other]))
        if kind.table == "netns":
            # the kernel takes a namespace down when it has time to, and whatever holds it open keeps its links
            for other in [other for other in self.work["link"] if other[0] == key[0]]:
                across = [child for child in children(self.work, other) if child[0] != key[0]]
                item = self.work["link"].get(other, {})
                if item.get("kind") == "veth" and (item["peer"] or ("?",))[0] != key[0] or item.get("parent", key)[0] != key[0]:
                    across.append(other)
                for link in across:
                    if link in self.work["link"]:
                        self.remove_link(link)
        self.do(Operation(kind, "remove", key, before=self.work[kind.table][key]))

    def change(self, kind, key, changed):
        self.do(Operation(kind, "change", key, before=self.work[kind.table][key], after=changed))

    def remove_link(self, key, because=None):
        found = self.work["link"][key]
        self.do(Operation(LINKS.get(found["kind"], LINKS["veth"]), "remove", key, before=found, because=because))

    def build(self, wanted, owner):
        for key, item in wanted["netns"].items():
            self.settle(KINDS["netns"], key, item)
        order = link_order(wanted)
        links = dict(order)
        for key, item in order:
            if key not in self.work["link"] and item.get("lead", True):
                self.raise_mtu_below(key, item, links)
                self.do(Operation(LINKS[item["kind"]], "add", key, after=item))
        sysctls = sorted(wanted["sysctl"].items(), key=lambda pair: sysctl.order(pair[0]))
        for key, item in sysctls:
            if not sysctl.awaits_mtu(self.work, key):
                self.settle(KINDS["sysctl"], key, item)
        for key, item in by_namespace(order):
            self.settle(LINKS[item["kind"]], key, item)
        for key, item in sysctls:
            self.settle(KINDS["sysctl"], key, item)
        for name in ADDITIVE:
            self.settle_all(KINDS[name], wanted[name])
            if owner.fabric:
                self.settle_all(KINDS[name], KINDS[name].given(self.work, wanted[name], owner))
        for kind in CHAINS:
            self.do_all(kind.build(self.work, wanted[kind.name], owner))

    def raise_mtu_below(self, key, item, wanted):
        """A link is not made with a larger MTU than what it stands on has, which may be to get a larger one too."""
        below = item.get("parent") or item.get("dev") and (key[0], item["dev"])
        found, becomes = self.work["link"].get(below), wanted.get(below)
        if found and becomes and item["mtu"] and becomes["mtu"] and found["mtu"] and found["mtu"] < min(item["mtu"], becomes["mtu"]):
            self.change(LINKS[becomes["kind"]], below, {"mtu": becomes["mtu"]})

    def settle(self, kind, key, item):
        """Add the object where it is missing, change it where it differs."""
        if key not in self.work[kind.table]:
            self.do(Operation(kind, "add", key, after=item))
        found = self.work[kind.table][key]
        changed = kind.difference(found, item)
        if changed:
            self.do(Operation(kind, "change", key, before=found, after=changed))

    def settle_all(self, kind, items):
        table = self.work[kind.table]
        if items.items() <= table.items():
            return
        if isinstance(kind, Bulk) and items.keys().isdisjoint(table):
            self.add_all(kind, in_order(kind, items))
            return
        differing = {key: item for key, item in items.items() if table.get(key) != item}
        for new, group in groupby(in_order(kind, differing), lambda pair: pair[0] not in table):
            if new and isinstance(kind, Bulk):
                self.add_all(kind, group)
            else:
                for key, item in group:
                    self.settle(kind, key, item)

    def add_all(self, kind, items):
        """[(key, object)] of which none is there."""
        added = [Operation(kind, "add", key, None, kind.made(item)) for key, item in items]
        kind.simulate_all(self.work, added)
        self.operations += added

    def purge(self, wanted, owner):
        """Remove what bears the owner's mark and is not wanted."""
        for kind in reversed(CHAINS):
            self.do_all(list(kind.purge(self.work, wanted[kind.name], owner)))
        links = wanted.table("link")
        for key in sorted(self.work["link"], key=lambda key: (self.work["link"][key]["kind"] == "bridge", key)):
            item = self.work["link"].get(key)
            if item is not None and key not in links and owner.holds_link(item):
                self.remove_link(key)
        for name in reversed(ADDITIVE):
            kind = KINDS[name]
            if self.work[name].keys() <= wanted[name].keys():
                continue
            unwanted = {key: item for key, item in self.work[name].items() if key not in wanted[name]}
            for key, item in reversed(in_order(kind, unwanted)):
                if key in self.work[name] and kind.owned(self.work, key, item, owner) and not kind.implied(self.work, key, item):
                    self.remove_one(kind, key)
        self.release_sysctls(wanted, owner)
        for key, item in list(self.work["netns"].items()):
            if key not in wanted["netns"] and owner.holds_link(item):
                self.remove_one(KINDS["netns"], key)

    def release_sysctls(self, wanted, owner):
        """Global keys first: they write through to the devices, whose own values are put back after."""
        kind = KINDS["sysctl"]
        held = [key for key, item in self.work["sysctl"].items()
                if key not in wanted["sysctl"] and kind.owned(self.work, key, item, owner)]
        for key in sorted(held, key=sysctl.order):
            item = self.work["sysctl"].get(key)
            value = kind.removal(item)
            if value is None:
                self.work.alter("sysctl", key, wanted_by={name: had for name, had in item["wanted_by"].items() if name != owner.name})
                continue
            self.do(Operation(kind, "remove", key, before=item, after={"value": value}))
            for name, had in item["below"].items():
                other = (key[0], name)
                if other in self.work["sysctl"] and other not in wanted["sysctl"]:
                    self.settle(kind, other, {"value": had})

    def remove(self, keys):
        """Remove named objects: {kind name: [key]}. What is not there needs no operation."""
        for kind in reversed(CHAINS):
            self.do_all(list(kind.remove(self.work, [key for key in keys.get(kind.name, ())
                                                     if kind is RULE or key in self.work["chain"]])))
        for name in ADDITIVE + tuple(kind.name for kind in LINKS.values()) + ("netns",):
            kind = KINDS[name]
            there = {key: self.work[kind.table][key] for key in keys.get(name, ()) if key in self.work[kind.table]}
            for key, dummy in in_order(kind, there)[::-1] if kind.table == "ipset" else there.items():
                if key in self.work[kind.table]:
                    if name in LINKS and is_fallback(key, self.work["link"][key]):
                        raise Conflict("%s is there as long as the kernel module is loaded; leave it, or take it down" % kind.describe(key))
                    if name != "bridge_port":
                        self.remove_one(kind, key)
                    elif self.work["link"][key]["master"]:
                        self.change(kind, key, {"master": ""})


def link_order(wanted):
    """[(key, object)] of the wanted links, each after its master and its underlay device."""
    links, needs, order, seen = wanted.table("link"), uppers(wanted), [], set()

    def visit(key):
        if key in seen:
            return
        seen.add(key)
        for other in sorted(needs[key]):
            visit(other)
        order.append((key, links[key]))

    for key in links:
        visit(key)
    return order


def by_namespace(order):
    """The same with those of a namespace together, which is one packet; but not where a link would come before its parent in another one."""
    groups = {}
    for key, item in order:
        groups.setdefault(key[0], []).append((key, item))
    places = {netns: place for place, netns in enumerate(groups)}
    if any(item.get("parent") and places.get(item["parent"][0], 0) > places[key[0]] for key, item in order):
        return order
    return [pair for group in groups.values() for pair in group]


def in_order(kind, items):
    """[(key, object)] as they are built one after the other."""
    if type(kind).order is Kind.order:
        return list(items.items())
    return sorted(items.items(), key=lambda pair: kind.order(pair[1]))
