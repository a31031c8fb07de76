# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document against what Weave puts on a node, object by object."""

from __future__ import annotations

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, pods, recipes, verify

EVERYBODY = "00:00:00:00:00:00"


def document(node="node1", count=3, pods=(), **common):
    fabric = intent.fabric(intent.nodes(count, fabric_pods=list(pods)), fabric_backend="weave", **common)
    return recipes.get("weave").document(fabric, node)


def test_the_mtu_is_at_most_that_of_weave():
    assert document()["underlay"] == {"address": "198.51.100.1", "overhead": 50, "mtu_limit": 1376}


def test_the_tunnel_is_a_port_of_the_bridge():
    assert document()["vxlan"] == [
        {"name": "vxlan-6784", "vni": 6784, "port": 6784, "local": "198.51.100.1", "dev": "auto", "learning": True, "master": "weave", "up": True,
         "mac": document()["vxlan"][0]["mac"], "mtu": "auto"}
    ]


def test_what_is_for_everybody_goes_to_every_other_node():
    assert document("node2")["vxlan_fdb"] == [
        {"dev": "vxlan-6784", "mac": EVERYBODY, "dst": "198.51.100.1"}, {"dev": "vxlan-6784", "mac": EVERYBODY, "dst": "198.51.100.3"}]


def test_known_pods_and_nodes_in_place_of_learning():
    found = document(count=2, pods=[{"name": "web"}], weave_learning=False)
    assert found["vxlan"][0]["learning"] is False
    assert found["vxlan_fdb"] == [
        {"dev": "vxlan-6784", "mac": mac, "dst": "198.51.100.2"} for mac in (EVERYBODY, "0a:58:0a:f4:02:02", "0a:58:0a:f4:02:01")]


def test_all_pods_are_on_one_link():
    found = document(count=1, pods=[{"name": "web"}])
    assert found["address"] == [{"dev": "weave", "address": "10.244.1.1/16"}, {"netns": "web", "dev": "eth0", "address": "10.244.1.2/16"}]
    assert found["route"] == [{"netns": "web", "dst": "default", "via": "10.244.1.1", "dev": "eth0"}]
    assert [rule for chain in found["iptables_chain"] if chain["table"] == "nat" for rule in chain["rules"]] == [
        "-s 10.244.0.0/16 -d 224.0.0.0/4 -j RETURN", "! -s 10.244.0.0/16 -d 10.244.0.0/16 -j MASQUERADE", "-s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE"]


def test_a_link_that_no_node_is_on():
    found = document(count=1, pods=[{"name": "web"}], weave_expose=False, weave_dns=False)
    assert found["address"] == [{"netns": "web", "dev": "eth0", "address": "10.244.1.2/16"}]
    assert "route" not in found
    assert [(chain["chain"], chain["rules"]) for chain in found["iptables_chain"]] == [("WEAVE-FORWARD", ["-i weave -o weave -j ACCEPT"])]
    assert set(recipes.get("weave").without_checks({"options": {"expose": False}})) == {"pod_node", "node_pod", "outside"}
    assert not recipes.get("weave").without_checks({"options": {"expose": True}})


def test_a_second_fabric_on_the_node():
    found = document(fabric_name="two", fabric_number=161, weave_vni=7)
    assert [found["bridge"][0]["name"], found["vxlan"][0]["name"]] == ["weave-161", "vxlan-6784-161"]
    assert {chain["chain"] for chain in found["iptables_chain"]} == {"WEAVE-FORWARD-161", "WEAVE-161"}


SUBNETS = [{"name": "all", "cidr": "10.244.0.0/17"}, {"name": "dev", "cidr": "10.244.128.0/20", "block_size": 28}]
PODS = [{"name": "web"}, {"name": "lab", "pool": "dev"}]


def test_subnets():
    found = document(count=2, pods=PODS, weave_subnets=SUBNETS)
    assert [entry["address"] for entry in found["address"]] == ["10.244.1.1/17", "10.244.129.1/20", "10.244.1.2/17", "10.244.129.2/20"]
    assert [route["via"] for route in found["route"]] == ["10.244.1.1", "10.244.129.1"]
    links = [link["name"] for link in found["veth"]]
    (rules, dummy) = [chain["rules"] for chain in found["iptables_chain"] if chain["chain"] == "WEAVE-ISOLATION"]
    assert rules == [
        "-m physdev --physdev-in %s ! -s 10.244.1.2 -j DROP" % links[0], "-m physdev --physdev-in %s ! -s 10.244.129.2 -j DROP" % links[1],
        "-i weave -o weave -s 10.244.0.0/17 -d 10.244.0.0/17 -j RETURN", "-i weave -o weave -s 10.244.128.0/20 -d 10.244.128.0/20 -j RETURN",
        "-i weave -o weave -s 10.244.0.0/16 -d 10.244.0.0/16 -j DROP"]


def test_verify_leaves_out_what_is_kept_apart():
    fabric = intent.fabric(intent.nodes(2, fabric_pods=PODS), fabric_backend="weave", weave_subnets=SUBNETS)
    pairs = {(probe["from"], probe["to"]) for probe in verify.targets(fabric, "node1", checks=("pod_pod",))}
    assert pairs == {("node1/web", "node2/web"), ("node1/lab", "node2/lab")}


BOTH = [{"name": "web"}, {"name": "mid", "pools": ["all", "dev"]}, {"name": "lab", "pool": "dev"}]


def test_a_pod_in_two_subnets():
    found = document(count=2, pods=BOTH, weave_subnets=SUBNETS)
    assert [(entry["netns"], entry["address"]) for entry in found["address"] if "netns" in entry] == [
        ("web", "10.244.1.3/17"), ("mid", "10.244.1.2/17"), ("mid", "10.244.129.3/20"), ("lab", "10.244.129.2/20")]
    # One link, its MAC that of the first address, and the way off it by that one's router.
    assert [link["peer"]["mac"] for link in found["veth"]] == ["0a:58:0a:f4:01:03", "0a:58:0a:f4:01:02", "0a:58:0a:f4:81:02"]
    assert [(route["netns"], route["via"]) for route in found["route"]] == [("web", "10.244.1.1"), ("mid", "10.244.1.1"), ("lab", "10.244.129.1")]
    web, mid, lab = [link["name"] for link in found["veth"]]
    chains = {chain["chain"]: chain["rules"] for chain in found["iptables_chain"] if chain["ip_version"] == 4}
    assert chains["WEAVE-SOURCES"] == ["-m physdev --physdev-in %s %s" % (mid, rest) for rest in (
        "-s 10.244.1.2 -j RETURN", "-s 10.244.129.3 -j RETURN", "-j DROP")]
    assert chains["WEAVE-ISOLATION"] == [
        "-i weave -j WEAVE-SOURCES",
        "-m physdev --physdev-in %s ! -s 10.244.1.3 -j DROP" % web, "-m physdev --physdev-in %s ! -s 10.244.129.2 -j DROP" % lab,
        "-i weave -o weave -s 10.244.0.0/17 -d 10.244.0.0/17 -j RETURN", "-i weave -o weave -s 10.244.128.0/20 -d 10.244.128.0/20 -j RETURN",
        "-i weave -o weave -s 10.244.0.0/16 -d 10.244.0.0/16 -j DROP"]
    # Nothing else hooks it, and who has no such pod has no such chain.
    assert {rule["rule"] for rule in found["iptables_rule"]} == {"-j WEAVE-ISOLATION", "-j WEAVE-FORWARD", "-j WEAVE"}
    assert "WEAVE-SOURCES" not in str(document(count=2, pods=PODS, weave_subnets=SUBNETS))


def test_a_known_pod_in_two_subnets_has_one_entry():
    found = document(count=2, pods=BOTH[1:2], weave_subnets=SUBNETS, weave_learning=False)
    assert [entry["mac"] for entry in found["vxlan_fdb"]] == [EVERYBODY, "0a:58:0a:f4:02:02", "0a:58:0a:f4:02:01"]


def test_all_addresses_of_a_name():
    fabric = intent.fabric(intent.nodes(1, fabric_pods=BOTH[1:]), fabric_backend="weave", weave_subnets=SUBNETS)
    (names,) = [entry["content"] for entry in recipes.get("weave").files(fabric, "node1", 1376) if entry["path"].endswith("/names")]
    assert names.splitlines()[1:] == ["10.244.1.2 mid.weave.local", "10.244.129.3 mid.weave.local", "10.244.129.2 lab.weave.local"]


def test_verify_asks_at_every_address_those_that_may():
    fabric = intent.fabric(intent.nodes(2, fabric_pods=BOTH), fabric_backend="weave", weave_subnets=SUBNETS)
    met = [(probe["from"], probe["to"], probe["address"]) for probe in verify.targets(fabric, "node1", checks=("pod_pod",))]
    assert sorted(pair for pair in met if pair[0] != "node1/mid" and pair[1].startswith("node2")) == [
        ("node1/lab", "node2/lab", "10.244.130.2"), ("node1/lab", "node2/mid (10.244.130.3)", "10.244.130.3"),
        ("node1/web", "node2/mid", "10.244.2.2"), ("node1/web", "node2/web", "10.244.2.3")]
    assert sorted(pair[1:] for pair in met if pair[0] == "node1/mid" and pair[1].startswith("node2")) == [
        ("node2/lab", "10.244.130.2"), ("node2/mid", "10.244.2.2"), ("node2/mid (10.244.130.3)", "10.244.130.3"), ("node2/web", "10.244.2.3")]
    # In the table a pod is one.
    results = [dict(probe, ok=probe["address"] != "10.244.130.3", rtt_ms=0.1, detail="no answer")
               for probe in verify.targets(fabric, "node1", checks=("pod_pod",))]
    lines = verify.table(verify.summary({"node1": ("fabric", {"results": results})})).splitlines()
    assert "FAIL  pod to pod  node1/lab -> node2/mid (10.244.130.3): no answer" in lines
    assert [line.split()[1] for line in lines[1:7] if line[:1].isdigit()] == ["node1/lab", "node1/mid", "node1/web", "node2/lab", "node2/mid", "node2/web"]


def test_a_node_asks_no_pod_of_a_subnet_that_it_is_not_in():
    nodes = intent.nodes(2, fabric_pods=BOTH[:1])
    nodes["node2"]["fabric_pods"] = BOTH[1:2]
    fabric = intent.fabric(nodes, fabric_backend="weave", weave_subnets=SUBNETS)
    asked = {name: {probe["address"] for probe in verify.targets(fabric, name, checks=("node_pod",))} for name in nodes}
    assert asked == {"node1": {"10.244.1.2", "10.244.2.2"}, "node2": {"10.244.1.2", "10.244.2.2", "10.244.129.2"}}


@pytest.mark.parametrize("subnets, expected", [
    ([{"name": "a", "cidr": "10.1.0.0/16"}], r"weave_subnets\[0\].cidr: 10.1.0.0/16: expected a range inside"),
    ([{"name": "a", "cidr": "10.244.0.0/17"}, {"name": "b", "cidr": "10.244.64.0/20"}], r"weave_subnets\[1\].cidr: 10.244.64.0/20: overlaps"),
    ([{"name": "a", "cidr": "10.244.0.0/17"}, {"name": "a", "cidr": "10.244.128.0/17"}], r"weave_subnets\[1\].name: a: expected names that differ"),
    ([{"name": "a", "cidr": "10.244.0.0/17", "block_size": 30}], r"weave_subnets\[0\].block_size: 30: expected a length from 17 to 29"),
])
def test_wrong_subnets_are_named(subnets, expected):
    with pytest.raises(cluster.InvalidCluster, match=expected):
        document(weave_subnets=subnets)


@pytest.mark.parametrize("variables, expected", [
    ({}, "fabric_pods.0..pool: dev: expected none: this fabric has no pools"),
    ({"weave_subnets": SUBNETS[:1]}, "fabric_pods.0..pool: dev: expected one of all"),
])
def test_a_pool_that_is_not_there(variables, expected):
    with pytest.raises(cluster.InvalidCluster, match=expected):
        document(pods=[{"name": "lab", "pool": "dev"}], **variables)


def dns(**common):
    fabric = intent.fabric(intent.nodes(2, fabric_pods=[{"name": "web"}]), fabric_backend="weave", **common)
    return fabric, {entry["path"].rpartition("/")[2]: entry["content"] for entry in recipes.get("weave").files(fabric, "node2", 1376)}


def test_every_node_knows_all_names():
    fabric, files = dns(fabric_nameservers=["192.0.2.53"], fabric_search_domains=["example.org"])
    assert files["names"].splitlines()[1:] == ["10.244.1.2 web.weave.local", "10.244.2.2 web.weave.local"]
    assert files["dnsmasq.conf"].splitlines()[1:] == [
        "listen-address=10.244.2.1", "bind-interfaces", "no-hosts", "addn-hosts=/etc/clusternet/fabric/names", "local=/weave.local/",
        "rev-server=10.244.0.0/16", "no-resolv", "server=192.0.2.53"]
    resolv = [entry["content"] for entry in pods.files(fabric, "node2") if entry["path"].endswith("/resolv.conf")]
    assert resolv == ["nameserver 10.244.2.1\nsearch weave.local example.org\n"]
    assert recipes.get("weave").packages(fabric) == {"dnsmasq": "dnsmasq-base"}


def test_other_names_are_another_revision():
    found = [recipes.get("weave").units(dns(weave_dns_domain=domain)[0], "node2") for domain in ("weave.local", "weave.local", "example.org")]
    assert found[0] == found[1] != found[2]
    assert found[0][0]["name"] == "clusternet-dns@fabric.service"


def test_without_names():
    fabric, files = dns(weave_dns=False)
    assert not files and not recipes.get("weave").units(fabric, "node2") and not recipes.get("weave").packages(fabric)


@pytest.mark.parametrize("variables, expected", [
    ({"weave_dns": True, "weave_expose": False}, "weave_dns: True: expected weave_expose: true"),
    ({"weave_dns_domain": "-x.local"}, "weave_dns_domain: -x.local: expected a domain name"),
])
def test_names_that_cannot_be(variables, expected):
    with pytest.raises(cluster.InvalidCluster, match=expected):
        document(**variables)


@pytest.mark.parametrize("variable, value", [("weave_vni", 0), ("weave_vni", 2**24), ("weave_port", 65536)])
def test_numbers_out_of_range(variable, value):
    with pytest.raises(cluster.InvalidCluster, match="%s: %d: expected a" % (variable, value)):
        document(**{variable: value})


def test_interfaces_as_ports():
    found = document(weave_ports=["eth1", "eth2"])
    assert found["bridge_port"] == [{"name": name, "master": "weave", "move_addresses": False} for name in ("eth1", "eth2")]


@pytest.mark.parametrize("ports, expected", [
    (["eth/1"], r"weave_ports\[0\]: eth/1: expected the name of a network interface"), (["eth1", "eth1"], r"weave_ports\[1\]: eth1: expected each once")])
def test_ports_that_cannot_be(ports, expected):
    with pytest.raises(cluster.InvalidCluster, match=expected):
        document(weave_ports=ports)
