# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flannel puts on a node (flannel-io/flannel:pkg/backend/vxlan, pkg/trafficmngr/iptables).

Each node holds one subnet of the cluster's range. Its pods hang on C(cni0); a route per peer leads to that peer's subnet through the
VXLAN device, whose far ends (VTEPs) are all known beforehand: nothing is learned, nothing is flooded.
"""

from __future__ import annotations

import ipaddress

from . import _parts

SUBNET_ENV = "/run/flannel/%s.env"

# flannel.<VNI> has to fit the kernel's 15 characters, though a VNI may have 24 bits.
LARGEST_VNI = 9999999


def check(options):
    """What is wrong with the variables of role flannel, as (variable, value, expectation)."""
    if not 1 <= options["vni"] <= LARGEST_VNI:
        expected = "expected a number from 1 to %d: a VNI has 24 bits, and the device flannel.<VNI> at most 15 characters" % LARGEST_VNI
        yield "flannel_vni", options["vni"], expected
    yield from _parts.check_port("flannel_port", options["port"])
    if options["direct_routing"] and options["type"] != "vxlan":
        yield "flannel_direct_routing", True, "expected flannel_type vxlan with it: %s routes directly anyway" % options["type"]


def kernel_modules(fabric):
    """What the kernel has to have built in or as a module."""
    return _parts.BRIDGE_MODULES + TYPES[fabric["options"]["type"]].kernel_modules


def exclusive(options):
    """What two fabrics on one machine cannot both have: the device is named after its VNI."""
    return {"flannel_vni": options["vni"]} if options["type"] == "vxlan" else {}


def document(fabric, name):
    """All that flannel wants on the node C(name)."""
    node = fabric["nodes"][name]
    peers = {peer: entry for peer, entry in fabric["nodes"].items() if peer != name}
    kind = TYPES[fabric["options"]["type"]]
    return _parts.merge(
        {"underlay": {"address": node["ip"], "overhead": kind.overhead}},
        _parts.pods_on_bridge(fabric, node, _parts.bridge(fabric), fabric["mtu"]),
        kind.between_nodes(fabric, name, node, peers),
        _parts.forwarding(),
        _parts.accept_forwarded(_parts.own(fabric, "FLANNEL-FWD"), fabric["pod_cidr"], fabric["strangers"]),
        _masquerade(_parts.own(fabric, "FLANNEL-POSTRTG"), fabric["pod_cidr"], node["subnet"]) if fabric["masquerade"] else {},
    )


def files(fabric, name, mtu):
    """subnet.env, by which flannel tells a CNI plugin what the node holds."""
    values = {
        "FLANNEL_NETWORK": fabric["pod_cidr"],
        "FLANNEL_SUBNET": _parts.with_length(_parts.gateway(fabric["nodes"][name]["subnet"]), fabric["nodes"][name]["subnet"]),
        "FLANNEL_MTU": mtu,
        "FLANNEL_IPMASQ": "true" if fabric["masquerade"] else "false",
    }
    return [{"path": SUBNET_ENV % _parts.own(fabric, "subnet"), "content": "".join("%s=%s\n" % pair for pair in values.items())}]


def _vxlan(fabric, name, node, peers):
    device = "flannel.%d" % fabric["options"]["vni"]
    of_peer = _direct_or_vxlan_peer if fabric["options"]["direct_routing"] else _vxlan_peer
    return _parts.merge(
        _parts.vxlan(fabric, name, node, device),
        {"address": [{"dev": device, "address": _vtep(node) + "/32"}]},
        *[of_peer(device, peer, entry) for peer, entry in peers.items()]
    )


def _vxlan_peer(device, name, node):
    return _parts.vxlan_peer(device, name, node, _vtep(node), [node["subnet"]])


def _direct_or_vxlan_peer(device, name, node):
    """DirectRouting: a peer on the same segment is a plain gateway and needs no tunnel; only the node knows which those are."""
    return _parts.merge(
        _parts.where("unless_onlink", node["ip"], _vxlan_peer(device, name, node)),
        _parts.where("if_onlink", node["ip"], {"route": [{"dst": node["subnet"], "via": node["ip"]}]}),
    )


def _host_gw(fabric, name, node, peers):
    """Every peer is the gateway to its subnet, and so has to be on the same segment (flannel-io/flannel:pkg/backend/hostgw)."""
    return {"route": [{"dst": entry["subnet"], "via": entry["ip"], "needs_onlink": entry["ip"]} for entry in peers.values()]}


def _vtep(node):
    """The address of a node's VXLAN device: the first of its subnet, .0."""
    return str(ipaddress.ip_network(node["subnet"])[0])


def _masquerade(chain, cluster, subnet):
    """What leaves the cluster bears the node's address; what stays in it keeps the pod's."""
    rules = [
        # kube-proxy's mark: it masquerades those itself.
        "-m mark --mark 0x4000/0x4000 -j RETURN",
        "-s %s -d %s -j RETURN" % (subnet, cluster),
        "-s %s -d %s -j RETURN" % (cluster, subnet),
        "! -s %s -d %s -j RETURN" % (cluster, subnet),
        "-s %s ! -d 224.0.0.0/4 -j MASQUERADE" % cluster,
        "! -s %s -d %s -j MASQUERADE" % (cluster, cluster),
    ]
    return _parts.chain("nat", chain, "POSTROUTING", rules)


class Type:
    """A way between nodes: its part of the document, what it adds to a packet in bytes, and the kernel modules it takes."""

    def __init__(self, between_nodes, overhead, kernel_modules):
        self.between_nodes, self.overhead, self.kernel_modules = between_nodes, overhead, kernel_modules


TYPES = {
    # The outer headers: IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14.
    "vxlan": Type(_vxlan, 50, ["vxlan"]),
    "host-gw": Type(_host_gw, 0, []),
}
