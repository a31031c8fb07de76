# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document against Calico's own recipe, object by object."""

from __future__ import annotations

import hashlib

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes, verify
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _parts, calico

PODS = [{"name": "web"}, {"name": "db"}]
LINK = "cali" + hashlib.sha1(b"fabric/web").hexdigest()[:11]


def fabric(count=3, pods=(), **common):
    return intent.fabric(intent.nodes(count, fabric_pods=list(pods)), **dict({"fabric_backend": "calico"}, **common))


def document(node="node1", count=3, pods=(), **common):
    return calico.document(fabric(count, pods, **common), node)


def problems(nodes=None, **common):
    with pytest.raises(cluster.InvalidCluster) as caught:
        cluster.fabrics(intent.inventory(nodes or intent.nodes(1), **dict({"fabric_backend": "calico"}, **common)), intent.options())
    return caught.value.problems


def test_a_pod_is_routed_to():
    found = document(pods=PODS)
    assert "bridge" not in found
    assert [pair for pair in found["veth"] if pair["peer"]["netns"] == "web"] == [{
        "name": LINK, "mac": "ee:ee:ee:ee:ee:ee", "mtu": "auto", "up": True,
        "peer": {"name": "eth0", "netns": "web", "mac": "0a:58:0a:f4:01:03", "mtu": "auto", "up": True}}]
    assert {"netns": "web", "dev": "eth0", "address": "10.244.1.3/32"} in found["address"]
    assert [route for route in found["route"] if route.get("netns") == "web" or route.get("dev") == LINK] == [
        {"dst": "10.244.1.3/32", "dev": LINK},
        {"netns": "web", "dst": "169.254.1.1/32", "dev": "eth0"},
        {"netns": "web", "dst": "default", "via": "169.254.1.1", "dev": "eth0"},
    ]
    assert {entry["key"].replace(LINK, "*"): entry["value"] for entry in found["sysctl"] if LINK in entry["key"]} == {
        "net/ipv4/conf/*/forwarding": "1", "net/ipv4/conf/*/proxy_arp": "1", "net/ipv4/neigh/*/proxy_delay": "0",
        "net/ipv4/conf/*/rp_filter": "1", "net/ipv4/conf/*/route_localnet": "1"}


def test_every_block_of_ones_own_ends_here():
    found = document(pods=[{"name": "p%d" % number} for number in range(70)])
    assert [route["dst"] for route in found["route"] if route.get("type") == "blackhole"] == ["10.244.1.0/26", "10.244.1.64/26"]


def test_vxlan_always():
    found = document(count=2, calico_vxlan_mode="Always")
    mac = _parts.vtep_mac("node2")
    assert found["underlay"] == {"address": "198.51.100.1", "overhead": 50}
    assert found["vxlan"] == [{"name": "vxlan.calico", "vni": 4096, "port": 4789, "local": "198.51.100.1", "dev": "auto", "learning": False,
                               "mac": _parts.vtep_mac("node1"), "mtu": "auto"}]
    assert found["address"] == [{"dev": "vxlan.calico", "address": "10.244.1.0/32"}]
    assert found["neighbour"] == [{"dev": "vxlan.calico", "address": "10.244.2.0", "mac": mac}]
    assert found["vxlan_fdb"] == [{"dev": "vxlan.calico", "mac": mac, "dst": "198.51.100.2"}]
    assert found["route"] == [{"dst": "10.244.1.0/26", "type": "blackhole"},
                              {"dst": "10.244.2.0/26", "via": "10.244.2.0", "dev": "vxlan.calico", "onlink": True}]


def test_vxlan_across_subnets():
    found = document(count=2)
    condition = {"unless_onlink": "198.51.100.2"}
    assert found["route"][1:] == [{"dst": "10.244.2.0/26", "via": "10.244.2.0", "dev": "vxlan.calico", "onlink": True, **condition},
                                  {"dst": "10.244.2.0/26", "via": "198.51.100.2", "if_onlink": "198.51.100.2"}]
    assert all(condition.items() <= entry.items() for entry in found["neighbour"] + found["vxlan_fdb"])


POOLS = [{"name": "a", "cidr": "10.244.0.0/20", "vxlan_mode": "Always", "nat_outgoing": False}, {"name": "b", "cidr": "10.244.16.0/20"}]


def test_a_peer_with_blocks_of_both_modes():
    nodes = intent.nodes(2)
    nodes["node2"]["calico_blocks"] = ["10.244.5.0/26", "10.244.17.0/26"]
    found = calico.document(intent.fabric(nodes, fabric_backend="calico", calico_pools=POOLS), "node1")
    assert [(route["dst"], sorted(set(route) - {"dst"})) for route in found["route"][1:]] == [
        ("10.244.5.0/26", ["dev", "onlink", "via"]),
        ("10.244.17.0/26", ["dev", "onlink", "unless_onlink", "via"]),
        ("10.244.17.0/26", ["if_onlink", "via"]),
    ]
    assert "unless_onlink" not in found["neighbour"][0]


def test_a_borrowed_address_is_a_route_of_its_own():
    nodes = intent.nodes(2)
    nodes["node2"].update(calico_blocks=["10.244.2.0/26"])
    nodes["node1"].update(calico_blocks=["10.244.1.0/26"], fabric_pods=[{"name": "web", "address": "10.244.2.9"}])
    common = {"fabric_backend": "calico", "calico_borrow": True}
    only = intent.fabric(nodes, **common, calico_vxlan_mode="Always")
    assert {route["dst"]: route.get("via") for route in calico.document(only, "node2")["route"]} == {
        "10.244.2.0/26": None, "10.244.1.0/26": "10.244.1.0", "10.244.2.9/32": "10.244.1.0"}
    only = intent.fabric(nodes, **common, calico_vxlan_mode="Never", calico_bgp=True)
    assert calico.daemon(only, "node2")["networks"] == [{"to": "node1", "cidr": "10.244.1.0/26"}, {"to": "node1", "cidr": "10.244.2.9/32"}]
    assert "  route 10.244.1.0/26 blackhole;\n  route 10.244.2.9/32 blackhole;\n}" in calico.daemon(only, "node1")["content"]


def test_what_leaves_all_pools_is_masqueraded():
    found = document()
    assert {"table": "nat", "chain": "cali-nat-outgoing", "ip_version": 4, "rules": [
        "-m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE"]} in found["iptables_chain"]
    found = document(calico_pools=POOLS)
    sets = {entry["name"]: entry["members"] for entry in found["ipset"]}
    assert sets["cali40all-ipam-pools"] == ["10.244.0.0/20", "10.244.16.0/20"]
    assert sets["cali40masq-ipam-pools"] == ["10.244.16.0/20"]
    for nothing in ({"fabric_masquerade": False}, {"calico_pools": POOLS[:1]}):
        assert "cali-nat-outgoing" not in str(document(**nothing))


def test_a_tunnel_from_who_is_no_node_is_refused():
    found = document()
    assert {"name": "cali40all-vxlan-net", "type": "hash:net", "members": ["198.51.100.2", "198.51.100.3"]} in found["ipset"]
    assert {"table": "filter", "chain": "INPUT", "rule": "-j cali-INPUT", "position": "first"} in found["iptables_rule"]


def test_ipip():
    found = document(count=2, calico_vxlan_mode="Never", calico_ipip_mode="CrossSubnet", calico_bgp=True)
    assert found["underlay"] == {"address": "198.51.100.1", "overhead": 20} and "vxlan" not in found
    assert found["ipip"] == [{"name": "ipip.calico", "local": "198.51.100.1", "mtu": "auto", "up": True}]
    assert found["address"] == [{"dev": "ipip.calico", "address": "10.244.1.0/32"}]
    # Routes are BIRD's; what comes from who is no node is refused here too.
    assert [route for route in found["route"] if "via" in route] == []
    assert {"name": "cali40all-hosts-net", "type": "hash:net", "members": ["198.51.100.2"]} in found["ipset"]
    (chain,) = [entry for entry in found["iptables_chain"] if entry["chain"] == "cali-INPUT"]
    assert chain["rules"] == ["-p ipencap -m set ! --match-set cali40all-hosts-net src -j DROP"]
    assert "cali-INPUT" not in str(document(calico_vxlan_mode="Never", calico_bgp=True))


WIREGUARD = {"fabric_backend": "calico", "calico_wireguard": True, "calico_vxlan_mode": "Never"}


def with_keys(only, **keys):
    return dict(only, nodes={name: dict(node, public_key=keys.get(name)) for name, node in only["nodes"].items()})


def test_wireguard():
    only = with_keys(intent.fabric(intent.nodes(3), **WIREGUARD), node1="ONE=", node2="TWO=")
    found = calico.document(only, "node1")
    assert found["underlay"] == {"address": "198.51.100.1", "overhead": 60} and "vxlan" not in found
    assert found["wireguard"] == [{
        "name": "wireguard.cali", "mtu": "auto", "up": True, "listen_port": 51820, "private_key_file": "/etc/clusternet/fabric/wireguard.key",
        "peers": [{"public_key": "TWO=", "endpoint": "198.51.100.2:51820", "allowed_ips": ["10.244.2.0/26"]}]}]
    assert found["address"] == [{"dev": "wireguard.cali", "address": "10.244.1.0/32"}]
    # node3 has told no key yet.
    assert found["route"] == [{"dst": "10.244.1.0/26", "type": "blackhole"}, {"dst": "10.244.2.0/26", "dev": "wireguard.cali"}]
    recipe = recipes.get("calico")
    assert recipe.kernel_modules(only) == ["veth", "ip_set", "wireguard"] and recipe.key_path(only) == "/etc/clusternet/fabric/wireguard.key"
    assert recipe.key_path(fabric()) == recipes.get("flannel").key_path(fabric(fabric_backend="flannel")) == ""


def test_wireguard_and_bgp():
    """BGP tells others of the blocks, and has no say about the kernel's routes to them."""
    only = intent.fabric(intent.nodes(2), **WIREGUARD, calico_bgp=True)
    daemon = calico.daemon(only, "node1")
    assert daemon["networks"] == [] and "  if net ~ [ 10.244.0.0/16+ ] then reject;" in daemon["content"]


def test_beside_another_fabric():
    found = document(fabric_number=161)
    assert found["vxlan"][0]["name"] == "vxlan.cali161"
    assert {chain["chain"] for chain in found["iptables_chain"]} == {"cali-FORWARD-161", "cali-INPUT-161", "cali-nat-outgoing-161"}
    assert all(entry["name"].endswith("-161") and len(entry["name"]) <= 31 for entry in found["ipset"])


def test_the_order_of_nodes_and_pods_does_not_matter():
    forwards, backwards = intent.nodes(3, fabric_pods=PODS), dict(reversed(intent.nodes(3, fabric_pods=PODS[::-1]).items()))
    one, two = (calico.document(intent.fabric(nodes, fabric_backend="calico"), "node1") for nodes in (forwards, backwards))
    assert {section: sorted(map(str, entries)) for section, entries in one.items()} == {section: sorted(map(str, entries)) for section, entries in two.items()}


def test_what_verify_measures():
    only = fabric(2, PODS, calico_pools=POOLS)
    found = verify.targets(only, "node1", outside_address="192.0.2.9", outside_port=80)
    assert {probe["check"] for probe in found} == {"pod_pod", "pod_node", "node_pod", "mtu"}
    found = verify.targets(fabric(2, PODS), "node1", outside_address="192.0.2.9", outside_port=80)
    assert {probe["check"] for probe in found} == {"pod_pod", "pod_node", "node_pod", "mtu", "outside"}


@pytest.mark.parametrize("common, expected", [
    ({"calico_vxlan_mode": "Never"},
     "node1: calico_vxlan_mode: Never: nothing would carry packets between nodes: "
     "expected one of Always, CrossSubnet, or calico_bgp: true or calico_wireguard: true"),
    ({"calico_wireguard": True},
     "node1: calico_vxlan_mode: CrossSubnet: expected Never: packets between nodes travel in WireGuard (calico_wireguard)"),
    ({"calico_wireguard_port": 0}, "node1: calico_wireguard_port: 0: expected a UDP port from 1 to 65535"),
    ({"calico_vni": 2**24}, "node1: calico_vni: 16777216: expected a number from 1 to 16777215: a VNI has 24 bits"),
    ({"calico_port": 0}, "node1: calico_port: 0: expected a UDP port from 1 to 65535"),
    ({"calico_block_size": 33}, "node1: calico_block_size: 33: expected a length from 20 to 32"),
    ({"fabric_pod_cidr": "10.244.0.0/28", "fabric_subnet_length": 29},
     "calico_block_size: 26: expected a length that is not shorter than that of fabric_pod_cidr 10.244.0.0/28"),
    ({"calico_pools": [{"name": "a", "cidr": "10.9.0.0/16"}]},
     "calico_pools[0].cidr: 10.9.0.0/16: expected a range inside fabric_pod_cidr 10.244.0.0/16"),
    ({"calico_pools": [{"name": "a", "cidr": "10.244.0.1/20"}]},
     "calico_pools[0].cidr: 10.244.0.1/20: expected an IPv4 range such as 10.244.0.0/17, without bits beyond its length"),
    ({"calico_pools": [{"name": "a", "cidr": "10.244.0.0/20"}, {"name": "b", "cidr": "10.244.8.0/21"}]},
     "calico_pools[1].cidr: 10.244.8.0/21: overlaps 10.244.0.0/20 of pool a: expected ranges that do not overlap"),
    ({"calico_pools": [{"name": "a", "cidr": "10.244.0.0/20"}, {"name": "a", "cidr": "10.244.16.0/20"}]},
     "calico_pools[1].name: a: expected names that differ"),
    ({"calico_pools": [{"name": "a", "cidr": "10.244.0.0/20", "block_size": 19}]}, "calico_pools[0].block_size: 19: expected a length from 20 to 32"),
])
def test_problems(common, expected):
    assert problems(**common) == [expected]


def test_problems_of_one_node():
    nodes = intent.nodes(1)
    nodes["node1"].update(fabric_subnet="10.244.5.0/24", calico_blocks=["x"])
    assert problems(nodes) == [
        "node1: fabric_subnet: 10.244.5.0/24: expected none: nodes hold blocks of pools here; pin those with calico_blocks",
        "node1: calico_blocks[0]: x: expected a block of a pool, such as 10.244.1.0/26"]


def test_what_a_node_says_for_itself_may_differ():
    nodes = intent.nodes(2)
    nodes["node1"]["calico_blocks"] = ["10.244.7.0/26"]
    assert intent.fabric(nodes, fabric_backend="calico")["nodes"]["node1"]["blocks"] == ["10.244.7.0/26"]


def test_kernel_modules_and_packages():
    assert recipes.get("calico").kernel_modules(fabric()) == ["veth", "ip_set", "vxlan"]
    assert recipes.get("calico").packages(fabric()) == {"ipset": "ipset"}
    assert recipes.get("flannel").packages(fabric(fabric_backend="flannel")) == {}
