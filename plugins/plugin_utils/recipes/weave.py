# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Weave puts on a node (weaveworks/weave:net/bridge.go, net/expose.go), without Weave.

All pods are on one link: the bridge C(weave) of every node, and between the bridges a VXLAN device that copies what is for everybody to every
other node (head-end replication). It stands for Weave's fast datapath. Each node gives out the addresses of its own part of the range, or where the
range is divided into subnets, of its own blocks of them; pods of different subnets do not reach one another.
"""

from __future__ import annotations

import re

from .. import block_pools, blocks, families, pod_addresses
from . import _bird_unit, _defaults, _dns, _parts, _weave_mesh
from . import _weave_encryption as encryption

PER_NODE = ("ports",)
# As C(weave run net:X net:Y).
SEVERAL_ADDRESSES = True
# Of it the model knows whether it is set.
SECRETS = ("password",)

# Weave's own: the outer headers and those of encryption, taken from the smallest MTU that it expects, 1460.
MTU = 1376
# Inner Ethernet 14, VXLAN 8, UDP 8, IPv4 20.
OVERHEAD = 50
DOMAIN = re.compile(r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
INTERFACE = re.compile(r"[^\s/:]{1,15}\Z")
OFF_THE_LINK = ("pod_node", "node_pod", "outside")


def check(options):
    """What is wrong with the variables of role weave, as (variable, value, expectation)."""
    yield from _parts.check_vni("weave_vni", options["vni"])
    yield from _parts.check_port("weave_port", options["port"])
    if options["dns"] and not options["expose"]:
        yield "weave_dns", True, "expected weave_expose: true with it: pods ask their node, which has to be on the link"
    if not DOMAIN.match(options["dns_domain"]):
        yield "weave_dns_domain", options["dns_domain"], "expected a domain name, such as weave.local"
    yield from _weave_mesh.check(options)
    yield from encryption.check(options)
    if options["password"] and _weave_mesh.partial(options):
        yield "weave_mesh", options["mesh"], "expected full with weave_password: what nodes relay for one another would not be encrypted"


def check_secret(dummy, value):
    """What is expected of weave_password, or None where it will do."""
    return encryption.check_password(value)


def check_cluster(fabric):
    """What is wrong with the subnets, as (host, variable, value, expectation)."""
    # A block has room for the node itself and for pods.
    for variable, value, expected in block_pools.check("weave_subnets", fabric["options"]["subnets"], {families.V4: (0, 29, None)}, fabric):
        yield "", variable, value, expected
    for name, node in fabric["nodes"].items() if fabric["options"]["subnets"] else ():
        if node["subnet"]:
            yield name, "fabric_subnet", node["subnet"], "expected none: nodes hold blocks of weave_subnets here"
    yield from _weave_mesh.check_cluster(fabric)
    for name, node in fabric["nodes"].items():
        for index, port in enumerate(node["options"]["ports"]):
            if not INTERFACE.match(port):
                yield name, "weave_ports[%d]" % index, port, "expected the name of a network interface, of at most 15 characters"
            elif port in node["options"]["ports"][:index]:
                yield name, "weave_ports[%d]" % index, port, "expected each once"


def pools(fabric):
    """The subnets of the range; of the first are those pods that name none."""
    return [{"name": subnet["name"], "cidr": subnet["cidr"], "block_length": subnet["block_size"], "node_labels": {}, "disabled": False,
             "explicit": index > 0, "router": True, "variable": "weave_subnets"} for index, subnet in enumerate(fabric["options"]["subnets"])] or None


def apart(fabric, address, other):
    """Whether the pods of two addresses are in different subnets, and so do not reach one another."""
    return bool(fabric["pools"]) and blocks.pool_of(fabric["pools"], address) is not blocks.pool_of(fabric["pools"], other)


def meets(fabric, name, address):
    """Whether the node is in the address's subnet too."""
    return not fabric["pools"] or blocks.pool_of(fabric["pools"], address)["name"] in blocks.routers(fabric["pools"], fabric["nodes"][name]["blocks"])


def title(options):
    """Whether addresses are learned, for a heading."""
    return " ".join(["learning" if options["learning"] else "static"] + ["partial mesh"] * _weave_mesh.partial(options) + encryption.way(options).TITLE)


def overview(fabric):
    """What C(weave status) tells beside connections: see C(_defaults.overview)."""
    options = fabric["options"]
    return {
        "mesh": _weave_mesh.words(fabric),
        "encryption": encryption.way(options).WORDS,
        "ranges": ", ".join("%s %s" % (subnet["name"], subnet["cidr"]) for subnet in options["subnets"]) or fabric["pod_cidr"],
        "nodes on the link": "yes" if options["expose"] else "no",
        "name server": "%s, dnsmasq on each node" % options["dns_domain"] if options["dns"] else "none",
    }


def without_checks(fabric):
    """Where the bridge has no address, nothing but a pod is on the link, and nothing leaves it."""
    return () if fabric["options"]["expose"] else OFF_THE_LINK


def kernel_modules(fabric):
    """What the kernel has to have built in or as a module."""
    return _parts.BRIDGE_MODULES + ["vxlan"] + ["ipv6"] * _weave_mesh.partial(fabric["options"]) + encryption.way(fabric["options"]).KERNEL_MODULES


def packages(fabric):
    """What brings the commands that the backend needs."""
    options = fabric["options"]
    wanted = [(_dns.PACKAGES, options["dns"]), (_bird_unit.PACKAGES, _weave_mesh.partial(options)), (encryption.way(options).PACKAGES, True)]
    return {command: package for packages_, needed in wanted if needed for command, package in packages_.items()}


def files(fabric, name, dummy_mtu):
    """Those of the name server, of what relays, and of encryption."""
    options = fabric["options"]
    names = _dns.files(fabric, options["dns_domain"], _router(fabric, name)) if options["dns"] else []
    return names + (_weave_mesh.files(fabric, name) if _weave_mesh.partial(options) else []) + encryption.way(options).files(fabric, name)


def secret_files(fabric, name, secrets):
    """Keys, of the password."""
    return encryption.way(fabric["options"]).secret_files(fabric, name, str(secrets["password"]))


def key_path(fabric):
    """A node may have a key of its own for encryption."""
    return encryption.way(fabric["options"]).key_path(fabric)


def agrees_on_keys(fabric):
    """Whatever encrypts does."""
    return bool(fabric["options"]["password"])


def units(fabric, name):
    """The name server, what relays, and what encrypts."""
    options = fabric["options"]
    names = _dns.units(fabric, options["dns_domain"], _router(fabric, name)) if options["dns"] else []
    return names + (_weave_mesh.units(fabric) if _weave_mesh.partial(options) else []) + encryption.way(options).units(fabric, name)


def daemon(fabric, name):
    """What relays: see C(_defaults.daemon)."""
    return _weave_mesh.daemon(fabric, name) if _weave_mesh.partial(fabric["options"]) else None


def resolver(fabric, name):
    """weaveDNS: the node itself, which asks what fabric_nameservers says, or what the node asks itself."""
    if not fabric["options"]["dns"]:
        return _defaults.resolver(fabric, name)
    return [_router(fabric, name)], [fabric["options"]["dns_domain"]] + (fabric["search_domains"] or [])


def _router(fabric, name):
    return next(iter(_segments(fabric, fabric["nodes"][name]).values()))


def exclusive(options):
    """What two fabrics on one machine cannot both have."""
    mine = dict({"weave_vni": options["vni"]}, **encryption.way(options).exclusive(options))
    return dict(mine, **(_bird_unit.EXCLUSIVE if _weave_mesh.partial(options) else {}))


def document(fabric, name):
    """All that Weave wants on the node C(name)."""
    node, options = fabric["nodes"][name], fabric["options"]
    bridge, device, relayed, way = _parts.own(fabric, "weave"), _device(fabric), _weave_mesh.partial(options), encryption.way(options)
    peers = {peer: _endpoint(fabric, name, peer) for peer in fabric["nodes"] if peer != name}
    # A tunnel to an address that is relayed goes by whatever way there is.
    ends = {"local": _weave_mesh.endpoint(node), "dev": None} if relayed else way.vxlan(fabric)
    overhead = OVERHEAD + _weave_mesh.OVERHEAD * relayed + way.OVERHEAD
    return _parts.merge(
        {"underlay": {"address": node["ip"], "overhead": overhead, "mtu_limit": MTU}},
        _parts.pods_on_bridge(fabric, node, bridge, fabric["mtu"], segments=_segments(fabric, node), routed=options["expose"]),
        _parts.vxlan(fabric, name, node, device, learning=options["learning"], master=bridge, up=True, **ends),
        {"vxlan_fdb": [{"dev": device, "mac": _parts.EVERYBODY, "dst": endpoint} for endpoint in peers.values()]},
        {} if options["learning"] else {"vxlan_fdb": [entry for peer, endpoint in peers.items() for entry in _known(fabric, device, peer, endpoint)]},
        _weave_mesh.document(fabric, name) if relayed else {},
        way.document(fabric, name),
        # What is behind them is on the link as pods are; its addresses are its own.
        {"bridge_port": [{"name": port, "master": bridge, "move_addresses": False} for port in node["options"]["ports"]]},
        _parts.forwarding(),
        _isolation(fabric, node, bridge) if fabric["pools"] else {},
        _parts.chain("filter", _parts.own(fabric, "WEAVE-FORWARD"), "FORWARD", _forwarded(fabric, bridge)),
        _masquerade(_parts.own(fabric, "WEAVE"), fabric["pod_cidr"]) if options["expose"] and fabric["masquerade"] else {},
    )


def _segments(fabric, node):
    """The ranges whose addresses are on the link, each with the node's own address in it."""
    if not fabric["pools"]:
        return {fabric["pod_cidr"]: _parts.gateway(node["subnet"])}
    cidrs = {pool["name"]: pool["cidr"] for pool in fabric["pools"]}
    return {cidrs[name]: address for name, address in blocks.routers(fabric["pools"], node["blocks"]).items()}


def _device(fabric):
    """vxlan-6784, as Weave calls the port of its datapath."""
    return _parts.own(fabric, "vxlan-%d" % fabric["options"]["port"])


def _endpoint(fabric, name, peer):
    """Where the tunnels of a node to a peer end."""
    if _weave_mesh.partial(fabric["options"]):
        return _weave_mesh.endpoint(fabric["nodes"][peer])
    return encryption.way(fabric["options"]).destination(fabric, name, peer)


def _known(fabric, device, name, endpoint):
    """Where a peer's pods are, and the peer itself where it is on the link."""
    peer = fabric["nodes"][name]
    own = [next(iter(_segments(fabric, peer).values()))] if fabric["options"]["expose"] else []
    macs = [_parts.address_mac(address) for address in [pod["address"] for pod in peer["pods"]] + own]
    return [{"dev": device, "mac": mac, "dst": endpoint} for mac in macs]


def _isolation(fabric, node, bridge):
    """What keeps subnets apart: a pod sends from an address of its own, to that one's subnet or off the link. IPv6, which has no subnets here, does
    not pass.

    Packets between pods come by here because of br_netfilter, also those of pods that give themselves an address of another subnet.
    """
    on_link = "-i %s -o %s" % (bridge, bridge)
    sources = _parts.own(fabric, "WEAVE-SOURCES")
    own, several = [], []
    for pod in node["pods"]:
        by, addresses = "-m physdev --physdev-in " + _parts.host_link(fabric["name"], pod["name"]), pod_addresses.every(pod)
        if len(addresses) == 1:
            own.append("%s ! -s %s -j DROP" % (by, addresses[0]))
        else:
            # A rule says "not this one" of one address only; of several a chain does, and what it lets go is still held against the subnets.
            several += ["%s -s %s -j RETURN" % (by, address) for address in addresses] + [by + " -j DROP"]
    among = ["%s -s %s -d %s -j RETURN" % (on_link, pool["cidr"], pool["cidr"]) for pool in fabric["pools"]]
    # What is for the link as a whole, broadcast and multicast, is no address of the range.
    rest = "%s -s %s -d %s -j DROP" % (on_link, fabric["pod_cidr"], fabric["pod_cidr"])
    name = _parts.own(fabric, "WEAVE-ISOLATION")
    v6 = {
        **_parts.chain("filter", name, "FORWARD", [on_link + " -j DROP"], position="first", family=families.V6),
        "sysctl": [{"key": "net/bridge/bridge-nf-call-ip6tables", "value": "1"}],
    }
    jump = ["-i %s -j %s" % (bridge, sources)] if several else []
    return _parts.merge(
        {"iptables_chain": [{"table": "filter", "chain": sources, "ip_version": 4, "rules": several}] if several else []},
        _parts.chain("filter", name, "FORWARD", jump + own + among + [rest], position="first"),
        v6)


def _forwarded(fabric, bridge):
    """Whatever the forward policy is, what stays on the link passes (by br_netfilter it comes by here), and where nodes are a way off it, that too."""
    cidr = fabric["pod_cidr"]
    off = ["-d %s -o %s -j ACCEPT" % (cidr, bridge), "-i %s ! -o %s -j ACCEPT" % (bridge, bridge)]
    return _parts.kept_apart(cidr, fabric["strangers"]) + ["-i %s -o %s -j ACCEPT" % (bridge, bridge)] + (off if fabric["options"]["expose"] else [])


def _masquerade(chain, cidr):
    """What enters or leaves the link bears the node's address."""
    rules = ["-s %s -d 224.0.0.0/4 -j RETURN" % cidr, "! -s %s -d %s -j MASQUERADE" % (cidr, cidr), "-s %s ! -d %s -j MASQUERADE" % (cidr, cidr)]
    return _parts.chain("nat", chain, "POSTROUTING", rules)
