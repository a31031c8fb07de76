# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan in stages, so that a network that spans nodes can move over without a gap.

Each stage is taken on every node before the next begins: what others will use is there before anyone uses it, and what others still use
goes last.

  add      only what can be made beside what stands
  change   also what differs is changed; nothing of ours is removed that does not stand in the way, as blackholes do
  purge    also what is not wanted is removed: the whole
"""

from __future__ import annotations

import ipaddress

from .errors import FabricError
from .kinds._link import sysctl_device
from .plan import plan
from .planner import Planner

ADD, CHANGE, PURGE = STAGES = ("add", "change", "purge")


def staged(found, wanted, owner, stage):
    """(operations of this stage, the state they lead to, the stages after it that have something to do)."""
    operations, model = plan(found, wanted, owner, purge=True)
    if stage == PURGE or not operations:
        return operations, model, []
    change, change_model = _with_sinks(operations, *plan(found, wanted, owner, purge=False))
    removes = [PURGE] if len(change) != len(operations) else []
    if stage == CHANGE:
        return change, change_model, removes
    beside, beside_model = _beside(found, change)
    return beside, beside_model, ([CHANGE] if len(beside) != len(change) else []) + removes


def _sink(operation):
    """Whether it is about a route that takes packets from wider ones and leads nowhere: a blackhole or the like."""
    return operation.kind.table == "route" and {**(operation.before or {}), **(operation.after or {})}["type"] != "unicast"


def _takes(found, key):
    """Whether a sink would take packets that reach somebody by what stands, such as the pods on a bridge."""
    sink = ipaddress.ip_network(key[2])
    connected = (ipaddress.ip_interface(other[2]).network for other in found["address"] if other[0] == key[0])
    return any(network.version == sink.version and network.overlaps(sink) for network in connected)


def _with_sinks(whole, change, model):
    """The second stage, with the removal of sinks: what is changed in it may be reached by a wider route from now on."""
    planner = Planner(model)
    for operation in whole:
        if operation.verb == "remove" and _sink(operation) and operation.key in planner.work["route"]:
            planner.do(operation)
    for table, items in planner.work.items():
        items.touched = {**model[table].touched, **items.touched}  # for the way back: of both plans
    return change + planner.operations, planner.work


def _beside(found, operations):
    """The operations that leave alone every link, address, route, neighbour, FDB entry and set that stands."""
    planner, disturbed = Planner(found), set()
    for operation in operations:
        table, key = operation.kind.table, operation.key
        ends = {key, (operation.after or operation.before).get("peer")} - {None} if table == "link" else set()
        if operation.kind.name == "bridge_port":
            ends.add((key[0], operation.after.get("master")))  # what the bridge gets with its port waits with it
        if disturbed.intersection(_devices(operation)) or ends & disturbed:
            disturbed |= ends
            continue
        if _sink(operation) and _takes(found, key):
            continue
        if table in ("sysctl", "chain", "netns"):
            planner.do(operation)
        elif key in found[table] or any(end in found["link"] for end in ends):
            # A pair is made whole: where one end's name is taken by what stands, the other waits with it.
            disturbed |= ends
        else:
            try:
                planner.do(operation)
            except KeyError as error:
                raise FabricError("internal error: %s needs what stands to change first (%s)" % (operation, error)) from None
    return planner.operations, planner.work


def _devices(operation):
    """[(namespace, device)] that the object stands on, or that it is."""
    key = operation.key
    if operation.kind.table == "route":
        route = dict(operation.before or {}, **operation.after or {})
        return [(key[0], dev) for dev in (route["dev"], *(hop.dev for hop in route["nexthops"]))]
    if operation.kind.table == "sysctl":
        return [(key[0], sysctl_device(key[1]))]
    if operation.kind.table in ("ipset", "rule"):
        return []
    return [key[:2]]
