# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what the network was before nothing is left, and it is what the scenario's variables say."""

import pytest
from flannel_node import pings, pod_address, subnet, vtep_mac
from lab_host import in_pod, node, run_json

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.16.13"}
SIDE_BY_SIDE = ("node1", "node2")


def behind_the_router(name):
    return [peer for peer in NODES if peer != name and (peer in SIDE_BY_SIDE) != (name in SIDE_BY_SIDE)]


def test_the_tunnel_is_the_new_one(host):
    links = [link for link in run_json(host, "ip -j -d link show type vxlan") if link]
    assert [(link["ifname"], link["linkinfo"]["info_data"]["id"]) for link in links] == [("flannel.7", 7)]


def test_a_peer_is_a_gateway_or_behind_the_tunnel(host, name):
    routes = run_json(host, "ip -4 -j route show proto 160")
    far = behind_the_router(name)
    assert {(route["dst"], route["gateway"], route["dev"]) for route in routes} == {
        (str(subnet(peer)), str(subnet(peer)[0]), "flannel.7") if peer in far else (str(subnet(peer)), address, "eth0")
        for peer, address in NODES.items() if peer != name
    }
    fdb = [entry["mac"] for entry in run_json(host, "bridge -j fdb show dev flannel.7") if "dst" in entry]
    assert sorted(fdb) == sorted(vtep_mac(peer) for peer in far)


def test_nothing_is_masqueraded(host):
    assert "FLANNEL" not in host.check_output("iptables -t nat -S")


@pytest.mark.parametrize("source, target, way", [("node1", "node2", "plain"), ("node1", "node3", "tunnelled"), ("node3", "node2", "tunnelled")])
def test_only_what_has_to_is_tunnelled(source, target, way):
    assert pings(source, target) == {"plain": 0, "tunnelled": 0, way: 10}


def test_what_ran_before_runs(host, name):
    assert host.service("clusternet-fabric-a.service").is_running
    other = next(peer for peer in NODES if peer != name)
    fetch = "import urllib.request as r; print(r.urlopen('http://%s/GPL-3', timeout=5).status)" % pod_address(name, "a")
    assert node(other).check_output(in_pod("b", 'python3 -c "%s"' % fetch)) == "200"
