# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several backends put on a node in the same way, as parts of a document to be merged."""

from __future__ import annotations

import hashlib
import ipaddress

from .. import pod_addresses
from ..families import V4, V6

# What pods on a bridge are made of; br_netfilter for the sysctl in `forwarding`.
BRIDGE_MODULES = ["bridge", "br_netfilter", "veth"]

DEFAULT_NUMBER = 160
# The MAC of a VXLAN device's flood list.
EVERYBODY = "00:00:00:00:00:00"

# A part is a document: sections with lists of entries; `underlay`, a mapping, comes from one part only.


def check_vni(variable, value):
    """What is wrong with a VNI, as (variable, value, expectation)."""
    if not 1 <= value < 2**24:
        yield variable, value, "expected a number from 1 to 16777215: a VNI has 24 bits"


def check_port(variable, value):
    """The same of a UDP port."""
    if not 1 <= value <= 65535:
        yield variable, value, "expected a UDP port from 1 to 65535"


def merge(*parts):
    """One document of several parts, each section's entries in the order of the parts."""
    document = {}
    for part in parts:
        for section, entries in part.items():
            if isinstance(entries, list):
                document.setdefault(section, []).extend(entries)
            else:
                document[section] = entries
    return {section: entries for section, entries in document.items() if entries}


def gateway(subnet):
    """The first address of a node's subnet: its bridge's, through which its pods go."""
    return str(ipaddress.ip_network(subnet)[1])


def with_length(address, subnet):
    """An address as an interface bears it, 10.244.1.2/24."""
    return "%s/%s" % (address, subnet.partition("/")[2])


def host_link(fabric, pod, prefix="veth"):
    """The host end's name of a pod's veth: stable, unique on the node whatever else runs there, and within the kernel's 15 characters."""
    return prefix + hashlib.sha1(("%s/%s" % (fabric, pod)).encode()).hexdigest()[:11]


def vtep_mac(name):
    """A VTEP's MAC, derived from its node's name so that no node has to ask another: 0x66 and the first 5 bytes of SHA-1.

    The derivation is Calico's (projectcalico/calico:felix/calc/vxlan_resolver.go), whose VTEP for IPv6 is of the node's name with -v6;
    flannel's own are random and exchanged with the lease.
    """
    return "66:" + ":".join("%02x" % byte for byte in hashlib.sha1(name.encode()).digest()[:5])


def _vtep_mac_of(name, address):
    """That of the VTEP which has an address on the underlay."""
    return vtep_mac(name + "-v6" if ":" in address else name)


def vxlan(fabric, name, node, device, **more):
    """A node's VXLAN device: nothing is learned on it, nothing flooded, unless C(more) says otherwise."""
    return {
        "vxlan": [
            {
                "name": device,
                "vni": fabric["options"]["vni"],
                "port": fabric["options"]["port"],
                "local": node["ip"],
                "dev": "auto",
                "learning": False,
                "mac": _vtep_mac_of(name, node["ip"]),
                "mtu": fabric["mtu"],
                **more,
            }
        ],
        "sysctl": [{"key": "net/ipv6/conf/%s/accept_ra" % device, "value": "0"}],
    }


def vxlan_peer(device, name, node, address, networks):
    """What leads to a peer's networks through the tunnel: its VTEP's C(address) as a neighbour, that one's MAC in the FDB, then the routes.

    In this order: with a route first the kernel would ask by ARP, which nobody answers.
    """
    mac = _vtep_mac_of(name, node["ip"])
    return {
        "neighbour": [{"dev": device, "address": address, "mac": mac}],
        "vxlan_fdb": [{"dev": device, "mac": mac, "dst": node["ip"]}],
        "route": [{"dst": network, "via": address, "dev": device, "onlink": True} for network in networks],
    }


def where(condition, address, part):
    """A part whose entries count only where a peer's address is, or is not, on a segment of the node (see _engine/conditions.py)."""
    return {section: [dict(entry, **{condition: address}) for entry in entries] for section, entries in part.items()}


def address_mac(address):
    """The MAC that CNI's bridge plugin derived from an IPv4 address: 0a:58 and its four bytes.

    A bridge without a MAC of its own changes it with its ports, and a pod made anew would answer its neighbours' cached ARP with another.
    Source: containernetworking/plugins:pkg/utils/hwaddr (up to v0.8).
    """
    return "0a:58:" + ":".join("%02x" % byte for byte in ipaddress.ip_address(address).packed)


def pods_on_bridge(fabric, node, bridge, mtu, segments=None, routed=True):
    """The node's pods, each a namespace with eth0 on a bridge that is their gateway (containernetworking/plugins:plugins/main/bridge).

    Hairpin is on, so that a pod reaches itself through a service's address. C(segments) are the ranges whose addresses are on the link, each with
    the bridge's own address in it; left out, the node's subnet. Without C(routed) the bridge has no address and pods no way off it. A pod's first
    address says what its MAC is and which way it leaves the link.
    """
    segments = segments or {node["subnet"]: gateway(node["subnet"])}
    parts = [{"bridge": [{"name": bridge, "mac": address_mac(next(iter(segments.values()))), "mtu": mtu, "up": True, "stp": False}]}]
    if routed:
        parts.append({"address": [{"dev": bridge, "address": with_length(router, segment)} for segment, router in segments.items()]})
    networks = {ipaddress.ip_network(segment): segment for segment in segments}
    for pod in node["pods"]:
        name = pod["name"]
        found = {address: next(networks[network] for network in networks if ipaddress.ip_address(address) in network) for address in pod_addresses.every(pod)}
        parts.append(
            {
                "netns": [{"name": name}],
                "veth": [
                    {
                        "name": host_link(fabric["name"], name),
                        "mtu": mtu,
                        "master": bridge,
                        "bridge_port": {"hairpin": True},
                        "up": True,
                        "peer": {"name": "eth0", "netns": name, "mac": address_mac(pod["address"]), "mtu": mtu, "up": True},
                    }
                ],
                "address": [{"netns": name, "dev": "eth0", "address": with_length(address, segment)} for address, segment in found.items()],
                "route": [{"netns": name, "dst": "default", "via": segments[found[pod["address"]]], "dev": "eth0"}] if routed else [],
            }
        )
    return merge(*parts)


# What a node's end of a pod's link is set to where a pod is routed to, and the pod's own.
ROUTED = {
    V4: {
        "net/ipv4/conf/%s/forwarding": "1",
        "net/ipv4/conf/%s/proxy_arp": "1",
        "net/ipv4/neigh/%s/proxy_delay": "0",
        # A pod sends from its own address only.
        "net/ipv4/conf/%s/rp_filter": "1",
        # What listens on the node's loopback can be offered to pods.
        "net/ipv4/conf/%s/route_localnet": "1",
    },
    V6: {
        "net/ipv6/conf/%s/disable_ipv6": "0",
        # The address that is the pod's gateway comes of the MAC.
        "net/ipv6/conf/%s/addr_gen_mode": "0",
        "net/ipv6/conf/%s/forwarding": "1",
        "net/ipv6/conf/%s/proxy_ndp": "1",
        "net/ipv6/conf/%s/accept_ra": "0",
    },
}
# A namespace inherits what its host is set to, or it does not.
IN_POD = {V4: {}, V6: {"net/ipv6/conf/eth0/disable_ipv6": "0", "net/ipv6/conf/eth0/accept_ra": "0", "net/ipv6/conf/eth0/accept_dad": "0"}}


def pods_by_route(views, name, prefix, router, mac):
    """The node's pods, each a namespace with eth0 and a /32, and on the node a route to it (projectcalico/calico:felix/dataplane/linux/endpoint_mgr.go).

    C(router) is an address that nobody has: the node's end answers for it by proxy ARP, and at once. It has C(mac), which need not differ between pods.
    C(views) are those of the fabric: with IPv6 a pod has a /128 as well, and its gateway is the link-local address that the node's end has of its MAC.
    """
    parts, routers = [], {V4: router, V6: link_local(mac)}
    for index, pod in enumerate(views[0]["nodes"][name]["pods"]):
        fabric, netns = views[0], pod["name"]
        link = host_link(fabric["name"], netns, prefix)
        peer = {"name": "eth0", "netns": netns, "mac": address_mac(pod["address"]), "mtu": fabric["mtu"], "up": True}
        parts.append({"netns": [{"name": netns}], "veth": [{"name": link, "mac": mac, "mtu": fabric["mtu"], "up": True, "peer": peer}]})
        for view in views:
            address = view["nodes"][name]["pods"][index]["address"]
            parts.append(_pod_by_route(view["family"], netns, link, address, routers[view["family"]]))
    return merge(*parts)


def _pod_by_route(family, netns, link, address, router):
    """One address of a pod, and the way to and from it."""
    alone = "%s/%d" % (address, family.length)
    # A link-local address is on the link, any other is not: the pod has to be told.
    to_router = [{"netns": netns, "dst": "%s/%d" % (router, family.length), "dev": "eth0"}] if family == V4 else []
    return {
        "address": [{"netns": netns, "dev": "eth0", "address": alone}],
        "sysctl": [{"key": key % link, "value": value} for key, value in ROUTED[family].items()]
        + [{"netns": netns, "key": key, "value": value} for key, value in IN_POD[family].items()],
        "route": [{"dst": alone, "dev": link}, *to_router, {"netns": netns, "dst": "default", "via": router, "dev": "eth0"}],
    }


def link_local(mac):
    """The link-local address that a device has of its MAC (RFC 4291, appendix A)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]))


def forwarding():
    """The node routes for its pods, and what crosses a bridge passes the firewall too, so that a service's address works on one node."""
    return {
        "sysctl": [
            {"key": "net/ipv4/ip_forward", "value": "1"},
            {"key": "net/bridge/bridge-nf-call-iptables", "value": "1"},
        ]
    }


def chain(table, name, hook, rules, position="last", family=V4):
    """A chain of ours, entered from one of the kernel's, last where nothing is said."""
    return {
        "iptables_chain": [{"table": table, "chain": name, "ip_version": family.version, "rules": rules}],
        "iptables_rule": [{"table": table, "chain": hook, "rule": "-j " + name, "position": position, **({} if family == V4 else {"ip_version": 6})}],
    }


def accept_forwarded(name, cidr, strangers, family=V4):
    """Whatever the forward policy is, the cluster's traffic passes; what comes from or goes to a strange cluster's pods does not."""
    return chain("filter", name, "FORWARD", kept_apart(cidr, strangers) + ["-s %s -j ACCEPT" % cidr, "-d %s -j ACCEPT" % cidr], family=family)


def kept_apart(cidr, strangers):
    """Rules by which nothing passes between the cluster's pods and those of strange ones."""
    return ["-s %s -d %s -j DROP" % pair for stranger in strangers for pair in ((cidr, stranger), (stranger, cidr))]


def ipset(name, members, family=V4):
    """A set of networks, with their family where that is not what a set has by itself."""
    return {"name": name, "type": "hash:net", **({} if family == V4 else {"family": "inet6"}), "members": members}


def own(fabric, name):
    """A name that several fabrics would want on one node: the plain one for the default number, with the number for others."""
    return name if fabric["number"] == DEFAULT_NUMBER else "%s-%d" % (name, fabric["number"])


def bridge(fabric):
    """cni0, and cni1 and so on for fabrics beside the default one."""
    return "cni%d" % (fabric["number"] - DEFAULT_NUMBER)
