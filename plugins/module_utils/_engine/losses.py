# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan would take from others, or from a fabric: it is refused. Part of C(plan)."""

from __future__ import annotations

from .errors import Conflict
from .kinds import KINDS, LINKS
from .kinds._base import place
from .kinds._hops import harmed
from .kinds._link import is_fallback, whose
from .kinds.iptables import CHAIN, jumps, matches
from .kinds.route import by_address
from .owner import fabric_number, fabric_of_link


def refuse_foreign_loss(planner, owner, moves):
    found, after = planner.found, planner.work
    _no_lost_port(planner, owner.holds_link, moves.release)
    _no_lost_jump(planner)
    _no_lost_set(planner)
    ours = {key[0] for key, item in found["netns"].items() if owner.holds_link(item)}
    for name in ("netns", "link", "neighbour", "proxy_neighbour", "address", "route"):
        for key, item in found[name].items():
            if not lost(name, item, after[name].get(key)) or name not in ("link", "netns") and key[0] in ours:
                continue
            if name == "link" and is_fallback(key, item):
                continue
            kind = LINKS.get(item["kind"], LINKS["veth"]) if name == "link" else KINDS[name]
            if kind.owned(found, key, item, owner) or moves.moved(name, key) or name == "route" and by_address(found, key, item):
                continue
            raise Conflict("%s is not this fabric's and would be lost when %s goes or is replaced; move or delete it first"
                           % (kind.describe(key), _device(name, key, item)))


def refuse_fabric_loss(planner):
    """What a granular module removes may take nothing of a fabric with it."""
    _no_lost_port(planner, lambda link: not fabric_of_link(link))
    _no_lost_jump(planner)
    _no_lost_set(planner)
    for name in ("netns", "link", "neighbour", "proxy_neighbour", "address", "route"):
        for key, item in planner.found[name].items():
            if not lost(name, item, planner.work[name].get(key)):
                continue
            fabric = fabric_of_link(item) if name in ("netns", "link") else item.get("noted")
            number = fabric_number(item) if name in ("neighbour", "proxy_neighbour", "route") else None
            if fabric or number is not None:
                kind = LINKS.get(item["kind"], LINKS["veth"]) if name == "link" else KINDS[name]
                raise Conflict("%s belongs to fabric %s and would be lost with it; change that fabric's document first"
                               % (kind.describe(key), fabric or "number %d" % number))


def _no_lost_port(planner, may_lose, released=()):
    """A bridge that goes releases its ports, which then lose their settings and static FDB entries."""
    for key, item in planner.found["link"].items():
        after = planner.work["link"].get(key)
        if item["master"] and after is not None and not after["master"] and not may_lose(item) and key not in released:
            if (key[0], item["master"]) not in planner.work["link"]:
                raise Conflict("link %s%s is a port of %s, which would go, and is %s; release or delete it first"
                               % (key[1], place(key[0]), item["master"], whose(item)))


def _no_lost_jump(planner):
    for key in planner.found["chain"]:
        if key not in planner.work["chain"]:
            for chain, rule in jumps(planner.work, key):
                raise Conflict("%s would go, and a rule of chain %s that stays sends packets there: %s; delete that rule first"
                               % (CHAIN.describe(key), chain[3], rule))


def _no_lost_set(planner):
    kind = KINDS["ipset"]
    for key in planner.found["ipset"]:
        if key not in planner.work["ipset"]:
            for chain, rule in matches(planner.work, key):
                raise Conflict("%s would go, and a rule of chain %s that stays uses it: %s; delete that rule first"
                               % (kind.describe(key), chain[3], rule))
            for other, dummy in kind.holders(planner.work, key):
                raise Conflict("%s would go, and is a member of %s, which stays; delete it there first" % (kind.describe(key), kind.describe(other)))


def lost(name, found, after):
    """Whether an object is gone, or a route has lost some of its ways."""
    return after is None or name == "route" and harmed(found, after)


def _device(name, key, item):
    return item.get("dev") or item.get("master") or " or ".join(item.get("also", ())) or key[-1]
