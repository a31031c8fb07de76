# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node's BIRD is in session with every other, and what they tell one another is in the kernels."""

import time

import pytest
from calico_node import blocks, check_pods
from flannel_node import pings, pod_address
from lab_host import node, run_json

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.0.13"}
BIRDC = "birdc -s /run/clusternet-bird-fabric/bird.ctl "


@pytest.fixture(params=NODES)
def name(request):
    return request.param


@pytest.fixture
def host(name):
    return node(name)


def routes(host):
    return {(route["dst"], route["gateway"], route["dev"]) for route in run_json(host, "ip -4 -j route show proto bird")}


def expected(name):
    return {(blocks(peer)[0], address, "eth0") for peer, address in NODES.items() if peer != name}


def test_pods_are_routed_to(host, name):
    check_pods(host, name, 1500)


def test_sessions_and_routes(host, name):
    assert host.check_output(BIRDC + "show protocols | grep -c Established") == "2"
    assert routes(host) == expected(name)
    assert not host.service("bird.service").is_running


def test_only_blocks_are_told(host, name):
    lines = [line.split() for line in host.check_output(BIRDC + "show route where source = RTS_BGP").splitlines()]
    assert {words[0] for words in lines if words and "/" in words[0]} == {block for block, dummy, dummy in expected(name)}


def test_between_nodes_it_is_plain():
    assert pings("node1", "node3") == {"tunnelled": 0, "plain": 10}


def test_a_bird_that_dies_takes_no_packet_with_it():
    """It is back after a second, and meanwhile the others keep what it had told, by graceful restart."""
    host = node("node2")
    before = host.check_output("systemctl show --property=MainPID --value clusternet-bird@fabric.service")
    script = "ping -n -q -i 0.05 -c 160 -W 1 %s & sleep 1; kill -9 %s; wait" % (pod_address("node1", "a"), before)
    assert " 0% packet loss" in host.check_output("ip netns exec a sh -c '%s'" % script)
    assert host.check_output("systemctl show --property=MainPID --value clusternet-bird@fabric.service") not in ("0", before)
    until = time.monotonic() + 30
    while host.check_output(BIRDC + "show protocols").count("Established") < 2:
        assert time.monotonic() < until
        time.sleep(0.5)
    assert routes(host) == expected("node2")
