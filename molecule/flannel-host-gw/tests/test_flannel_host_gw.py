# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node is the gateway to its pods, and what passes between nodes is as the pods sent it."""

import pytest
from flannel_node import pings, pod_address, subnet, subnet_env
from lab_host import in_pod, node, run_json

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.0.13"}


def test_a_peer_is_a_gateway(host, name):
    routes = run_json(host, "ip -4 -j route show proto 160")
    assert {(route["dst"], route["gateway"], route["dev"], tuple(route["flags"])) for route in routes} == {
        (str(subnet(peer)), address, "eth0", ()) for peer, address in NODES.items() if peer != name
    }


def test_there_is_no_tunnel_and_nothing_to_take_off_the_mtu(host):
    assert [link for link in run_json(host, "ip -j link show type vxlan") if link] == []
    assert subnet_env(host)["FLANNEL_MTU"] == "1500"
    assert run_json(host, "ip -j link show dev cni0")[0]["mtu"] == 1500
    assert run_json(host, in_pod("a", "ip -j link show dev eth0"))[0]["mtu"] == 1500


@pytest.mark.parametrize("source, target", [("node1", "node2"), ("node3", "node1")])
def test_between_nodes_it_is_plain(source, target):
    assert pings(source, target) == {"tunnelled": 0, "plain": 10}


def test_full_size_packets_pass_whole():
    node("node1").check_output(in_pod("a", "ping -n -M do -s 1472 -c 2 -i 0.2 -W 2 %s" % pod_address("node3", "a")))
