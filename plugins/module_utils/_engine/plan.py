# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is found to what is wanted: operations in order, each played on a model that falls as the kernel does.

What an operation destroys in passing shows in the model, so what is wanted and was lost is simply missing and is built again,
and what is foreign and would be lost is known before anything is touched. Nothing here touches the kernel.
"""

from __future__ import annotations

from .document import Wanted
from .errors import Conflict, FabricError
from .kinds import KINDS, LINKS
from .kinds._base import Operation
from .kinds._ipset_tool import TEMPORARY
from .kinds.iptables import CHAIN, edits
from .kinds.route import by_address
from .losses import lost, refuse_fabric_loss, refuse_foreign_loss
from .owner import Owner
from .planner import ADDITIVE, Planner
from .ports import Moves, named_in_note
from .ports import released as release_ports

ROUNDS = 5  # a round puts back what the one before it felled; two are enough for every cascade that there is


def plan(found, wanted, owner, purge=False):
    """(operations, the state they lead to). Raises Conflict."""
    _own_number(found, owner)
    for name, items in wanted.items():
        KINDS[name].check_all(found, items, owner)
    planner, moves = Planner(found), Moves(found, wanted, owner, purge)
    wanted = wanted.beside(moves.stand)
    planner.evict(wanted, owner, purge)
    for dummy in range(ROUNDS):
        done = len(planner.operations)
        planner.build(wanted, owner)
        release_ports(planner, moves)
        if purge:
            planner.purge(wanted, owner)
        if not owner.fabric:
            _put_back(planner, wanted, moves)
        if len(planner.operations) == done:
            break
    else:
        raise FabricError("internal error: the plan does not settle; its last operations: %s"
                          % "; ".join(map(str, planner.operations[-4:])))
    if owner.fabric:
        refuse_foreign_loss(planner, owner, moves)
    else:
        refuse_fabric_loss(planner)
    return planner.operations, planner.work


def plan_removal(found, keys, owner):
    """The same for objects that a granular module names: {kind name: [key]}."""
    for name, listed in keys.items():
        for key in listed:
            if key in found[KINDS[name].table] or name == "iptables_rule":
                _refuse_others(KINDS[name], found, key)
    planner = Planner(found)
    planner.remove(keys)
    refuse_fabric_loss(planner)
    return planner.operations, planner.work


def plan_back(current, start, touched, owner=None, refused=None):
    """(operations, what they touch) back to the start after a failure: what the plan touched or felled. `touched` is {table: keys}.

    Whatever else stood on a link or in a namespace that was touched and is missing comes back too, should the kernel have felled more
    than the model; what others do meanwhile elsewhere on the node is theirs. So is what stands where the owner was to make something,
    if it has not the owner's mark, or if that very operation was refused.
    """
    planner, extra = Planner(current), {}

    def ours(kind, key):
        if refused is not None and refused.verb == "add" and (refused.kind.table, refused.key) == (kind.table, key):
            return False
        return owner is None or kind.owned(current, key, current[kind.table][key], owner) or named_in_note(current, kind, key)

    for kind in KINDS.values():
        if kind.table not in ("chain", "link", "sysctl"):
            extra[kind.name] = [key for key in touched[kind.table]
                                if key in current[kind.table] and key not in start[kind.table] and ours(kind, key)]
    extra["address"] += KINDS["address"].misplaced(current, start, touched["address"])
    for key in touched["link"]:
        found, had = current["link"].get(key), start["link"].get(key)
        stays = had and had["kind"] in LINKS and not LINKS[had["kind"]].must_replace(found or had, had)
        if found and not stays and ours(LINKS.get(found["kind"], LINKS["veth"]), key):
            extra.setdefault(LINKS[found["kind"]].name if found["kind"] in LINKS else "", []).append(key)
    new_sets = extra.pop("ipset")
    planner.remove(extra)
    planner.make_way(_as_at_start(planner, current, start, touched)["ipset"], lambda rule: True)
    for dummy in range(ROUNDS):
        done = len(planner.operations)
        planner.build(_as_at_start(planner, current, start, touched), Owner())
        if len(planner.operations) == done:
            break
    _chains_back(planner, start, {**touched["chain"], **planner.work.touched()["chain"]})
    planner.remove({"ipset": new_sets})  # rules may have used them
    return planner.operations, planner.work.touched()


def _as_at_start(planner, current, start, touched):
    """The objects of the start that have to be as they were."""
    exact, felled = Wanted(), planner.work.touched()
    devices = set(touched["link"]) | {key[:2] for key in touched["address"]}
    for kind in KINDS.values():
        table = kind.table
        if table in ("chain", "link"):
            continue
        for key, item in start[table].items():
            stood_there = key not in current[table] and (key[:2] in devices or (key[0],) in touched["netns"])
            if (key in touched[table] or key in felled[table] or stood_there) and not (table == "route" and by_address(start, key, item)):
                exact[kind.name][key] = item
    for key, item in _exact_links(start, planner.work, {**touched["link"], **felled["link"]}):
        exact[item["kind"] if item["kind"] == "bridge_port" else LINKS[item["kind"]].name][key] = item
    return exact


def _exact_links(start, current, touched):
    """Links that are missing or differ, as full objects; veth ends with their twins."""
    for key, item in start["link"].items():
        known = item["kind"] in LINKS
        if key not in touched or current["link"].get(key) == item or not known and key not in current["link"]:
            continue
        item = {field: value for field, value in item.items() if field != "index"}
        if not known:
            item["kind"] = "bridge_port"  # whatever it is, a port is what it was made to be or not to be
        if item["kind"] == "veth":
            peer = item.get("peer")
            twin = start["link"].get(peer) if peer else None
            if twin is None and key not in current["link"]:
                continue  # its other end was out of sight: there is nothing to make it of
            item.update(lead=twin is None or key < peer, twin=twin)
        yield key, item


def _chains_back(planner, start, touched):
    for key in touched:
        if key in start["chain"] and key not in planner.work["chain"]:
            planner.do(Operation(CHAIN, "add", key, after=start["chain"][key]))
    for key in touched:
        if key in start["chain"] or planner.work["chain"].get(key, {}).get("policy") not in (None, "-"):
            planner.do_all(edits(planner.work, key, start["chain"].get(key, {"rules": []})["rules"]))
    planner.do_all(list(CHAIN.remove(planner.work, [
        key for key in touched if key not in start["chain"] and planner.work["chain"].get(key, {}).get("policy") == "-"])))


def _own_number(found, owner):
    """A number tells fabrics apart within a namespace: their routes carry nothing else."""
    for key, item in found["link"].items():
        if owner.fabric and item["group"] == owner.number and item["alias"] not in (owner.name, ""):
            raise Conflict("number %d is already used on this node by fabric %s (%s); give each fabric its own fabric_number"
                           % (owner.number, item["alias"], " ".join(part for part in key if part)))


def _refuse_others(kind, found, key):
    """A granular module leaves alone what belongs to a fabric; each kind's check says so for any wanted object."""
    item = found[kind.table].get(key, {})
    kind.check(found, key, dict(item, kind=getattr(kind, "kind", None), peer=()), Owner())


def _put_back(planner, wanted, moves):
    """What a granular module's replacement of a link felled stands again afterwards."""
    made_anew = {operation.key for operation in planner.operations if operation.kind.table == "link" and operation.verb == "remove"}
    for name in ADDITIVE:
        for key, item in planner.found[name].items():
            leftover = name == "ipset" and key[1] == TEMPORARY or moves.moved(name, key)
            if name == "bridge_vlan" and (key[:2] not in made_anew or not item["self"] and not planner.work["link"][key[:2]]["master"]):
                continue  # whoever takes a port off its bridge, or changes the default PVID, means what it does to VLANs
            if lost(name, item, planner.work[name].get(key)) and not leftover and not (name == "route" and by_address(planner.found, key, item)):
                wanted[name].setdefault(key, item)
