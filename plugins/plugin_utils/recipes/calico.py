# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Calico puts on a node (projectcalico/calico:felix, confd), without Calico.

A node holds blocks of the pools. Each of its pods is at the end of a C(cali*) veth with a /32, and takes C(169.254.1.1), which nobody has, for its
gateway: the node answers for it by proxy ARP, so there is no bridge and no subnet. Other nodes' blocks are routes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re

from .. import blocks
from . import _bird, _parts

PER_NODE = ("blocks", "as_number", "reflector_cluster_id")

NEVER, ALWAYS, CROSS_SUBNET = MODES = ("Never", "Always", "CrossSubnet")
VXLAN_DEVICE = "vxlan.calico"
GATEWAY = "169.254.1.1"
HOST_MAC = "ee:ee:ee:ee:ee:ee"
# The outer headers: IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14.
VXLAN_OVERHEAD = 50
IPIP_OVERHEAD = 20
LARGEST_AS = 2**32 - 1


def check(options):
    """What is wrong with the variables of role calico, as (variable, value, expectation)."""
    if not 1 <= options["vni"] < 2**24:
        yield "calico_vni", options["vni"], "expected a number from 1 to 16777215: a VNI has 24 bits"
    if not 1 <= options["port"] <= 65535:
        yield "calico_port", options["port"], "expected a UDP port from 1 to 65535"
    for key, least, most in (("hold_time", 3, 65535), ("graceful_restart_time", 1, 4095)):
        if not least <= options[key] <= most:
            yield "calico_" + key, options[key], "expected a number of seconds from %d to %d" % (least, most)
    for index, cidr in enumerate(options["advertise"]):
        if _network(cidr) is None:
            yield "calico_advertise[%d]" % index, cidr, "expected an IPv4 range such as 10.96.0.0/12"
    yield from _check_peers(options["peers"])
    yield from _check_communities(options["communities"])
    if options["pools"]:
        # Each pool says it for itself.
        return
    if not 20 <= options["block_size"] <= 32:
        yield "calico_block_size", options["block_size"], "expected a length from 20 to 32"
    yield from _check_modes("calico_", options, options["bgp"])


def _check_modes(field, pool, bgp):
    if pool["vxlan_mode"] == NEVER and not bgp:
        yield field + "vxlan_mode", NEVER, "nothing would carry packets between nodes: expected one of Always, CrossSubnet, or calico_bgp: true"
    if pool["ipip_mode"] != NEVER and pool["vxlan_mode"] != NEVER:
        yield field + "ipip_mode", pool["ipip_mode"], "expected Never: the pool's packets travel in VXLAN (%s)" % pool["vxlan_mode"]


def _check_peers(peers):
    for index, peer in enumerate(peers):
        field = "calico_peers[%d]." % index
        if (peer["address"] is None) == (peer["peer_labels"] is None):
            yield field + "address", peer["address"], "expected exactly one of address and peer_labels"
        elif peer["address"] is not None:
            address = _network(peer["address"] + "/32")
            if address is None:
                yield field + "address", peer["address"], "expected an IPv4 address"
            if not 1 <= (peer["as_number"] or 0) <= LARGEST_AS:
                yield field + "as_number", peer["as_number"], "expected the number of the peer's AS, 1 to %d" % LARGEST_AS
        if not 1 <= peer["port"] <= 65535:
            yield field + "port", peer["port"], "expected a TCP port from 1 to 65535"
        if peer["hops"] is not None and not 1 <= peer["hops"] <= 255:
            yield field + "hops", peer["hops"], "expected a number from 1 to 255"


def _check_communities(entries):
    for index, entry in enumerate(entries):
        field = "calico_communities[%d]." % index
        if _network(entry["cidr"]) is None:
            yield field + "cidr", entry["cidr"], "expected an IPv4 range"
        for place, community in enumerate(entry["communities"]):
            if not re.match(r"\d{1,10}(:\d{1,10}){1,2}\Z", community):
                yield field + "communities[%d]" % place, community, "expected two or three numbers with colons between, such as 64512:100"


def title(options):
    """Which ways between nodes the options choose."""
    ways = {"%s %s" % (way, pool[way + "_mode"]) for pool in options["pools"] or [options] for way in ("vxlan", "ipip") if pool[way + "_mode"] != NEVER}
    return " ".join((["bgp"] if options["bgp"] else []) + sorted(ways))


def without_checks(dummy):
    """There is no bridge that would send a frame back."""
    return ("hairpin",)


def check_cluster(fabric):
    """What is wrong with pools and pins, as (host, variable, value, expectation)."""
    length = fabric["options"]["block_size"]
    if fabric["options"]["pools"]:
        yield from _check_pools(fabric)
    elif length < ipaddress.ip_network(fabric["pod_cidr"]).prefixlen:
        yield "", "calico_block_size", length, "expected a length that is not shorter than that of fabric_pod_cidr %s" % fabric["pod_cidr"]
    if fabric["options"]["bgp"]:
        yield from _check_sessions(fabric)
    for name, node in fabric["nodes"].items():
        if node["subnet"]:
            yield name, "fabric_subnet", node["subnet"], "expected none: nodes hold blocks of pools here; pin those with calico_blocks"
        if not 1 <= node["options"]["as_number"] <= LARGEST_AS:
            yield name, "calico_as_number", node["options"]["as_number"], "expected a number from 1 to %d" % LARGEST_AS
        cluster_id = node["options"]["reflector_cluster_id"]
        if cluster_id and _network(cluster_id + "/32") is None:
            yield name, "calico_reflector_cluster_id", cluster_id, "expected the form of an IPv4 address, such as 244.0.0.1"
        for index, block in enumerate(node["options"]["blocks"]):
            if _network(block) is None:
                yield name, "calico_blocks[%d]" % index, block, "expected a block of a pool, such as 10.244.1.0/26"


def _check_sessions(fabric):
    for name in fabric["nodes"] if len(fabric["nodes"]) > 1 else ():
        if not _bird.sessions(fabric, name):
            yield name, "calico_peers", [peer["name"] for peer in fabric["options"]["peers"]], (
                "no BGP session for this node: expected calico_mesh: true, or a peer for it (see node_labels and peer_labels)")


def _check_pools(fabric):
    cluster, seen = ipaddress.ip_network(fabric["pod_cidr"]), []
    for index, pool in enumerate(fabric["options"]["pools"]):
        field, cidr = "calico_pools[%d]." % index, _network(pool["cidr"])
        if cidr is None:
            yield "", field + "cidr", pool["cidr"], "expected an IPv4 range such as 10.244.0.0/17, without bits beyond its length"
            continue
        if not cidr.subnet_of(cluster):
            yield "", field + "cidr", pool["cidr"], "expected a range inside fabric_pod_cidr %s" % cluster
        for name, other in seen:
            if other.overlaps(cidr):
                yield "", field + "cidr", pool["cidr"], "overlaps %s of pool %s: expected ranges that do not overlap" % (other, name)
        if pool["name"] in [name for name, dummy in seen]:
            yield "", field + "name", pool["name"], "expected names that differ"
        seen.append((pool["name"], cidr))
        if not max(cidr.prefixlen, 20) <= pool["block_size"] <= 32:
            yield "", field + "block_size", pool["block_size"], "expected a length from %d to 32" % max(cidr.prefixlen, 20)
        for variable, value, expected in _check_modes(field, pool, fabric["options"]["bgp"]):
            yield "", variable, value, expected


def _network(text):
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    return network if network.version == 4 and "/" in text else None


def pools(fabric):
    """The pools, each with all that is said of it; without calico_pools one, the whole range."""
    options = fabric["options"]
    whole = {"name": "default", "cidr": fabric["pod_cidr"], "node_labels": {}, "disabled": False, "nat_outgoing": True,
             "bgp_export": True, **{key: options[key] for key in ("block_size", "vxlan_mode", "ipip_mode")}}
    return [dict(pool, block_length=pool["block_size"], nat_outgoing=pool["nat_outgoing"] and fabric["masquerade"])
            for pool in options["pools"] or [whole]]


def masquerades(fabric, address):
    """Whether what the pod of that address sends out of the cluster bears its node's address: its pool says so."""
    return blocks.pool_of(fabric["pools"], address)["nat_outgoing"]


def packages(fabric):
    """What brings the commands that the backend needs."""
    return dict({"ipset": "ipset"}, **({"bird": "bird2"} if fabric["options"]["bgp"] else {}))


def kernel_modules(fabric):
    """What the kernel has to have built in or as a module."""
    return ["veth", "ip_set"] + (["vxlan"] if tunnelled(fabric) else []) + (["ipip"] if _ipip(fabric) else [])


def exclusive(options):
    """What two fabrics on one machine cannot both have."""
    return dict({"calico_vni": options["vni"]}, **({"calico_bgp": True} if options["bgp"] else {}))


def tunnelled(fabric):
    """Whether any pool's packets are ever put into VXLAN."""
    return any(pool["vxlan_mode"] != NEVER for pool in fabric["pools"])


def _ipip(fabric):
    return any(pool["ipip_mode"] != NEVER for pool in fabric["pools"])


def daemon(fabric, name):
    """What BIRD on a node is and should have: see C(_defaults.daemon)."""
    if not fabric["options"]["bgp"]:
        return None
    return {
        "config": _bird.config_path(fabric),
        "socket": _bird.socket_path(fabric),
        "content": _bird.config(fabric, name),
        "bridge": _bird.config(fabric, name, bridge=True),
        "sessions": [{"protocol": session["protocol"], "to": session["node"] or session["address"]} for session in _bird.sessions(fabric, name)],
        "networks": [{"to": node, "cidr": block} for node, told in _bird.networks(fabric, name).items() for block in told],
    }


def files(fabric, name, dummy_mtu):
    """BIRD's."""
    return _bird.files(fabric, name) if fabric["options"]["bgp"] else []


def units(fabric, dummy_name):
    """BIRD's, which is started anew only where its unit has changed; a configuration it takes as it runs."""
    if not fabric["options"]["bgp"]:
        return []
    return [{"name": _bird.unit_name(fabric), "revision": hashlib.sha256(_bird.unit(fabric).encode()).hexdigest()[:16]}]


def document(fabric, name):
    """All that Calico wants on the node C(name)."""
    node = fabric["nodes"][name]
    peers = {peer: entry for peer, entry in fabric["nodes"].items() if peer != name}
    return _parts.merge(
        {"underlay": {"address": node["ip"], "overhead": VXLAN_OVERHEAD if tunnelled(fabric) else IPIP_OVERHEAD if _ipip(fabric) else 0}},
        _parts.pods_by_route(fabric, node, "cali", GATEWAY, HOST_MAC),
        # Of what is in none of its pods the node knows that it is nowhere else either.
        {"route": [{"dst": block, "type": "blackhole"} for block in node["blocks"]]},
        _vxlan(fabric, name, node, peers) if tunnelled(fabric) else {},
        _tunnel(fabric, node) if _ipip(fabric) else {},
        {"sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}]},
        _parts.accept_forwarded(_parts.own(fabric, "cali-FORWARD"), fabric["pod_cidr"], fabric["strangers"]),
        _nat_outgoing(fabric),
    )


def vxlan_device(fabric):
    """vxlan.calico; a fabric beside the default one has its number in it, which leaves no room for more of the name."""
    return VXLAN_DEVICE if fabric["number"] == _parts.DEFAULT_NUMBER else "vxlan.cali%d" % fabric["number"]


def _vxlan(fabric, name, node, peers):
    """Static routes to every other node's blocks, and what comes in a tunnel from who is no node is dropped."""
    device = vxlan_device(fabric)
    nodes, chain = _parts.own(fabric, "cali40all-vxlan-net"), _parts.own(fabric, "cali-INPUT")
    strange = "-p udp -m udp --dport %d -m addrtype --dst-type LOCAL -m set ! --match-set %s src -j DROP" % (fabric["options"]["port"], nodes)
    guard = _parts.merge(
        {"ipset": [{"name": nodes, "type": "hash:net", "members": sorted(peer["ip"] for peer in peers.values())}]},
        _parts.chain("filter", chain, "INPUT", [strange], position="first"),
    )
    return _parts.merge(
        _parts.vxlan(fabric, name, node, device),
        {"address": [{"dev": device, "address": blocks.tunnel_address(node["blocks"]) + "/32"}]},
        *[_vxlan_peer(fabric, device, peer, entry) for peer, entry in peers.items()],
        guard
    )


def _vxlan_peer(fabric, device, name, peer):
    """CrossSubnet: to a node on the same segment as it is, in the tunnel to one behind a router; which of the two, each node knows itself."""
    of_mode = {mode: [] for mode in MODES}
    for block in peer["blocks"]:
        of_mode[blocks.pool_of(fabric["pools"], block)["vxlan_mode"]].append(block)
    address, ip = blocks.tunnel_address(peer["blocks"]), peer["ip"]
    part = _parts.vxlan_peer(device, name, peer, address, of_mode[ALWAYS])
    cross = _parts.vxlan_peer(device, name, peer, address, of_mode[CROSS_SUBNET])
    if not of_mode[ALWAYS]:
        part = _parts.where("unless_onlink", ip, cross)
    else:
        part = _parts.merge(part, _parts.where("unless_onlink", ip, {"route": cross["route"]}))
    return _parts.merge(part, _parts.where("if_onlink", ip, {"route": [{"dst": block, "via": ip} for block in of_mode[CROSS_SUBNET]]}))


def _tunnel(fabric, node):
    """What tunl0 is with Calico: a tunnel to wherever the next hop of a route is."""
    return {
        "ipip": [{"name": _bird.IPIP_DEVICE, "local": node["ip"], "mtu": fabric["mtu"], "up": True}],
        "address": [{"dev": _bird.IPIP_DEVICE, "address": blocks.tunnel_address(node["blocks"]) + "/32"}],
    }


def _nat_outgoing(fabric):
    """What pods of such pools send to where no pool is bears the node's address."""
    masquerading = [pool["cidr"] for pool in fabric["pools"] if pool["nat_outgoing"]]
    if not masquerading:
        return {}
    chain, everywhere, some = (_parts.own(fabric, name) for name in ("cali-nat-outgoing", "cali40all-ipam-pools", "cali40masq-ipam-pools"))
    rule = "-m set --match-set %s src -m set ! --match-set %s dst -j MASQUERADE" % (some, everywhere)
    return _parts.merge(
        {
            "ipset": [
                {"name": everywhere, "type": "hash:net", "members": [pool["cidr"] for pool in fabric["pools"]]},
                {"name": some, "type": "hash:net", "members": masquerading},
            ]
        },
        _parts.chain("nat", chain, "POSTROUTING", [rule]),
    )
