# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Calico puts on a node (projectcalico/calico:felix, confd), without Calico.

A node holds blocks of the pools. Each of its pods is at the end of a C(cali*) veth with a /32, and takes C(169.254.1.1), which nobody has, for its
gateway: the node answers for it by proxy ARP, so there is no bridge and no subnet. Other nodes' blocks are routes. With IPv6 all of it is there
once more, and a pod's gateway is the link-local address of the veth's other end.
"""

from __future__ import annotations

import ipaddress

from .. import block_pools, blocks, families
from ..written import place
from . import _bgp, _bird, _bird_filters, _bird_unit, _parts

FAMILIES = families.BOTH
# Of these the model knows the keys alone.
SECRETS = ("passwords",)
PER_NODE = ("blocks", "as_number", "bgp_port", "reflector_cluster_id")

NEVER, ALWAYS, CROSS_SUBNET = MODES = ("Never", "Always", "CrossSubnet")
VXLAN_DEVICES = {families.V4: "vxlan.calico", families.V6: "vxlan-v6.calico"}
# The shortest block, the longest and the one where nothing is said (projectcalico/calico:calico/reference/resources/ippool.md).
BLOCK_LENGTHS = {families.V4: (20, 32, 26), families.V6: (116, 128, 122)}
GATEWAY = "169.254.1.1"
HOST_MAC = "ee:ee:ee:ee:ee:ee"
# The outer headers: IPv4 20 or IPv6 40, UDP 8, VXLAN 8, inner Ethernet 14.
VXLAN_OVERHEAD = {families.V4: 50, families.V6: 70}
IPIP_OVERHEAD = 20
FORWARDING = {families.V4: "net/ipv4/ip_forward", families.V6: "net/ipv6/conf/all/forwarding"}
# IPv4 20, UDP 8, WireGuard's header 16 and tag 16.
WIREGUARD_OVERHEAD = 60


def check(options):
    """What is wrong with the variables of role calico, as (variable, value, expectation)."""
    yield from _parts.check_vni("calico_vni", options["vni"])
    yield from _parts.check_port("calico_port", options["port"])
    yield from _parts.check_port("calico_wireguard_port", options["wireguard_port"])
    yield from _bgp.check(options)
    for family, (shortest, longest, dummy) in BLOCK_LENGTHS.items():
        key = "block_size" + family.suffix
        if not options["pools"] and not shortest <= options[key] <= longest:
            yield "calico_" + key, options[key], "expected a length from %d to %d" % (shortest, longest)
    if options["pools"]:
        # Each pool says it for itself.
        return
    yield from _check_modes("calico_", options, options)


def _check_modes(field, pool, options):
    if options["wireguard"]:
        for way in ("vxlan_mode", "ipip_mode"):
            if pool[way] != NEVER:
                yield field + way, pool[way], "expected Never: packets between nodes travel in WireGuard (calico_wireguard)"
        return
    if pool["vxlan_mode"] == NEVER and not options["bgp"]:
        yield field + "vxlan_mode", NEVER, (
            "nothing would carry packets between nodes: expected one of Always, CrossSubnet, or calico_bgp: true or calico_wireguard: true")
    if pool["ipip_mode"] != NEVER and pool["vxlan_mode"] != NEVER:
        yield field + "ipip_mode", pool["ipip_mode"], "expected Never: the pool's packets travel in VXLAN (%s)" % pool["vxlan_mode"]


def check_secret(dummy, value):
    """What is expected of a value of a variable that holds secrets, or None where it will do."""
    return _bgp.check_password(value)


def title(options):
    """Which ways between nodes the options choose."""
    ways = {"%s %s" % (way, pool[way + "_mode"]) for pool in options["pools"] or [options] for way in ("vxlan", "ipip") if pool[way + "_mode"] != NEVER}
    return " ".join(["bgp"] * options["bgp"] + ["wireguard"] * options["wireguard"] + sorted(ways))


def without_checks(dummy):
    """There is no bridge that would send a frame back."""
    return ("hairpin",)


def check_cluster(fabric):
    """What is wrong with pools and pins, as (host, variable, value, expectation)."""
    if fabric["options"]["wireguard"] and fabric["pod_cidr6"]:
        yield "", "calico_wireguard", True, "expected false: fabric_pod_cidr6 is set, and WireGuard carries IPv4 alone here"
    for variable, value, expected in _check_pools(fabric):
        yield "", variable, value, expected
    for view in families.views(fabric):
        suffix, length = view["family"].suffix, view["options"]["block_size"]
        if not families.only(fabric["options"]["pools"], view["family"], "cidr") and length < ipaddress.ip_network(view["pod_cidr"]).prefixlen:
            yield "", "calico_block_size" + suffix, length, "expected a length that is not shorter than that of fabric_pod_cidr%s %s" % (
                suffix, view["pod_cidr"])
    yield from _bgp.check_cluster(fabric)
    for name, node in fabric["nodes"].items():
        if node["subnet"]:
            yield name, "fabric_subnet", node["subnet"], "expected none: nodes hold blocks of pools here; pin those with calico_blocks"
        for index, block in enumerate(node["options"]["blocks"]):
            if block_pools.network(block, [family.version for family in families.of(fabric)]) is None:
                yield name, "calico_blocks[%d]" % index, block, "expected a block of a pool, such as 10.244.1.0/26"


def _check_pools(fabric):
    pools_ = fabric["options"]["pools"]
    yield from block_pools.check("calico_pools", pools_, BLOCK_LENGTHS, fabric)
    for index, pool in enumerate(pools_):
        field = "calico_pools[%d]." % index
        yield from _check_modes(field, pool, fabric["options"])
        if pool["ipip_mode"] != NEVER and families.of_address(pool["cidr"]) == families.V6:
            yield field + "ipip_mode", pool["ipip_mode"], "expected Never: IPIP carries IPv4 alone"


def pools(fabric):
    """The pools of a family, each with all that is said of it; where calico_pools has none of it one, the whole range."""
    options, family = fabric["options"], fabric["family"]
    whole = {"name": "default", "cidr": fabric["pod_cidr"], "node_labels": {}, "disabled": False, "nat_outgoing": True,
             "bgp_export": True, **{key: options[key] for key in ("block_size", "vxlan_mode", "ipip_mode")}}
    if family == families.V6:
        whole["ipip_mode"] = NEVER
    return [dict(pool, block_size=length, block_length=length, nat_outgoing=pool["nat_outgoing"] and fabric["masquerade"])
            for pool in families.only(options["pools"], family, "cidr") or [whole]
            for length in [pool["block_size"] or BLOCK_LENGTHS[family][2]]]


def masquerades(fabric, address):
    """Whether what the pod of that address sends out of the cluster bears its node's address: its pool says so."""
    return blocks.pool_of(fabric["pools"], address)["nat_outgoing"]


def packages(fabric):
    """What brings the commands that the backend needs."""
    return dict({"ipset": "ipset"}, **(_bird_unit.PACKAGES if fabric["options"]["bgp"] else {}))


def kernel_modules(fabric):
    """What the kernel has to have built in or as a module."""
    vxlan = any(map(tunnelled, families.views(fabric)))
    return ["veth", "ip_set"] + ["vxlan"] * vxlan + ["ipip"] * _ipip(fabric) + ["wireguard"] * fabric["options"]["wireguard"]


def exclusive(options):
    """What two fabrics on one machine cannot both have."""
    mine = {"calico_vni": options["vni"]}
    if options["bgp"]:
        mine.update(_bird_unit.EXCLUSIVE)
    if options["wireguard"]:
        mine["calico_wireguard_port"] = options["wireguard_port"]
    return mine


def tunnelled(fabric):
    """Whether any pool's packets are ever put into VXLAN, of the fabric as it is seen."""
    return any(pool["vxlan_mode"] != NEVER for pool in fabric["pools"])


def _ipip(fabric):
    return any(pool["ipip_mode"] != NEVER for pool in fabric["pools"])


def daemon(fabric, name):
    """What BIRD on a node is and should have: see C(_defaults.daemon)."""
    if not fabric["options"]["bgp"]:
        return None
    found = _bgp.sessions(fabric, name)
    return {
        "protocol": "bgp",
        "config": _bird_unit.config_path(fabric),
        "socket": _bird_unit.socket_path(fabric),
        "content": _bird.config(fabric, name, found=found),
        "bridge": _bird.config(fabric, name, bridge=True, found=found),
        "sessions": [{"protocol": session["protocol"], "to": session["node"] or session["address"]} for session in found],
        "neighbours": [],
        "networks": [{"to": node, "cidr": block} for node, told in _bgp.networks(fabric, name).items() for block in told],
    }


def files(fabric, name, dummy_mtu):
    """BIRD's."""
    return _bird_unit.files(fabric, "BGP", _bird.config(fabric, name)) if fabric["options"]["bgp"] else []


def secret_files(fabric, name, secrets):
    """The passwords of BGP sessions, C(secrets) by their names."""
    return _bird.secret_files(fabric, name, secrets) if fabric["options"]["bgp"] else []


def units(fabric, dummy_name):
    """BIRD's."""
    return _bird_unit.units(fabric, "BGP") if fabric["options"]["bgp"] else []


def document(fabric, name):
    """All that Calico wants on the node C(name)."""
    views = families.views(fabric)
    return _parts.merge(
        {"underlay": {"address": fabric["nodes"][name]["ip"], "overhead": max(map(_overhead, views))}},
        _parts.pods_by_route(views, name, "cali", GATEWAY, HOST_MAC),
        *[_of_family(view, name) for view in views],
    )


def _of_family(fabric, name):
    """All but the pods, of the fabric as one family sees it."""
    node, family = fabric["nodes"][name], fabric["family"]
    peers = {peer: entry for peer, entry in fabric["nodes"].items() if peer != name}
    return _parts.merge(
        # Of what is in none of its pods the node knows that it is nowhere else either.
        {"route": [{"dst": block, "type": "blackhole"} for block in node["blocks"]]},
        _vxlan(fabric, name, node, peers) if tunnelled(fabric) else {},
        _tunnel(fabric, node) if _ipip(fabric) else {},
        _guard(fabric, peers),
        _wireguard(fabric, node, peers) if fabric["options"]["wireguard"] else {},
        _own_sources(fabric) if family == families.V6 else {},
        {"sysctl": [{"key": FORWARDING[family], "value": "1"}]},
        _parts.accept_forwarded(_parts.own(fabric, "cali-FORWARD"), fabric["pod_cidr"], fabric["strangers"], family),
        _nat_outgoing(fabric),
    )


def _own_sources(fabric):
    """A pod sends from its own address only: for IPv4 a sysctl says so, which IPv6 has not (projectcalico/calico:felix/rules/static.go)."""
    return _parts.chain("raw", _parts.own(fabric, "cali-PREROUTING"), "PREROUTING", ["-i cali+ -m rpfilter --invert -j DROP"], family=families.V6)


def _overhead(fabric):
    if fabric["options"]["wireguard"]:
        return WIREGUARD_OVERHEAD
    return VXLAN_OVERHEAD[fabric["family"]] if tunnelled(fabric) else IPIP_OVERHEAD if _ipip(fabric) else 0


def key_path(fabric):
    """Where a node keeps its private key of WireGuard; it makes it itself."""
    return place(fabric, "wireguard.key") if fabric["options"]["wireguard"] else ""


def agrees_on_keys(fabric):
    """WireGuard of two nodes that begin at the same moment begins again after five seconds (REKEY_TIMEOUT)."""
    return fabric["options"]["wireguard"]


def _wireguard(fabric, node, peers):
    """Everything between nodes is encrypted, by a device of Calico's name; a peer that has told no key yet has no way either."""
    device = "wireguard.cali" if fabric["number"] == _parts.DEFAULT_NUMBER else "wireguard.%d" % fabric["number"]
    told = [dict(peer, networks=peer["blocks"] + peer["borrowed"]) for peer in peers.values() if peer["public_key"]]
    port = fabric["options"]["wireguard_port"]
    return {
        "wireguard": [{
            "name": device, "mtu": fabric["mtu"], "up": True, "listen_port": port, "private_key_file": key_path(fabric),
            "peers": [{"public_key": peer["public_key"], "endpoint": "%s:%d" % (peer["ip"], port), "allowed_ips": peer["networks"]} for peer in told],
        }],
        "address": [{"dev": device, "address": blocks.tunnel_address(node["blocks"]) + "/32"}],
        "route": [{"dst": network, "dev": device} for peer in told for network in peer["networks"]],
    }


def vxlan_device(fabric):
    """vxlan.calico; a fabric beside the default one has its number in it, which leaves no room for more of the name."""
    device = VXLAN_DEVICES[fabric["family"]]
    return device if fabric["number"] == _parts.DEFAULT_NUMBER else "%s%d" % (device[:-3 if fabric["family"] == families.V6 else -2], fabric["number"])


def _vxlan(fabric, name, node, peers):
    """Static routes to every other node's blocks and borrowed addresses."""
    device = vxlan_device(fabric)
    return _parts.merge(
        _parts.vxlan(fabric, name, node, device),
        {"address": [{"dev": device, "address": "%s/%d" % (blocks.tunnel_address(node["blocks"]), fabric["family"].length)}]},
        *[_vxlan_peer(fabric, device, peer, entry) for peer, entry in peers.items()],
    )


def _guard(fabric, peers):
    """What comes in a tunnel from who is no node is dropped."""
    vxlan = "-p udp -m udp --dport %d -m addrtype --dst-type LOCAL" % fabric["options"]["port"]
    ways = ((tunnelled(fabric), "cali%d0all-vxlan-net", vxlan), (_ipip(fabric), "cali%d0all-hosts-net", "-p ipencap"))
    family = fabric["family"]
    strange = [(_parts.own(fabric, name % family.version), packets) for there, name, packets in ways if there]
    if not strange:
        return {}
    return _parts.merge(
        {"ipset": [_parts.ipset(nodes, sorted(peer["ip"] for peer in peers.values()), family) for nodes, dummy in strange]},
        _parts.chain("filter", _parts.own(fabric, "cali-INPUT"), "INPUT",
                     ["%s -m set ! --match-set %s src -j DROP" % (packets, nodes) for nodes, packets in strange], "first", family),
    )


def _vxlan_peer(fabric, device, name, peer):
    """CrossSubnet: to a node on the same segment as it is, in the tunnel to one behind a router; which of the two, each node knows itself."""
    of_mode = {mode: [] for mode in MODES}
    for block in peer["blocks"] + peer["borrowed"]:
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
        "ipip": [{"name": _bird_filters.IPIP_DEVICE, "local": node["ip"], "mtu": fabric["mtu"], "up": True}],
        "address": [{"dev": _bird_filters.IPIP_DEVICE, "address": blocks.tunnel_address(node["blocks"]) + "/32"}],
    }


def _nat_outgoing(fabric):
    """What pods of such pools send to where no pool is bears the node's address."""
    masquerading, family = [pool["cidr"] for pool in fabric["pools"] if pool["nat_outgoing"]], fabric["family"]
    if not masquerading:
        return {}
    everywhere, some = (_parts.own(fabric, "cali%d0%s-ipam-pools" % (family.version, which)) for which in ("all", "masq"))
    rule = "-m set --match-set %s src -m set ! --match-set %s dst -j MASQUERADE" % (some, everywhere)
    return _parts.merge(
        {"ipset": [_parts.ipset(everywhere, [pool["cidr"] for pool in fabric["pools"]], family), _parts.ipset(some, masquerading, family)]},
        _parts.chain("nat", _parts.own(fabric, "cali-nat-outgoing"), "POSTROUTING", [rule], family=family),
    )
