# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Partial meshes: nodes of which not each has a link to each other (weaveworks/weave:docs/weave-docs-site/concepts/router-topology.md).

Weave's routers tell one another of all connections and relay frames over them. Here BIRD does that with Babel, and what is relayed are IP packets:

- C(weave-mesh) is a VXLAN device with the connections alone: its flood list and its entries are those of the peers that the node has a link to, and
  what comes in by it never goes out by itself. Babel's hellos reach just these peers, and each is its own next hop.
- Each node has an address on it (the first of its subnet, which no pod gets, as with flannel), and Babel tells of these.
- The tunnels between the pods' bridges end at these addresses, each node's at each other's, as in a full mesh they end at the nodes' own. So a
  copy is made once, by who sends; between nodes it is a routed packet, which has one way and a TTL: there is no tree to keep, and nothing goes round.

Babel (RFC 8966) because it is made for links of which none leads to all: it needs no numbers of areas and no common subnet, keeps loops out while it
changes over, and finds out by itself which of the connections that there may be carry packets both ways. BIRD's does not keep what it has learned
by a device from going out there again (bird:proto/babel/babel.c), which is what relaying needs.
"""

from __future__ import annotations

import ipaddress

from .. import blocks
from . import _bird_unit, _parts

PARTIAL = "partial"
PROTOCOL = "Babel"
# Inner Ethernet 14, VXLAN 8, UDP 8, IPv4 20 once more.
OVERHEAD = 50
# A connection is down when it has lost five hellos of sixteen; BIRD looks once a second.
HELLO_MS, LIMIT, UPDATE_S = 300, 12, 4
# Seconds in which a BIRD that is back has learned all again, before it takes away what it does not know.
RELEARN = 8
# Where Babel knows no way there is none: without this the packets would go to the link that they are to make.
FALLBACK_METRIC = 4096


def check(options):
    """What is wrong with the variables, as (variable, value, expectation)."""
    wrong = list(_parts.check_vni("weave_mesh_vni", options["mesh_vni"]))
    yield from wrong
    if not wrong and options["mesh_vni"] == options["vni"]:
        yield "weave_mesh_vni", options["mesh_vni"], "expected another one than weave_vni: both are on one UDP port"
    if options["connections"] and not partial(options):
        yield "weave_mesh", options["mesh"], "expected partial with weave_connections, or weave_connections left empty"


def check_cluster(fabric):
    """What is wrong with the connections, as (host, variable, value, expectation)."""
    nodes, wrong = fabric["nodes"], False
    for name, others in fabric["options"]["connections"].items():
        where = "weave_connections.%s" % name
        if name not in nodes:
            wrong = True
            yield "", where, name, "expected hosts of fabric %s" % fabric["name"]
        if not isinstance(others, list):
            wrong = True
            yield "", where, others, "expected a list of hosts"
            continue
        for index, other in enumerate(others):
            if other not in nodes or other == name:
                wrong = True
                yield "", "%s[%d]" % (where, index), other, "expected another host of fabric %s" % fabric["name"]
    if not wrong:
        first = list(nodes)[0]
        reached = _reached(fabric, first)
        lost = [name for name in nodes if name not in reached]
        if lost:
            yield "", "weave_connections", ", ".join(lost), "no connections lead there from %s: expected a way to every node" % first


def _reached(fabric, name):
    reached, open_ = {name}, [name]
    while open_:
        more = set(peers(fabric, open_.pop())) - reached
        reached |= more
        open_ += more
    return reached


def partial(options):
    """Whether packets are relayed."""
    return options["mesh"] == PARTIAL


def peers(fabric, name):
    """The nodes that a node may have a link to: all others where nothing is said."""
    told = fabric["options"]["connections"]
    return [peer for peer in fabric["nodes"] if peer != name and (not told or peer in told.get(name, ()) or name in told.get(peer, ()))]


def device(fabric):
    """The one with the connections."""
    return _parts.own(fabric, "weave-mesh")


def endpoint(node):
    """Where tunnels to a node end: an address of its own that no pod gets."""
    return blocks.tunnel_address(node["networks"])


def document(fabric, name):
    """The device with the connections, and this node's address among them."""
    node, link = fabric["nodes"][name], device(fabric)
    near = {peer: fabric["nodes"][peer] for peer in peers(fabric, name)}
    settings = {
        # Babel speaks by link-local IPv6, from the address that the kernel makes of the MAC.
        "net/ipv6/conf/%s/disable_ipv6": "0",
        "net/ipv6/conf/%s/addr_gen_mode": "0",
        # Relayed packets leave by the device that they came by, and are right there.
        "net/ipv4/conf/%s/send_redirects": "0",
    }
    return _parts.merge(
        # Without an MTU, so with all that the underlay has room for.
        _parts.vxlan(fabric, name, node, link, vni=fabric["options"]["mesh_vni"], mtu=None, up=True),
        {
            "sysctl": [{"key": key % link, "value": value} for key, value in settings.items()],
            "address": [{"dev": link, "address": endpoint(node) + "/32"}],
            "vxlan_fdb": [{"dev": link, "mac": mac, "dst": peer["ip"]} for other, peer in near.items()
                          for mac in (_parts.EVERYBODY, _parts.vtep_mac(other))],
            "neighbour": [{"dev": link, "address": endpoint(peer), "mac": _parts.vtep_mac(other)} for other, peer in near.items()],
            "route": [{"dst": endpoint(peer) + "/32", "type": "unreachable", "metric": FALLBACK_METRIC}
                      for other, peer in fabric["nodes"].items() if other != name],
        },
        _parts.chain("filter", _parts.own(fabric, "WEAVE-MESH"), "FORWARD", ["-i %s -o %s -j ACCEPT" % (link, link)]),
    )


def config(fabric, name):
    """What BIRD runs."""
    link, node = device(fabric), fabric["nodes"][name]
    others = ", ".join(endpoint(peer) + "/32" for other, peer in fabric["nodes"].items() if other != name)
    return _bird_unit.config([
        _bird_unit.head(node, RELEARN),
        "protocol device {\n  scan time 2;\n}",
        "# The node's own address.\nprotocol direct {\n  ipv4;\n  interface \"%s\";\n}" % link,
        "protocol kernel {\n  scan time 2;\n  graceful restart;\n  ipv4 {\n    import none;\n    export where source = RTS_BABEL;\n  };\n}",
        "\n".join([
            "protocol babel weave_mesh {",
            "  # Who comes back does not have to wait until others have forgotten what it told before.",
            "  randomize router id;",
            "  ipv4 {",
            "    import where net ~ [ %s ];" % others if others else "    import none;",
            "    export where source = RTS_BABEL || source = RTS_DEVICE;",
            "  };",
            '  interface "%s" {' % link,
            "    type wired;",
            "    hello interval %d ms;" % HELLO_MS,
            "    limit %d;" % LIMIT,
            "    update interval %d s;" % UPDATE_S,
            "  };",
            "}",
        ]),
    ])


def daemon(fabric, name):
    """What BIRD on a node is and should have: see C(_defaults.daemon). Connections that are only tried need not be there."""
    return {
        "protocol": "babel",
        "config": _bird_unit.config_path(fabric),
        "socket": _bird_unit.socket_path(fabric),
        "content": config(fabric, name),
        "bridge": None,
        "sessions": [],
        "neighbours": [{"address": _link_local(peer), "to": peer, "required": bool(fabric["options"]["connections"])} for peer in peers(fabric, name)],
        "networks": [{"to": peer, "cidr": endpoint(entry) + "/32"} for peer, entry in fabric["nodes"].items() if peer != name],
    }


def _link_local(name):
    """The address that the kernel gives the device of a node, by its MAC (RFC 4291, appendix A)."""
    mac = [int(part, 16) for part in _parts.vtep_mac(name).split(":")]
    groups = [mac[0] ^ 2, mac[1], mac[2], 0xFF, 0xFE, mac[3], mac[4], mac[5]]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes(groups)))


def files(fabric, name):
    """BIRD's."""
    return _bird_unit.files(fabric, PROTOCOL, config(fabric, name))


def units(fabric):
    """BIRD's."""
    return _bird_unit.units(fabric, PROTOCOL)


def words(fabric):
    """The mesh, for a person."""
    pairs = sum(len(peers(fabric, name)) for name in fabric["nodes"]) // 2
    count = "%d connection%s" % (pairs, "" if pairs == 1 else "s")
    if not partial(fabric["options"]):
        return "full, " + count
    return "partial, %s%s, relayed by Babel" % (count, "" if fabric["options"]["connections"] else " to try")
