# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document against flannel's own recipe, object by object."""

from __future__ import annotations

import hashlib

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _parts, flannel

MACS = {name: "66:" + ":".join("%02x" % byte for byte in hashlib.sha1(name.encode()).digest()[:5]) for name in ("node1", "node2", "node3")}


def document(node="node1", count=3, pods=(), **common):
    return flannel.document(intent.fabric(intent.nodes(count, fabric_pods=list(pods)), **common), node)


def test_the_underlay():
    assert document()["underlay"] == {"address": "198.51.100.1", "overhead": 50}


def test_the_vtep():
    assert document()["vxlan"] == [
        {
            "name": "flannel.1",
            "vni": 1,
            "port": 8472,
            "local": "198.51.100.1",
            "dev": "auto",
            "learning": False,
            "mac": MACS["node1"],
            "mtu": "auto",
        }
    ]
    assert {"dev": "flannel.1", "address": "10.244.1.0/32"} in document()["address"]
    assert {"key": "net/ipv6/conf/flannel.1/accept_ra", "value": "0"} in document()["sysctl"]


def test_a_mac_as_calico_derives_it():
    assert _parts.vtep_mac("node1") == MACS["node1"]


def test_peers():
    found = document("node2")
    peers = [("node1", "198.51.100.1", "10.244.1.0"), ("node3", "198.51.100.3", "10.244.3.0")]
    assert found["neighbour"] == [{"dev": "flannel.1", "address": vtep, "mac": MACS[name]} for name, _ip, vtep in peers]
    assert found["vxlan_fdb"] == [{"dev": "flannel.1", "mac": MACS[name], "dst": ip} for name, ip, _vtep in peers]
    assert found["route"] == [{"dst": vtep + "/24", "via": vtep, "dev": "flannel.1", "onlink": True} for _name, _ip, vtep in peers]
    sections = list(found)
    assert sections.index("neighbour") < sections.index("vxlan_fdb") < sections.index("route")


def test_a_cluster_of_one_node():
    found = document(count=1)
    assert not {"neighbour", "vxlan_fdb", "route"} & set(found)


def test_the_bridge_and_a_pod():
    found = document(count=1, pods=[{"name": "web"}])
    assert found["bridge"] == [{"name": "cni0", "mac": "0a:58:0a:f4:01:01", "mtu": "auto", "up": True, "stp": False}]
    assert found["netns"] == [{"name": "web"}]
    assert found["veth"] == [
        {
            "name": "vethc1da755147f",
            "mtu": "auto",
            "master": "cni0",
            "bridge_port": {"hairpin": True},
            "up": True,
            "peer": {"name": "eth0", "netns": "web", "mac": "0a:58:0a:f4:01:02", "mtu": "auto", "up": True},
        }
    ]
    assert found["address"] == [
        {"dev": "cni0", "address": "10.244.1.1/24"},
        {"netns": "web", "dev": "eth0", "address": "10.244.1.2/24"},
        {"dev": "flannel.1", "address": "10.244.1.0/32"},
    ]
    assert found["route"] == [{"netns": "web", "dst": "default", "via": "10.244.1.1", "dev": "eth0"}]


def test_host_links_fit_and_differ():
    names = {_parts.host_link(fabric, pod) for fabric in ("a", "b" * 32) for pod in ("web", "p" * 63)}
    assert len(names) == 4
    assert {len(name) for name in names} == {15}


def test_forwarding():
    assert document()["sysctl"][-2:] == [
        {"key": "net/ipv4/ip_forward", "value": "1"},
        {"key": "net/bridge/bridge-nf-call-iptables", "value": "1"},
    ]


def test_the_chains():
    assert document("node2")["iptables_chain"] == [
        {
            "table": "filter",
            "chain": "FLANNEL-FWD",
            "ip_version": 4,
            "rules": ["-s 10.244.0.0/16 -j ACCEPT", "-d 10.244.0.0/16 -j ACCEPT"],
        },
        {
            "table": "nat",
            "chain": "FLANNEL-POSTRTG",
            "ip_version": 4,
            "rules": [
                "-m mark --mark 0x4000/0x4000 -j RETURN",
                "-s 10.244.2.0/24 -d 10.244.0.0/16 -j RETURN",
                "-s 10.244.0.0/16 -d 10.244.2.0/24 -j RETURN",
                "! -s 10.244.0.0/16 -d 10.244.2.0/24 -j RETURN",
                "-s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE",
                "! -s 10.244.0.0/16 -d 10.244.0.0/16 -j MASQUERADE",
            ],
        },
    ]
    assert document()["iptables_rule"] == [
        {"table": "filter", "chain": "FORWARD", "rule": "-j FLANNEL-FWD", "position": "last"},
        {"table": "nat", "chain": "POSTROUTING", "rule": "-j FLANNEL-POSTRTG", "position": "last"},
    ]


def test_without_masquerade():
    found = document(fabric_masquerade=False)
    assert [entry["table"] for entry in found["iptables_chain"] + found["iptables_rule"]] == ["filter", "filter"]


def test_another_vni_port_and_mtu():
    found = document(pods=[{"name": "web"}], flannel_vni=77, flannel_port=4789, fabric_mtu=1300)
    (vxlan,), (veth,) = found["vxlan"], found["veth"]
    assert (vxlan["name"], vxlan["vni"], vxlan["port"], vxlan["mtu"]) == ("flannel.77", 77, 4789, 1300)
    assert {found["bridge"][0]["mtu"], veth["mtu"], veth["peer"]["mtu"]} == {1300}
    assert {entry["dev"] for entry in found["neighbour"] + found["vxlan_fdb"] + found["route"] if "netns" not in entry} == {"flannel.77"}


def test_host_gw_has_routes_alone():
    found = document("node2", flannel_type="host-gw")
    assert found["route"] == [
        {"dst": "10.244.1.0/24", "via": "198.51.100.1", "needs_onlink": "198.51.100.1"},
        {"dst": "10.244.3.0/24", "via": "198.51.100.3", "needs_onlink": "198.51.100.3"},
    ]
    assert not {"vxlan", "neighbour", "vxlan_fdb"} & set(found)
    assert found["underlay"]["overhead"] == 0
    assert [entry["dev"] for entry in found["address"]] == ["cni0"]
    assert "accept_ra" not in str(found["sysctl"])


def test_host_gw_is_the_same_otherwise():
    pods = [{"name": "web"}]
    ours, vxlan = document(pods=pods, flannel_type="host-gw"), document(pods=pods)
    for section in ("netns", "bridge", "veth", "iptables_chain", "iptables_rule"):
        assert ours[section] == vxlan[section]


def test_direct_routing_says_both_ways_to_each_peer():
    """Only the node knows which peers are beside it."""
    plain, found = document("node2"), document("node2", flannel_direct_routing=True)
    peers = ["198.51.100.1", "198.51.100.3"]
    for section in ("neighbour", "vxlan_fdb"):
        assert found[section] == [dict(entry, unless_onlink=peer) for entry, peer in zip(plain[section], peers)]
    tunnelled = [dict(entry, unless_onlink=peer) for entry, peer in zip(plain["route"], peers)]
    direct = [{"dst": entry["dst"], "via": peer, "if_onlink": peer} for entry, peer in zip(plain["route"], peers)]
    assert found["route"] == [entry for pair in zip(tunnelled, direct) for entry in pair]
    assert {section for section in plain if plain[section] != found[section]} == {"neighbour", "vxlan_fdb", "route"}


def test_host_gw_routes_directly_anyway():
    said = "flannel_direct_routing: True: expected flannel_type vxlan with it: host-gw routes directly anyway"
    with pytest.raises(cluster.InvalidCluster, match=said):
        document(flannel_type="host-gw", flannel_direct_routing=True)


def test_kernel_modules_of_host_gw():
    assert flannel.kernel_modules(intent.fabric(intent.nodes(1), flannel_type="host-gw")) == ["bridge", "br_netfilter", "veth"]


def test_a_second_fabric_has_names_of_its_own():
    found = document(fabric_name="blue", fabric_number=163, flannel_vni=9, fabric_pod_cidr="10.96.0.0/16")
    assert [entry["name"] for entry in found["bridge"] + found["vxlan"]] == ["cni3", "flannel.9"]
    assert [entry["chain"] for entry in found["iptables_chain"]] == ["FLANNEL-FWD-163", "FLANNEL-POSTRTG-163"]
    fabric = intent.fabric(intent.nodes(1), fabric_number=163)
    assert [entry["path"] for entry in flannel.files(fabric, "node1", 1450)] == ["/run/flannel/subnet-163.env"]


def test_strangers_are_dropped_both_ways_before_anything_is_accepted():
    fabric = dict(intent.fabric(intent.nodes(1)), strangers=["10.96.0.0/16"])
    assert flannel.document(fabric, "node1")["iptables_chain"][0]["rules"] == [
        "-s 10.244.0.0/16 -d 10.96.0.0/16 -j DROP",
        "-s 10.96.0.0/16 -d 10.244.0.0/16 -j DROP",
        "-s 10.244.0.0/16 -j ACCEPT",
        "-d 10.244.0.0/16 -j ACCEPT",
    ]


@pytest.mark.parametrize("masquerade, word", [(True, "true"), (False, "false")])
def test_subnet_env(masquerade, word):
    fabric = intent.fabric(intent.nodes(2), fabric_masquerade=masquerade)
    lines = ["FLANNEL_NETWORK=10.244.0.0/16", "FLANNEL_SUBNET=10.244.2.1/24", "FLANNEL_MTU=1450", "FLANNEL_IPMASQ=" + word, ""]
    assert flannel.files(fabric, "node2", 1450) == [{"path": "/run/flannel/subnet.env", "content": "\n".join(lines)}]


def test_one_recipe_for_each_choice():
    options = intent.options()
    assert options["fabric"]["fabric_backend"]["choices"] == recipes.names()
    assert sorted(flannel.TYPES) == sorted(options["flannel"]["flannel_type"]["choices"])
    assert flannel.kernel_modules(intent.fabric(intent.nodes(1))) == ["bridge", "br_netfilter", "veth", "vxlan"]
