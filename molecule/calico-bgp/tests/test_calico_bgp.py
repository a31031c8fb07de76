# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node's BIRD is in session with every other and with the router, and what they tell one another is in the kernels."""

import json
import os
import pathlib
import time

import pytest
import yaml
from calico_node import blocks, check_pods
from flannel_node import pings, pod_address
from lab import Lab
from lab_host import in_pod, node, run_json, underlay
from runs import SITE, stats, succeeded
from traffic import pinging

INVENTORY = pathlib.Path(__file__).parents[1] / "inventory/scenario.yml"
SCENARIO = yaml.safe_load(INVENTORY.read_text())["fabric"]["vars"]
BORROWED = "10.244.2.40"
ROUTER, BEHIND = "198.18.0.1", "198.18.32.0/24"
NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.0.13"}
BIRDC = "birdc -s /run/clusternet-bird-fabric/bird.ctl "


def routes(host):
    return {(route["dst"], route["gateway"], route["dev"]) for route in run_json(host, "ip -4 -j route show proto bird")}


def expected(name):
    others = {(blocks(peer)[0], address, "eth0") for peer, address in NODES.items() if peer != name}
    return others | {(BEHIND, ROUTER, "eth0")} | ({(BORROWED, NODES["node1"], "eth0")} if name != "node1" else set())


def test_pods_are_routed_to(host, name):
    check_pods(host, name, 1500)


def test_sessions_and_routes(host, name):
    assert host.check_output(BIRDC + "show protocols | grep -c Established") == "3"
    assert routes(host) == expected(name)
    assert not host.service("bird.service").is_running


def test_only_blocks_are_told(host, name):
    lines = [line.split() for line in host.check_output(BIRDC + "show route where source = RTS_BGP").splitlines()]
    told = {words[0].replace("/32", "") for words in lines if words and "/" in words[0]}
    assert told == {block for block, dummy, dummy in expected(name)}


def test_an_address_of_anothers_block_leads_to_its_pod():
    """That node too sends what it has for it to where the pod is."""
    assert blocks("node2") == ["10.244.2.0/26"] and BORROWED == pod_address("node1", "borrower")
    for name in NODES:
        node(name).check_output(in_pod("b", "ping -n -q -c 2 -i 0.2 -W 2 " + BORROWED))


def test_a_router_of_another_as_learns_the_blocks_and_reaches_pods():
    """Nobody told it of them but BGP, and what is behind it comes through it to the pods."""
    there = {route["dst"]: route["gateway"] for route in run_json(underlay("router"), "ip -4 -j route show proto bird")}
    assert there == dict({blocks(name)[0]: address for name, address in NODES.items()}, **{BORROWED: NODES["node1"]})
    outside = underlay("outside")
    outside.check_output("ip route replace 10.244.0.0/16 via 198.18.32.1")
    try:
        for name in NODES:
            outside.check_output("ping -n -q -c 2 -i 0.2 -W 2 " + pod_address(name, "b"))
    finally:
        outside.check_output("ip route del 10.244.0.0/16")


def test_the_password_is_nowhere_but_where_it_is_needed(host):
    (password,) = SCENARIO["calico_passwords"].values()
    found = host.check_output("grep -rlsF '%s' /etc/clusternet /etc/systemd /var/lib/clusternet /run/clusternet* || true" % password).split()
    assert found == ["/etc/clusternet/fabric/bird-passwords.conf"]
    file = host.file(found[0])
    assert (file.mode, file.user) == (0o400, "root")
    assert password not in host.check_output("journalctl --no-pager --output=cat; ps -ewwo args | grep -v -e grep -e journalctl")


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
    while host.check_output(BIRDC + "show protocols").count("Established") < 3:
        assert time.monotonic() < until
        time.sleep(0.5)
    assert routes(host) == expected("node2")


# What becomes of the mesh, and of the reflector that comes in its place.
REFLECTOR = {
    "calico_mesh": False,
    "calico_peers": SCENARIO["calico_peers"] + [{"name": "reflector", "peer_labels": {"rr": "yes"}}],
    "fabric_labels": "{{ {'rr': 'yes'} if inventory_hostname == 'node1' else {} }}",
    "calico_reflector_cluster_id": "{{ '244.0.0.1' if inventory_hostname == 'node1' else '' }}",
}


@pytest.mark.parametrize("changes, sessions", [(REFLECTOR, {"node1": 3, "node2": 2, "node3": 2}), ({}, dict.fromkeys(NODES, 3))],
                         ids=["to a reflector", "back to the mesh"])
def test_sessions_become_others_and_no_packet_is_lost(changes, sessions):
    lab = Lab(os.environ["CLUSTERNET_LAB_NAME"])
    lab.segments = 1
    with pinging(lab) as pings_between_all:
        run = lab.playbook(SITE, "-i", str(INVENTORY), "--skip-tags", "verify", "-e", json.dumps(changes))
    print(pings_between_all)
    succeeded(run)
    assert set(stats(run, "changed").values()) != {0}
    assert {name: int(node(name).check_output(BIRDC + "show protocols | grep -c Established")) for name in NODES} == sessions
    assert pings_between_all.lost == 0, pings_between_all.gaps
    for name in NODES:
        assert routes(node(name)) == expected(name)
