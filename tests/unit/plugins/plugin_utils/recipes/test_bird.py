# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""BIRD's configuration as text, against what Calico's templates would say of the same topologies."""

from __future__ import annotations

import re

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _bird as control
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _bgp, _bird, _bird_unit

BGP = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never"}


def fabric(count=3, nodes=None, **common):
    made = intent.nodes(count)
    for name, more in (nodes or {}).items():
        made[name].update(more)
    return intent.fabric(made, **dict(BGP, **common))


def config(node="node1", **options):
    return _bird.config(fabric(**options), node)


def protocol(text, name):
    """The lines of a BGP session."""
    return re.search(r"^protocol bgp %s from bgp_template \{\n((?:.*\n)*?)\}" % name, text, re.MULTILINE).group(1).split("\n")[:-1]


def named(text):
    return re.findall(r"^protocol bgp (\S+) ", text, re.MULTILINE)


def test_of_each_pair_of_the_mesh_one_side_connects():
    only = fabric()
    passive = {(name, session["node"]) for name in only["nodes"] for session in _bgp.sessions(only, name) if session["passive"]}
    assert passive == {("node1", "node2"), ("node1", "node3"), ("node2", "node3")}
    assert protocol(config(), "Mesh_198_51_100_2") == [
        '  description "node2";', "  neighbor 198.51.100.2 as 64512;", "  source address 198.51.100.1;", "  multihop;", "  passive on;"]
    # As Calico compares addresses: as text.
    only = intent.fabric({"a": {"fabric_node_ip": "192.0.2.9"}, "b": {"fabric_node_ip": "192.0.2.10"}}, **BGP)
    assert [session["passive"] for session in _bgp.sessions(only, "b")] == [True]


REFLECTORS = {
    "nodes": {"node1": {"calico_reflector_cluster_id": "244.0.0.1", "fabric_labels": {"rr": True}},
              "node2": {"calico_reflector_cluster_id": "244.0.0.1", "fabric_labels": {"rr": True}}},
    "calico_mesh": False, "calico_peers": [{"name": "rr", "peer_labels": {"rr": True}}],
}


def test_reflectors():
    text = config("node1", count=4, **REFLECTORS)
    assert named(text) == ["Node_198_51_100_2", "Node_198_51_100_3", "Node_198_51_100_4"]
    client = ["  rr client;", "  rr cluster id 244.0.0.1;"]
    assert protocol(text, "Node_198_51_100_3")[-2:] == client
    # Two of one cluster are no clients of each other, nor is a reflector its client's.
    assert not set(client) & set(protocol(text, "Node_198_51_100_2"))
    text = config("node4", count=4, **REFLECTORS)
    assert named(text) == ["Node_198_51_100_1", "Node_198_51_100_2"] and "rr client" not in text


def test_an_external_peer():
    peer = {"name": "tor", "address": "192.0.2.1", "as_number": 65000, "port": 1790, "hops": 1, "keep_next_hop": True, "local_preference": 120, "bfd": True}
    text = config(calico_peers=[peer], nodes={"node1": {"calico_as_number": 64513}})
    assert protocol(text, "Global_192_0_2_1_port_1790") == [
        "  neighbor 192.0.2.1 port 1790 as 65000;", "  source address 198.51.100.1;", "  multihop 1;", "  default bgp_local_pref 120;", "  bfd on;",
        "  # With the rest of the channel from the template.", "  ipv4 {", "    next hop keep;", "  };"]
    assert "local as 64513;" in text and "protocol bfd {" in text
    assert "neighbor 198.51.100.1 as 64513;" in config("node2", nodes={"node1": {"calico_as_number": 64513}})
    only_some = config("node2", calico_peers=[dict(peer, node_labels={"rack": "1"})])
    assert named(only_some) == ["Mesh_198_51_100_1", "Mesh_198_51_100_3"]


def test_what_only_some_peers_have():
    peers = [{"name": "tor", "address": "192.0.2.1", "as_number": 65000, "hops": 2, "ttl_security": True, "source_address": "any", "password": "tor",
              "allow_local_as": 1, "graceful_restart_time": 30},
             {"name": "other", "address": "192.0.2.2", "as_number": 65000, "source_address": "198.51.100.9"}]
    text = config(calico_peers=peers, calico_passwords={"tor": "geheim"})
    symbol = re.search(r"password (\w+);", text).group(1)
    assert protocol(text, "Global_192_0_2_1") == [
        "  neighbor 192.0.2.1 as 65000;", "  multihop 2;", "  ttl security on;", "  allow local as 1;", "  graceful restart time 30;",
        "  password %s;" % symbol]
    assert protocol(text, "Global_192_0_2_2")[1] == "  source address 198.51.100.9;"


def test_passwords_are_in_a_file_of_their_own():
    peers = [{"name": "tor", "address": "192.0.2.1", "as_number": 65000, "password": "tor", "node_labels": {"rack": "1"}}]
    only = fabric(nodes={"node1": {"fabric_labels": {"rack": "1"}}}, calico_peers=peers, calico_passwords={"tor": "geheim", "unused": "x"})
    # What the model knows, and whoever sees it.
    assert only["options"]["passwords"] == ["tor", "unused"] and "geheim" not in str(only)
    calico = recipes.get("calico")
    (file,) = calico.secret_files(only, "node1", {"tor": "geheim", "unused": "x"})
    assert file["mode"] == "0400" and '= "geheim";' in file["content"] and "unused" not in file["content"]
    assert 'include "%s";' % file["path"] in _bird.config(only, "node1")
    assert calico.secret_files(only, "node2", {"tor": "geheim"}) == [] and "include" not in _bird.config(only, "node2")
    # BIRD is asked which ones it runs.
    other = calico.secret_files(only, "node1", {"tor": "anders"})[0]["content"]
    assert control._digest(other, control.SECRETS) != control._digest(file["content"], control.SECRETS) != ""


def test_filters_and_summaries():
    peer = {"name": "tor", "address": "192.0.2.1", "as_number": 65000, "filters": ["edge"], "summarize": True}
    text = config(calico_peers=[peer], calico_filters=[
        {"name": "edge", "import": [{"action": "accept", "cidr": "192.0.2.0/24", "match": "equal"}, {"action": "reject"}],
         "export": [{"action": "reject", "cidr": "10.244.0.0/16", "match": "not_in"}]}, {"name": "unused"}])
    assert "function import_edge()\n{\n  if net = 192.0.2.0/24 then accept;\n  reject;\n}\n" in text
    assert "function export_edge()\n{\n  if net !~ [ 10.244.0.0/16+ ] then reject;\n}\n" in text
    assert protocol(text, "Global_192_0_2_1")[-3:-1] == [
        "    import filter { if net = 10.244.0.0/16 then reject; import_edge(); accept; };",
        '    export filter { if proto = "clusternet_bridge" then reject; calico_communities(); export_edge(); if proto = "clusternet_summaries" then accept; '
        "if net ~ [ 10.244.0.0/16+ ] then reject; calico_routes(); };"]
    assert "protocol static clusternet_summaries {\n  ipv4;\n  route 10.244.0.0/16 blackhole;\n}" in text
    assert "unused" not in text
    assert "clusternet_summaries {" not in config()


def test_what_is_told():
    text = config(calico_advertise=["10.96.0.0/12"], calico_communities=[{"cidr": "10.244.0.0/16", "communities": ["64512:100", "1:2:3"]}])
    assert "  route 10.244.1.0/26 blackhole;\n  route 10.96.0.0/12 blackhole;\n" in text
    body = re.search(r"function calico_routes\(\)\n\{\n((?:.*\n)*?)\}\n", text).group(1)
    told = ["if net = 10.244.1.0/26 then accept;", "if net ~ [ 10.244.1.0/26+ ] then reject;", "if net = 10.96.0.0/12 then accept;",
            "if net ~ [ 10.244.0.0/16+ ] then accept;", "reject;"]
    assert [line.strip() for line in body.splitlines() if line.strip() in told] == told
    assert "bgp_community.add((64512, 100));" in text and "bgp_large_community.add((1, 2, 3));" in text


def wrong(**common):
    with pytest.raises(cluster.InvalidCluster) as caught:
        fabric(2, **common)
    return caught.value.problems


PEER = {"name": "tor", "address": "192.0.2.1", "as_number": 65000}


@pytest.mark.parametrize("peer, expected", [
    ({"address": None}, "address: None: expected exactly one of address and peer_labels"),
    ({"address": "tor.example"}, "address: tor.example: expected an IPv4 or IPv6 address"),
    ({"as_number": 0}, "as_number: 0: expected the number of the peer's AS, 1 to 4294967295"),
    ({"port": 70000}, "port: 70000: expected a TCP port from 1 to 65535"),
    ({"hops": 256}, "hops: 256: expected a number of hops from 1 to 255"),
    ({"local_preference": -1}, "local_preference: -1: expected a number from 0 to 4294967295"),
    ({"allow_local_as": 11}, "allow_local_as: 11: expected a number of times from 1 to 10"),
    ({"ttl_security": True}, "ttl_security: True: expected hops with it: packets that have come farther are refused"),
    ({"source_address": "eth0"}, "source_address: eth0: expected node, any or an IPv4 or IPv6 address"),
    ({"source_address": "any", "bfd": True}, "source_address: any: expected node or an address: BFD has to know it"),
    ({"password": "x"}, "password: x: expected a name in calico_passwords (which is empty)"),
    ({"filters": ["a", "x"]}, "filters[1]: x: expected a name in calico_filters (a)"),
])
def test_problems_of_a_peer(peer, expected):
    assert wrong(calico_peers=[dict(PEER, **peer)], calico_filters=[{"name": "a"}]) == ["node1: calico_peers[0]." + expected]


@pytest.mark.parametrize("common, expected", [
    ({"calico_filters": [{"name": "A"}]},
     "calico_filters[0].name: A: expected at most 32 lower-case letters, digits and underscores, beginning with a letter"),
    ({"calico_filters": [{"name": "a"}, {"name": "a"}]}, "calico_filters[1].name: a: calico_filters[0] has it already: expected names that differ"),
    ({"calico_filters": [{"name": "a", "import": [{"action": "accept", "cidr": "x"}]}]}, "calico_filters[0].import[0].cidr: x: expected an IPv4 or IPv6 range"),
    ({"calico_communities": [{"cidr": "10.244.0.0/16", "communities": ["70000:1"]}]},
     "calico_communities[0].communities[0]: 70000:1: expected two numbers up to 65535 or three up to 4294967295 with colons between, such as 64512:100"),
    ({"calico_hold_time": 2}, "calico_hold_time: 2: expected a number of seconds from 3 to 65535"),
    ({"calico_advertise": ["10.96.0.1/12"]}, "calico_advertise[0]: 10.96.0.1/12: expected an IPv4 range such as 10.96.0.0/12"),
])
def test_problems_of_bgp(common, expected):
    assert wrong(**common) == ["node1: " + expected]


@pytest.mark.parametrize("password", ["", "x" * 81, 'a"b', "a\nb", "f\u00fcr", 5, None])
def test_no_message_shows_a_password(password):
    problems = wrong(calico_passwords={"tor": password})
    assert problems[0] == "node1: calico_passwords.tor: expected 1 to 80 printable characters of ASCII without double quotes"


@pytest.mark.parametrize("modes, expected", [
    ({}, "  accept;"),
    ({"calico_ipip_mode": "Always"}, '  if net ~ [ 10.244.0.0/16+ ] then { ifname = "ipip.calico"; onlink = true; gw = bgp_next_hop; }'),
    ({"calico_ipip_mode": "CrossSubnet"},
     '  if net ~ [ 10.244.0.0/16+ ] && gw != bgp_next_hop then { ifname = "ipip.calico"; onlink = true; gw = bgp_next_hop; }'),
    ({"calico_vxlan_mode": "Always"}, "  if net ~ [ 10.244.0.0/16+ ] then reject;"),
])
def test_what_goes_into_the_kernel(modes, expected):
    text = config(**modes)
    assert expected in text
    assert ("ifname" in text) == ("calico_ipip_mode" in modes)
    assert "persist" not in text


def test_a_configuration_says_which_it_is():
    one, two = config(), config("node2")
    assert _bird_unit.revision(one) == control.revision(one) != _bird_unit.revision(two)
    assert config() == one


def test_who_has_no_session_is_refused():
    with pytest.raises(cluster.InvalidCluster) as caught:
        fabric(2, calico_mesh=False)
    assert caught.value.problems[0].startswith("node1: calico_peers: []: no BGP session for this node: expected calico_mesh: true, or a peer for it")


@pytest.mark.parametrize("peers", [
    [{"name": "rr", "peer_labels": {"rr": True}}],
    [{"name": "rr", "node_labels": {"leaf": True}, "peer_labels": {"rr": True}}],
    [{"name": "tor", "address": "192.0.2.1", "as_number": 65000, "node_labels": {"leaf": True}}],
    [{"name": "itself", "address": "198.51.100.3", "as_number": 65000, "node_labels": {"leaf": True}}],
    [{"name": "alone", "node_labels": {"rr": True}, "peer_labels": {"rr": True}}],
])
def test_who_has_none_is_found_for_all_at_once(peers):
    """By another way than that of the sessions themselves, which would take long for a thousand nodes."""
    nodes = {"node1": {"fabric_labels": {"rr": True}}, "node2": {"fabric_labels": {"leaf": True}}, "node3": {"fabric_labels": {"leaf": True}}}
    only = dict(fabric(4, nodes))
    full = fabric(4, nodes, calico_peers=peers)
    only["options"] = dict(full["options"], mesh=False)
    assert set(_bgp._lonely(only)) == {name for name in only["nodes"] if not _bgp.sessions(only, name)}


def test_what_is_expected_of_bird():
    found = recipes.get("calico").daemon(fabric(2), "node1")
    assert (found["sessions"], found["networks"]) == ([{"protocol": "Mesh_198_51_100_2", "to": "node2"}], [{"to": "node2", "cidr": "10.244.2.0/26"}])
    assert recipes.get("calico").daemon(fabric(2, calico_bgp=False, calico_vxlan_mode="Always"), "node1") is None
    # A pool in VXLAN needs no routes of BGP's.
    assert recipes.get("calico").daemon(fabric(2, calico_vxlan_mode="Always"), "node1")["networks"] == []


def test_sessions_that_become_others_are_bridged():
    mesh, reflected = fabric(4), fabric(4, **REFLECTORS)
    before, after = _bird.config(mesh, "node3"), _bird.config(reflected, "node3")
    assert control.disturbed(after, before) and not control.disturbed(before, before)
    # A node that joins disturbs nobody.
    assert not control.disturbed(_bird.config(fabric(5), "node3"), before)
    bridge = _bird.config(reflected, "node3", bridge=True)
    assert "  route 10.244.1.0/26 recursive 198.51.100.1 { bgp_next_hop = 198.51.100.1; };" in bridge
    first = control.with_sessions(bridge, before)
    assert named(first) == named(before) and first.count("template bgp bgp_template") == 1
    assert control.revision(first) == "before-" + control.revision(bridge)
