# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Weave puts on a node (weaveworks/weave:net/bridge.go, net/expose.go), without Weave.

All pods are on one link: the bridge C(weave) of every node, and between the bridges a VXLAN device that copies what is for everybody to every
other node (head-end replication). It stands for Weave's fast datapath. Each node gives out the addresses of its own part of the range.
"""

from __future__ import annotations

import re

from . import _defaults, _dns, _parts

# Weave's own: the outer headers and those of encryption, taken from the smallest MTU that it expects, 1460.
MTU = 1376
# Inner Ethernet 14, VXLAN 8, UDP 8, IPv4 20.
OVERHEAD = 50
EVERYBODY = "00:00:00:00:00:00"
DOMAIN = re.compile(r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
OFF_THE_LINK = ("pod_node", "node_pod", "outside")


def check(options):
    """What is wrong with the variables of role weave, as (variable, value, expectation)."""
    if not 1 <= options["vni"] < 2**24:
        yield "weave_vni", options["vni"], "expected a number from 1 to 16777215: a VNI has 24 bits"
    if not 1 <= options["port"] <= 65535:
        yield "weave_port", options["port"], "expected a UDP port from 1 to 65535"
    if options["dns"] and not options["expose"]:
        yield "weave_dns", True, "expected weave_expose: true with it: pods ask their node, which has to be on the link"
    if not DOMAIN.match(options["dns_domain"]):
        yield "weave_dns_domain", options["dns_domain"], "expected a domain name, such as weave.local"


def title(options):
    """Whether addresses are learned, for a heading."""
    return "learning" if options["learning"] else "static"


def without_checks(fabric):
    """Where the bridge has no address, nothing but a pod is on the link, and nothing leaves it."""
    return () if fabric["options"]["expose"] else OFF_THE_LINK


def kernel_modules(dummy):
    """What the kernel has to have built in or as a module."""
    return _parts.BRIDGE_MODULES + ["vxlan"]


def packages(fabric):
    """What brings the commands that the backend needs."""
    return _dns.PACKAGES if fabric["options"]["dns"] else {}


def files(fabric, name, dummy_mtu):
    """Those of the name server."""
    return _dns.files(fabric, fabric["options"]["dns_domain"], _router(fabric, name)) if fabric["options"]["dns"] else []


def units(fabric, name):
    """The name server."""
    return _dns.units(fabric, fabric["options"]["dns_domain"], _router(fabric, name)) if fabric["options"]["dns"] else []


def resolver(fabric, name):
    """weaveDNS: the node itself, which asks what fabric_nameservers says, or what the node asks itself."""
    if not fabric["options"]["dns"]:
        return _defaults.resolver(fabric, name)
    return [_router(fabric, name)], [fabric["options"]["dns_domain"]] + (fabric["search_domains"] or [])


def _router(fabric, name):
    return _parts.gateway(fabric["nodes"][name]["subnet"])


def exclusive(options):
    """What two fabrics on one machine cannot both have."""
    return {"weave_vni": options["vni"]}


def document(fabric, name):
    """All that Weave wants on the node C(name)."""
    node, options = fabric["nodes"][name], fabric["options"]
    bridge, device = _parts.own(fabric, "weave"), _device(fabric)
    peers = [entry for peer, entry in fabric["nodes"].items() if peer != name]
    return _parts.merge(
        {"underlay": {"address": node["ip"], "overhead": OVERHEAD, "mtu_limit": MTU}},
        _parts.pods_on_bridge(fabric, node, bridge, fabric["mtu"], segment=fabric["pod_cidr"], routed=options["expose"]),
        _parts.vxlan(fabric, name, node, device, learning=options["learning"], master=bridge, up=True),
        {"vxlan_fdb": [{"dev": device, "mac": EVERYBODY, "dst": peer["ip"]} for peer in peers]},
        {} if options["learning"] else {"vxlan_fdb": [entry for peer in peers for entry in _known(fabric, device, peer)]},
        _parts.forwarding(),
        _parts.chain("filter", _parts.own(fabric, "WEAVE-FORWARD"), "FORWARD", _forwarded(fabric, bridge)),
        _masquerade(_parts.own(fabric, "WEAVE"), fabric["pod_cidr"]) if options["expose"] and fabric["masquerade"] else {},
    )


def _device(fabric):
    """vxlan-6784, as Weave calls the port of its datapath."""
    return _parts.own(fabric, "vxlan-%d" % fabric["options"]["port"])


def _known(fabric, device, peer):
    """Where a peer's pods are, and the peer itself where it is on the link."""
    addresses = [pod["address"] for pod in peer["pods"]] + ([_parts.gateway(peer["subnet"])] if fabric["options"]["expose"] else [])
    return [{"dev": device, "mac": _parts.address_mac(address), "dst": peer["ip"]} for address in addresses]


def _forwarded(fabric, bridge):
    """Whatever the forward policy is, what stays on the link passes (by br_netfilter it comes by here), and where nodes are a way off it, that too."""
    cidr = fabric["pod_cidr"]
    apart = ["-s %s -d %s -j DROP" % pair for stranger in fabric["strangers"] for pair in ((cidr, stranger), (stranger, cidr))]
    off = ["-d %s -o %s -j ACCEPT" % (cidr, bridge), "-i %s ! -o %s -j ACCEPT" % (bridge, bridge)]
    return apart + ["-i %s -o %s -j ACCEPT" % (bridge, bridge)] + (off if fabric["options"]["expose"] else [])


def _masquerade(chain, cidr):
    """What enters or leaves the link bears the node's address."""
    rules = ["-s %s -d 224.0.0.0/4 -j RETURN" % cidr, "! -s %s -d %s -j MASQUERADE" % (cidr, cidr), "-s %s ! -d %s -j MASQUERADE" % (cidr, cidr)]
    return _parts.chain("nat", chain, "POSTROUTING", rules)
