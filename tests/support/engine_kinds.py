# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a life brings to objects of each kind: documents that follow one another on a node, each of which changes something.

A new kind needs an entry here: tests/kernel/test_engine_kinds.py holds every promise of the engine against it. The first word of a
name is the kind.
"""

from engine_documents import MIXED, changed, flannel, sets

SMALL = dict(pods=("a",), peers=(2,))
FLANNEL = flannel(**SMALL)
BRIDGE = {"bridge": [{"name": "br0", "mac": "02:00:00:00:00:10", "mtu": 1500}]}
ON_BRIDGE = dict(BRIDGE, address=[{"dev": "br0", "address": "10.0.0.1/24"}])
P = {"netns": [{"name": "p"}]}


def of(document, *sections):
    """A document without what is not in these sections."""
    return {section: entries for section, entries in document.items() if section in sections}


LIVES = {
    "netns": [P, {"netns": [{"name": "p"}, {"name": "q"}]}, {"netns": [{"name": "q"}]}],
    "bridge": [BRIDGE, of(MIXED, "netns", "bridge"), of(FLANNEL, "underlay", "bridge")],
    "veth": [of(FLANNEL, "underlay", "netns", "bridge", "veth"), of(MIXED, "netns", "bridge", "veth")],
    "vxlan": [of(FLANNEL, "underlay", "vxlan"), of(MIXED, "underlay", "bridge", "vxlan")],
    "vxlan_fdb": [of(FLANNEL, "underlay", "vxlan", "vxlan_fdb"), of(MIXED, "underlay", "bridge", "vxlan", "vxlan_fdb")],
    "sysctl": [{"sysctl": FLANNEL["sysctl"][:1]}, dict(P, sysctl=MIXED["sysctl"][1:])],
    "address": [ON_BRIDGE, of(MIXED, "underlay", "netns", "bridge", "veth", "address")],
    "neighbour": [dict(ON_BRIDGE, neighbour=[{"dev": "br0", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}]),
                  dict(ON_BRIDGE, neighbour=[{"dev": "br0", "address": "10.0.0.9", "mac": "02:00:00:00:00:08"}])],
    "route": [dict(ON_BRIDGE, route=[{"dst": "10.1.0.0/16", "via": "10.0.0.9"}, {"dst": "10.2.0.0/16", "type": "blackhole"}]),
              dict(ON_BRIDGE, route=[{"dst": "10.1.0.0/16", "via": "10.0.0.8"}, {"dst": "10.2.0.0/16", "dev": "br0", "metric": 5, "table": 99}])],
    "ipset": [sets(), sets(peers=("192.0.2.0/25", "198.51.100.7")), sets(maxelem=1000, comment=True, using=("both",))],
    "ipset of another type": [sets(), sets(type_="hash:ip", peers=("192.0.2.1-192.0.2.3",))],
    "iptables_chain": [of(FLANNEL, "iptables_chain"), of(MIXED, "netns", "iptables_chain")],
    "iptables_rule": [of(FLANNEL, "iptables_chain", "iptables_rule"), of(changed(MIXED, iptables_chain=FLANNEL["iptables_chain"]), "iptables_chain")],
    "dummy": [
        {"dummy": [{"name": "d0"}], "address": [{"dev": "d0", "address": "10.0.0.1/24"}]},
        {"dummy": [{"name": "d0", "mtu": 1400, "mac": "02:00:00:00:00:d0"}], "address": [{"dev": "d0", "address": "10.0.0.1/24"}]},
        dict(BRIDGE, **P, dummy=[{"name": "d0", "master": "br0", "bridge_port": {"isolated": True}},
                                 {"name": "d1", "netns": "p", "mtu": 9000, "up": False}]),
        dict(BRIDGE, dummy=[{"name": "d0", "master": ""}]),
    ],
}  # fmt: skip
