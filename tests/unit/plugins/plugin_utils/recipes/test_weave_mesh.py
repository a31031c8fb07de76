# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Partial meshes: what a node has of its connections, and what BIRD is told."""

from __future__ import annotations

import os
import subprocess

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _bird_unit, _parts

WEAVE = recipes.get("weave")
CHAIN = {"node1": ["node2"], "node3": ["node2"]}
EVERYBODY = "00:00:00:00:00:00"


def fabric(count=3, **variables):
    return intent.fabric(intent.nodes(count, fabric_pods=[{"name": "web"}]), **dict(
        {"fabric_backend": "weave", "weave_mesh": "partial", "weave_connections": CHAIN}, **variables))


def entries(document, section, dev):
    return [{key: value for key, value in entry.items() if key != "dev"} for entry in document[section] if entry.get("dev") == dev]


def test_the_connections_are_a_device_of_their_own():
    found = WEAVE.document(fabric(), "node1")
    mesh, tunnel = found["vxlan"][1], found["vxlan"][0]
    assert mesh == {"name": "weave-mesh", "vni": 6783, "port": 6784, "local": "198.51.100.1", "dev": "auto", "learning": False, "up": True, "mtu": None,
                    "mac": _parts.vtep_mac("node1")}
    assert (tunnel["name"], tunnel["local"], tunnel["dev"], tunnel["mtu"]) == ("vxlan-6784", "10.244.1.0", None, "auto")
    assert found["underlay"] == {"address": "198.51.100.1", "overhead": 100, "mtu_limit": 1376}


def test_hellos_reach_only_who_there_is_a_link_to():
    found = WEAVE.document(fabric(), "node1")
    assert entries(found, "vxlan_fdb", "weave-mesh") == [
        {"mac": EVERYBODY, "dst": "198.51.100.2"}, {"mac": _parts.vtep_mac("node2"), "dst": "198.51.100.2"}]
    assert entries(found, "neighbour", "weave-mesh") == [{"address": "10.244.2.0", "mac": _parts.vtep_mac("node2")}]
    assert entries(found, "address", "weave-mesh") == [{"address": "10.244.1.0/32"}]


def test_what_is_for_everybody_goes_to_where_every_other_node_is_relayed():
    found = WEAVE.document(fabric(weave_learning=False), "node1")
    assert {entry["dst"] for entry in entries(found, "vxlan_fdb", "vxlan-6784")} == {"10.244.2.0", "10.244.3.0"}


def test_where_babel_knows_no_way_there_is_none():
    routes = [route for route in WEAVE.document(fabric(), "node1")["route"] if "netns" not in route]
    assert routes == [{"dst": "10.244.%d.0/32" % number, "type": "unreachable", "metric": 4096} for number in (2, 3)]


def test_a_link_said_once_is_one_of_both():
    only = fabric()
    assert {name: [one["to"] for one in WEAVE.daemon(only, name)["neighbours"]] for name in only["nodes"]} == {
        "node1": ["node2"], "node2": ["node1", "node3"], "node3": ["node2"]}


def test_without_connections_all_are_tried_and_none_has_to_be():
    only = fabric(weave_connections={})
    assert [(one["to"], one["required"]) for one in WEAVE.daemon(only, "node2")["neighbours"]] == [("node1", False), ("node3", False)]
    assert all(one["required"] for one in WEAVE.daemon(fabric(), "node2")["neighbours"])
    assert WEAVE.overview(only)["mesh"] == "partial, 3 connections to try, relayed by Babel"


def test_neighbours_are_known_by_the_address_that_their_mac_gives():
    (first, dummy) = WEAVE.daemon(fabric(), "node2")["neighbours"]
    # 66:f9:37:c3:7e:94
    assert first == {"address": "fe80::64f9:37ff:fec3:7e94", "to": "node1", "required": True}


def test_bird_tells_and_believes_addresses_of_nodes_alone():
    text = WEAVE.daemon(fabric(), "node1")["content"]
    assert "import where net ~ [ 10.244.2.0/32, 10.244.3.0/32 ];" in text and 'interface "weave-mesh"' in text
    assert _bird_unit.revision(text)
    assert WEAVE.daemon(fabric(), "node1")["networks"] == [{"to": "node2", "cidr": "10.244.2.0/32"}, {"to": "node3", "cidr": "10.244.3.0/32"}]


@pytest.mark.skipif(not os.path.exists("/usr/sbin/bird"), reason="no BIRD on this machine")
@pytest.mark.parametrize("count", [1, 3])
def test_bird_takes_it(tmp_path, count):
    path = tmp_path / "bird.conf"
    path.write_text(WEAVE.daemon(fabric(count, weave_connections={}), "node1")["content"])
    subprocess.run(["/usr/sbin/bird", "-p", "-c", str(path)], check=True)


def test_what_runs_and_what_it_takes():
    only = fabric()
    assert [unit["name"] for unit in WEAVE.units(only, "node1")] == ["clusternet-dns@fabric.service", "clusternet-bird@fabric.service"]
    assert {entry["path"] for entry in WEAVE.files(only, "node1", 1376)} >= {
        "/etc/clusternet/fabric/bird.conf", "/etc/systemd/system/clusternet-bird@fabric.service"}
    assert WEAVE.packages(only) == {"dnsmasq": "dnsmasq-base", "bird": "bird2"}


def test_a_full_mesh_has_nothing_of_it():
    only = fabric(weave_mesh="full", weave_connections={})
    assert WEAVE.daemon(only, "node1") is None and "weave-mesh" not in str(WEAVE.document(only, "node1"))
    assert "bird" not in str(WEAVE.units(only, "node1")) and WEAVE.overview(only)["mesh"] == "full, 3 connections"


def test_a_second_fabric_beside_it():
    found = WEAVE.document(fabric(fabric_name="two", fabric_number=161, weave_vni=7, weave_mesh_vni=8), "node1")
    assert [entry["name"] for entry in found["vxlan"]] == ["vxlan-6784-161", "weave-mesh-161"]
    assert "WEAVE-MESH-161" in {chain["chain"] for chain in found["iptables_chain"]}


def test_subnets_have_an_address_for_it_too():
    only = fabric(weave_subnets=[{"name": "all", "cidr": "10.244.0.0/17"}])
    assert entries(WEAVE.document(only, "node1"), "address", "weave-mesh") == [{"address": "10.244.1.0/32"}]
    assert all(pod["address"] != "10.244.1.0" for node in only["nodes"].values() for pod in node["pods"])


@pytest.mark.parametrize("variables, expected", [
    ({"weave_mesh": "full"}, "weave_mesh: full: expected partial with weave_connections"),
    ({"weave_mesh_vni": 6784}, "weave_mesh_vni: 6784: expected another one than weave_vni"),
    ({"weave_mesh_vni": 0}, "weave_mesh_vni: 0: expected a number from 1 to 16777215"),
    ({"weave_connections": {"node1": ["node2"]}}, "weave_connections: node3: no connections lead there from node1"),
    ({"weave_connections": {"node9": ["node2"]}}, "weave_connections.node9: node9: expected hosts of fabric fabric"),
    ({"weave_connections": {"node1": ["node2", "node1"]}}, r"weave_connections.node1\[1\]: node1: expected another host of fabric fabric"),
    ({"weave_connections": {"node1": "node2"}}, "weave_connections.node1: node2: expected a list of hosts"),
])
def test_meshes_that_cannot_be(variables, expected):
    with pytest.raises(cluster.InvalidCluster, match=expected):
        fabric(**variables)


def test_two_birds_on_one_machine():
    """Each would take the other's routes for its own that are out of date."""
    lease = {"fabric_lease_file": "two.yml", "fabric_name": "two", "fabric_number": 161, "fabric_pod_cidr": "10.245.0.0/16", "fabric_node_ip": "198.51.100.1"}
    nodes = {"one": {"fabric_backend": "weave", "weave_mesh": "partial", "fabric_node_ip": "198.51.100.1"},
             "two": dict(lease, fabric_backend="calico", calico_bgp=True, calico_vxlan_mode="Never")}
    with pytest.raises(cluster.InvalidCluster, match="calico_bgp or weave_mesh=partial: True: fabrics .* share a machine"):
        cluster.fabrics(intent.inventory(nodes), intent.options())
