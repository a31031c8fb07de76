# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a node: every table of the namespaces that matter, as one State."""

from __future__ import annotations

import shutil

from .errors import FabricError
from .kinds import LINKS, _ipset_tool, _iptables_tool, _link_messages, address, bridge_vlan, iptables, neighbour, netns, proxy_neighbour, route, rule, sysctl
from .kinds import veth, vxlan_fdb, xfrm_policy, xfrm_state
from .state import State


class Scope:
    """What to read. `namespaces` by name ('' is the own one); `iptables` as (netns, IP version); `sysctls` as keys; `ipsets` and `xfrm` by namespace;
    `bridges`: whether it counts what the kernel can do with one."""

    def __init__(self, namespaces=("",), iptables=(), sysctls=(), owner=None, ipsets=(), xfrm=(), bridges=True):
        self.namespaces, self.iptables, self.ipsets = set(namespaces) | {""}, set(iptables), set(ipsets)
        self.xfrm, self.bridges = set(xfrm), bridges
        self.sysctls, self.owner = set(sysctls), owner


def scope_of(wanted, owner, ledger, purge):
    """Where the wanted objects are, and, with purge, wherever the owner may have left some."""
    places = wanted.namespaces() | {item["parent"][0] for item in wanted.table("link").values() if item.get("parent")}
    rules = {key[:2] for name in ("iptables_chain", "iptables_rule") for key in wanted[name]}
    sysctls, ipsets = set(wanted["sysctl"]), {key[0] for key in wanted["ipset"]}
    xfrm = {key[0] for name in XFRM for key in wanted[name]}
    if owner.fabric and purge:
        places |= set(ledger.namespaces_of(owner.name))
        sysctls |= set(ledger.sysctls_of(owner.name))
        rules |= set(ledger.iptables_of(owner.name))
        rules |= {("", version) for version in versions()}
        ipsets |= {key[0] for key in ledger.listed("ipset", owner.name)}
        xfrm |= {key[0] for name in XFRM for key in ledger.listed(name, owner.name)}
    rules |= {(netns, version) for netns in ipsets for version in versions()}  # which may use them
    ipsets |= {place[0][0] for place in iptables.sets_of(wanted)}
    return Scope(places, rules, sysctls, owner if purge else None, ipsets, xfrm, bool(wanted["bridge"] or wanted["bridge_vlan"]))


XFRM = ("xfrm_state", "xfrm_policy")
OPTIONAL = ("rule", "neighbour", "proxy_neighbour")  # tables that many namespaces have nothing in
SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


def versions():
    """The IP versions whose rules this node has the tool for."""
    return [version for version, tool in _iptables_tool.TOOL.items() if shutil.which(tool + "-save", path=SBIN)]


def gather(kernel, scope, ledger, known=None):
    """The State of the scope; namespaces that do not exist are left out. `known` are tables that need not be read, {name: objects}."""
    known = known or {}
    state = State()
    kernel.forget_gone()
    rules = sorted(scope.iptables) if "chain" not in known else []
    # A tool takes as long to start as a table of netlink takes to be read.
    begun = {(name, version): _iptables_tool.begin_to_read(kernel, name, version) for name, version in rules if not name}
    for name in kernel.namespaces():
        try:
            state["netns"][(name,)] = netns.read(kernel, name)
        except FabricError:
            continue  # it went while we looked, or is no namespace any more
    present = [name for name in sorted(scope.namespaces | _owned(state, scope.owner)) if not name or (name,) in state["netns"]]
    others = [name for name, in state["netns"] if name not in present]
    read_links(kernel, present, others, state)
    links_of, readers = {}, {}
    for key, link in state["link"].items():
        links_of.setdefault(key[0], []).append((key[1], link))
    for name in present:
        indices, there = kernel.indices(name), links_of.get(name, ())
        names = {index: device for device, index in indices.items()}
        links = {index: (device, state["link"].get((name, device), {}).get("mac", "")) for index, device in names.items()}
        state["address"].update(address.read(kernel, name, links))
        state["route"].update(route.read(kernel, name, names, readers))
        if "rule" not in known:
            state["rule"].update(rule.read(kernel, name))
        if "neighbour" not in known:
            state["neighbour"].update(neighbour.read(kernel, name, names))
        if "proxy_neighbour" not in known:
            state["proxy_neighbour"].update(proxy_neighbour.read(kernel, name, names))
        devices = {device for device, link in there if link["kind"] == "vxlan"}
        state["vxlan_fdb"].update(vxlan_fdb.read(kernel, name, names, devices))
        if any(link["kind"] == "bridge" for dummy, link in there):
            state["bridge_vlan"].update(bridge_vlan.read(kernel, name, names, state["link"]))
    vxlan_fdb.normalise(state["vxlan_fdb"], state["link"])
    for table, items in known.items():
        state[table].update(items)
    for name, version in rules:
        if not name or (name,) in state["netns"]:
            told = begun.get((name, version)) or _iptables_tool.begin_to_read(kernel, name, version)
            state["chain"].update(told())
    for name in sorted(scope.ipsets) if "ipset" not in known else ():
        if not name or (name,) in state["netns"]:
            state["ipset"].update(_ipset_tool.read(kernel, name))
    for name in sorted(scope.xfrm):
        if not name or (name,) in state["netns"]:
            state["xfrm_policy"].update(xfrm_policy.read(kernel, name))
            state["xfrm_state"].update(xfrm_state.read(kernel, name))
    for key in sorted(sysctl.with_devices(kernel, scope.sysctls), key=sysctl.order):
        value = kernel.read_sysctl(*key) if not key[0] or (key[0],) in state["netns"] else None
        if value is not None:
            state["sysctl"][key] = {"value": value}
    add_notes(state, ledger)
    has_vlans = not scope.bridges or bridge_vlan.supported(kernel, state["link"])
    return State(state, has_vlans, state.taken)  # of which nothing is touched


def add_notes(state, ledger):
    """What the ledger says of the objects of a state."""
    for key, item in state["sysctl"].items():
        noted = ledger.sysctl(key) or {}
        state["sysctl"][key] = dict(item, found=noted.get("found"), wanted_by=dict(noted.get("wanted_by", {})),
                                    below=dict(noted.get("below", {})))
    state.taken = ledger.ports()
    for table in ("address", "chain", "ipset") + XFRM:
        for key, item in state[table].items():
            fabric = ledger.fabric_of(table, key)
            if fabric != item.get("noted"):
                state.alter(table, key, noted=fabric)


def _owned(state, owner):
    return {key[0] for key, item in state["netns"].items() if owner is not None and owner.holds_link(item)}


def read_links(kernel, namespaces, others, state):
    """Links of the namespaces, veth ends joined across them; of the others the links that stand on one of theirs."""
    known, unasked = {}, {}  # (netns, nsid) -> name; netns -> those whose number in it nobody has asked for yet
    ends = {}  # (netns, (number, its peer's number)) -> where the peer of a pair was read that has its other end here

    def place_of(name, nsid, pair):
        if nsid is None:
            return name
        if (name, pair) in ends:
            known[(name, nsid)] = ends[(name, pair)]
        if (name, nsid) not in known:
            for other in unasked.setdefault(name, iter(namespaces)):
                if other == name:
                    continue
                number = kernel.nsid(name, other)
                known[(name, number)] = other
                if number == nsid:
                    break
            known.setdefault((name, nsid), None)
        if pair and known[(name, nsid)]:
            ends[(known[(name, nsid)], pair[::-1])] = name
        return known[(name, nsid)]

    for name in namespaces:
        state["link"].update(_link_messages.read(kernel, name, LINKS, place_of))
    for name in others:
        try:
            found = _link_messages.read(kernel, name, LINKS, place_of)
        except FabricError:
            continue  # it went while we looked
        state["link"].update((key, link) for key, link in found.items()
                             if link.get("parent") and link["parent"][0] in namespaces)
    veth.join(state["link"], {name: {index: device for device, index in kernel.indices(name).items()}
                              for name in namespaces})
