# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topologies of Calico's own tests (projectcalico/confd:tests/mock_data, tests/compiled_templates), and what its configuration of one node says of them.

Restated as data: which sessions there are and what each has, which prefixes end on the node, what is told, and how a route gets into the kernel. One thing is
different on purpose, OURS.
"""

from __future__ import annotations

import re

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _bird

NODE = "kube-master"
POOL = "192.168.0.0/16"
BLOCKS = ["192.168.221.0/26", "192.168.221.64/26", "192.168.221.192/26"]


def nodes(last="10.192.0.4", **variables):
    """Three of them; C(variables): of one of them, by its name with underscores."""
    made = {NODE: "10.192.0.2", "kube-node-1": "10.192.0.3", "kube-node-2": last}
    return {name: dict(variables.get(name.replace("-", "_"), {}), fabric_node_ip=address) for name, address in made.items()}


def session(address, as_number=64512, port=None, passive=False, **more):
    return dict({"neighbor": address, "as": as_number, "port": port, "passive": passive, "source": "10.192.0.2", "cluster": None, "keep": False}, **more)


# Calico of that time had a passive side in the mesh alone: nodes that were peers by their labels both called. Later ones do as here.
OURS = True
MESH = {"Mesh_10_192_0_3": session("10.192.0.3", passive=True), "Mesh_10_192_0_4": session("10.192.0.4", passive=True)}
IPIP = {"calico_ipip_mode": "Always"}
NO_MESH = {"calico_mesh": False, "calico_ipip_mode": "Always"}
RR = {"calico_reflector_cluster_id": "10.0.0.1", "fabric_labels": {"rr": True}}
LEAF = {"fabric_labels": {"leaf": True}}
UPSTREAM = {"name": "bgppeer-1", "address": "172.19.4.87", "as_number": 64533}
CLIENTS = {"Node_10_192_0_%d" % last: session("10.192.0.%d" % last, 64532, cluster="10.0.0.1", passive=OURS) for last in (3, 4)}
# name: (the nodes, the group's variables, sessions, how the pool's routes get into the kernel, communities, port and AS)
TOPOLOGIES = {
    "mesh/ipip-always": (nodes(), IPIP, MESH, "tunnel", [], (None, 64512)),
    "mesh/ipip-cross-subnet": (
        nodes("10.192.0.6"), {"calico_ipip_mode": "CrossSubnet"},
        {"Mesh_10_192_0_3": MESH["Mesh_10_192_0_3"], "Mesh_10_192_0_6": session("10.192.0.6", passive=True)}, "tunnel where a router is between", [],
        (None, 64512)),
    "mesh/ipip-off": (nodes(), {}, MESH, "plain", [], (None, 64512)),
    "mesh/vxlan-always": (nodes(), {"calico_vxlan_mode": "Always"}, MESH, "not by BGP", [], (None, 64512)),
    "mesh/communities": (
        nodes(), {"calico_bgp_port": 177, "calico_communities": [{"cidr": POOL, "communities": ["100:555:107", "100:6532", "5663:12"]}]},
        {"Mesh_10_192_0_%d_port_177" % last: session("10.192.0.%d" % last, port=177, passive=True) for last in (3, 4)}, "plain",
        ["(100, 555, 107)", "(100, 6532)", "(5663, 12)"], (177, 64512)),
    "mesh/communities/step2": (
        nodes(kube_master={"calico_bgp_port": 180}, kube_node_1={"calico_bgp_port": 177}, kube_node_2={"calico_bgp_port": 177}),
        {"calico_communities": [{"cidr": POOL, "communities": ["50:50:5364", "5663:12"]}]},
        {"Mesh_10_192_0_%d_port_177" % last: session("10.192.0.%d" % last, port=177, passive=True) for last in (3, 4)}, "plain",
        ["(50, 50, 5364)", "(5663, 12)"], (180, 64512)),
    "explicit_peering/global": (
        nodes(), dict(NO_MESH, calico_as_number=64567, calico_bgp_port=150, calico_peers=[
            {"name": "bgppeer-1", "address": "10.192.0.3", "as_number": 64567, "port": 150, "source_address": "any"},
            {"name": "bgppeer-2", "address": "10.192.0.4", "as_number": 64567, "port": 166},
            {"name": "bgppeer-3", "address": "10.192.0.4", "as_number": 64567, "port": 150}]),
        {"Global_10_192_0_3_port_150": session("10.192.0.3", 64567, 150, source=None),
         "Global_10_192_0_4_port_150": session("10.192.0.4", 64567, 150), "Global_10_192_0_4_port_166": session("10.192.0.4", 64567, 166)},
        "tunnel", [], (150, 64567)),
    "explicit_peering/specific_node": (
        nodes(kube_master={"fabric_labels": {"it": "1"}}, kube_node_1={"fabric_labels": {"it": "2"}}, kube_node_2={"fabric_labels": {"it": "2"}}),
        dict(NO_MESH, calico_peers=[
            {"name": "bgppeer-1", "address": "10.192.0.3", "as_number": 64512, "node_labels": {"it": "1"}},
            {"name": "bgppeer-2", "address": "10.192.0.4", "as_number": 64566, "node_labels": {"it": "1"}},
            {"name": "theirs", "node_labels": {"it": "2"}, "address": "10.192.0.2", "as_number": 64512}]),
        {"Node_10_192_0_3": session("10.192.0.3"), "Node_10_192_0_4": session("10.192.0.4", 64566)}, "tunnel", [], (None, 64512)),
    "explicit_peering/selectors": (
        nodes(kube_master={"fabric_labels": {"group": "one"}}, kube_node_1={"fabric_labels": {"group": "two"}, "calico_bgp_port": 500},
              kube_node_2={"fabric_labels": {"group": "two"}}),
        dict(NO_MESH, calico_peers=[{"name": "bgppeer-1", "node_labels": {"group": "one"}, "peer_labels": {"group": "two"}}]),
        {"Node_10_192_0_3_port_500": session("10.192.0.3", port=500, passive=OURS), "Node_10_192_0_4": session("10.192.0.4", passive=OURS)},
        "tunnel", [], (None, 64512)),
    "explicit_peering/route_reflector": (
        nodes(kube_master=RR, kube_node_1=LEAF, kube_node_2=LEAF), dict(NO_MESH, calico_as_number=64532, calico_peers=[
            dict(UPSTREAM, node_labels={"rr": True}), {"name": "others", "node_labels": {"rr": True}, "peer_labels": {"leaf": True}}]),
        dict(CLIENTS, Node_172_19_4_87=session("172.19.4.87", 64533)), "tunnel", [], (None, 64532)),
    "explicit_peering/keepnexthop": (
        nodes(kube_master=RR, kube_node_1=LEAF, kube_node_2=LEAF), dict(NO_MESH, calico_as_number=64532, calico_peers=[
            dict(UPSTREAM, node_labels={"rr": True}, keep_next_hop=True), {"name": "others", "peer_labels": {"rr": True}}]),
        dict(CLIENTS, Node_172_19_4_87=session("172.19.4.87", 64533, keep=True)), "tunnel", [], (None, 64532)),
    "explicit_peering/keepnexthop-global": (
        nodes(kube_master=RR), dict(NO_MESH, calico_as_number=64532, calico_peers=[dict(UPSTREAM, keep_next_hop=True)]),
        {"Global_172_19_4_87": session("172.19.4.87", 64533, keep=True)}, "tunnel", [], (None, 64532)),
}


def sessions(text):
    found = {}
    for name, body in re.findall(r"^protocol bgp (\S+) from bgp_template \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        neighbor = re.search(r"neighbor (\S+?)(?: port (\d+))? as (\d+);", body)
        source, cluster = re.search(r"source address (\S+);", body), re.search(r"rr client;\n +rr cluster id (\S+);", body)
        found[name] = {
            "neighbor": neighbor[1], "as": int(neighbor[3]), "port": neighbor[2] and int(neighbor[2]), "passive": "passive on;" in body,
            "source": source and source[1], "cluster": cluster and cluster[1], "keep": "next hop keep;" in body}
    return found


@pytest.fixture(params=TOPOLOGIES, name="topology")
def fixture_topology(request):
    made, common, *expected = TOPOLOGIES[request.param]
    made[NODE]["calico_blocks"] = BLOCKS
    only = intent.fabric(made, **dict({"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never", "fabric_pod_cidr": POOL}, **common))
    return _bird.config(only, NODE), expected


def test_sessions(topology):
    text, (expected, *dummy) = topology
    assert sessions(text) == expected


def test_all_peers_have_this(topology):
    text, (dummy, dummy, dummy, (port, as_number)) = topology
    template = re.search(r"^template bgp bgp_template \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)[1]
    for line in ("local%s as %d;" % (" port %d" % port if port else "", as_number), "connect delay time 2;", "connect retry time 5;", "error wait time 5, 30;",
                 "graceful restart on;", "import all;", "export filter calico_export_to_bgp_peers;", "gateway recursive;", "add paths on;"):
        assert line in template, line
    assert "router id 10.192.0.2;" in text
    # Between nodes that are not side by side too.
    assert text.count("  multihop;\n") == len(sessions(text))


def test_blocks_end_on_the_node_and_nothing_beneath_them_is_told(topology):
    text, dummy = topology
    assert re.findall(r"^  route (\S+) blackhole;$", text, re.MULTILINE) == BLOCKS
    rules = re.search(r"^function calico_routes\(\)\n\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)[1]
    wanted = [line for block in BLOCKS for line in ("if net = %s then accept;" % block, "if net ~ [ %s+ ] then reject;" % block)]
    assert [line.strip() for line in rules.splitlines() if "if" in line or line.strip() == "reject;"] == wanted + [
        "if net ~ [ %s+ ] then accept;" % POOL, "reject;"]


def test_communities(topology):
    text, (dummy, dummy, communities, dummy) = topology
    rules = re.search(r"^function calico_communities\(\)\n\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"bgp_(?:large_)?community\.add\((\(.*?\))\);", rules) == communities
    assert ("net ~ [ %s+ ]" % POOL in rules) == bool(communities)


def test_how_routes_get_into_the_kernel(topology):
    text, (dummy, way, *dummy) = topology
    rules = re.search(r"^filter calico_kernel_programming \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)[1]
    tunnel = '  if net ~ [ %s+ ]%%s then { ifname = "ipip.calico"; onlink = true; gw = bgp_next_hop; }\n' % POOL
    lines = {"plain": "", "tunnel": tunnel % "", "tunnel where a router is between": tunnel % " && gw != bgp_next_hop",
             "not by BGP": "  if net ~ [ %s+ ] then reject;\n" % POOL}
    assert {name for name, line in lines.items() if line and line in rules} == {way} - {"plain"}
    kernel = re.search(r"^protocol kernel \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)[1]
    for line in ("learn;", "scan time 2;", "graceful restart;", "merge paths on;", "export filter calico_kernel_programming;"):
        assert line in kernel
    assert 'interface -"cali*", "*";' in text
