# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status names what differs, and leaves no trace of having looked."""

import pytest
from runs import NODES, SITE, on, same, tasks

STATUS = "playbooks/status.yml"
HEAL = ("-e", "fabric_self_heal=3600")


def ask(lab, *options, unreachable=()):
    """(status_result, the table) of a run of which it is certain that it changed nothing."""
    before = lab.snapshot("node2")
    run = lab.playbook(STATUS, *HEAL, *options)
    same(before, lab.snapshot("node2"))
    stats = run["stats"]
    assert {(stats[node]["changed"], stats[node]["failures"]) for node in stats} == {(0, 0)}, run
    assert {node for node in stats if stats[node]["unreachable"]} == set(unreachable)
    assert run["returncode"] == (4 if unreachable else 0)
    (result,) = tasks(run, "Put together what all nodes found").values()
    (text,) = tasks(run, "Show it").values()
    return result["ansible_facts"]["status_result"], text["msg"]


def states(result):
    return {node["name"]: node["state"] for node in result["nodes"]}


@pytest.fixture(scope="module", name="bare")
def fixture_bare(lab):
    """What status says of nodes that have no network yet."""
    return ask(lab, "--check", "--diff")


@pytest.fixture(scope="module", name="built")
def fixture_built(lab, bare):
    assert bare
    assert lab.playbook(SITE, *HEAL, "--skip-tags", "verify")["returncode"] == 0
    return lab


def test_nothing_is_built_yet(bare):
    result, text = bare
    assert states(result) == dict.fromkeys(NODES, "not_built")
    assert result["leases_pending"] and text.endswith("3 not built")


def test_in_sync(built):
    result, text = ask(built)
    assert result["ok"] and states(result) == dict.fromkeys(NODES, "in_sync") and not result["leases_pending"], text
    assert text.endswith("all 3 nodes are in sync")
    node = result["nodes"][1]
    assert (node["ip"], node["dev"], node["mtu"], node["peers"]) == ("198.18.0.12", "eth0", 1450, 2)
    assert {device["name"]: device["kind"] for device in node["devices"]} == {"cni0": "bridge", "flannel.1": "vxlan", "eth0": "underlay"}
    assert [(pod["name"], pod["present"], pod["active"]) for pod in node["pods"]] == [("a", True, "active"), ("b", True, None)]


DRIFT = """
bridge fdb show dev flannel.1 | grep 'dst 198.18.0.11' | while read mac rest; do bridge fdb del $mac dev flannel.1 dst 198.18.0.11; done
ip route add 203.0.113.0/24 dev cni0 proto 160
echo >> /etc/netns/b/hosts
systemctl stop clusternet-fabric-a.service clusternet-heal@fabric.timer
"""


def test_what_differs_is_named_and_left_as_it_is(built):
    on(built, "node2", DRIFT)
    result, text = ask(built, "--limit", "node2")
    (node,) = result["nodes"]
    assert node["state"] == "differs" and node["peers_differ"] == ["node1"]
    assert node["operations"] == {"add": {"vxlan_fdb": 1}, "remove": {"route": 1}} and node["total"] == 2
    assert "dst 198.18.0.11" in node["commands"][0] and "203.0.113.0/24" in node["commands"][1]
    assert node["files"]["updated"] == ["/etc/netns/b/hosts"]
    assert node["units"]["start"] == ["clusternet-fabric-a.service", "clusternet-heal@fabric.timer"]
    assert "site.yml would do (about node1)" in text and "not asked: node1, node3" in text
    assert built.playbook(SITE, *HEAL, "--limit", "node2", "--skip-tags", "verify")["returncode"] == 0
    result, text = ask(built)
    assert result["ok"], text


def test_a_node_that_is_down_is_shown_as_such(built):
    built.stop("node1")
    result, text = ask(built, unreachable=["node1"])
    assert states(result) == {"node1": "unreachable", "node2": "in_sync", "node3": "in_sync"}, text
    assert text.endswith("2 in sync, 1 unreachable")
