# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running network becomes another one by a variable and a run, under pings between all pods. One story, told in this order."""

import json

import pytest
from lab_host import capture
from runs import NODES, SITE, TEARDOWN, VERIFY, failures, on, pods, same, stats, succeeded
from traffic import pinging

CLUSTER = "10.244.0.0/16"


class Story:
    """What the variables say by now."""

    def __init__(self, lab):
        self.lab, self.variables = lab, {}

    def run(self, playbook=SITE, *options, **changes):
        return self.lab.playbook(playbook, *options, "-e", json.dumps(dict(self.variables, **changes)))

    def become(self, **changes):
        """The run that changes it, verify included, and what became of the pings."""
        self.variables.update(changes)
        with pinging(self.lab) as pings:
            changed = self.run()
        succeeded(changed)
        assert set(stats(changed, "changed").values()) != {0}
        again = self.run(SITE, "--skip-tags", "verify")
        succeeded(again)
        assert stats(again, "changed") == dict.fromkeys(NODES, 0)
        return pings


@pytest.fixture(scope="module", name="story")
def fixture_story(lab):
    story = Story(lab)
    succeeded(story.run())
    return story


# What changes, and whether a ping may be lost by it: the port of a VXLAN device cannot be changed, and for as long as two nodes
# have different ones they do not hear each other.
MOVES = {
    "direct routing": ({"flannel_direct_routing": True}, 0),
    "vxlan again": ({"flannel_direct_routing": False}, 0),
    "another VNI, masquerade off": ({"flannel_vni": 7, "fabric_masquerade": False}, 0),
    "another MTU, masquerade on": ({"fabric_mtu": "1300", "fabric_masquerade": True}, 0),
    "another port": ({"flannel_port": 4790}, None),
    # Pods keep their namespaces and addresses, and get other links.
    "weave, encrypted": ({"fabric_backend": "weave", "weave_password": "only for this test"}, None),
    "calico": ({"fabric_backend": "calico"}, None),
    "calico: all in the tunnel": ({"calico_vxlan_mode": "Always"}, 0),
    "calico: across subnets": ({"calico_vxlan_mode": "CrossSubnet"}, 0),
    "calico: with IPv6": ({"fabric_pod_cidr6": "fd00:10:244::/48"}, 0),
    "flannel again": ({"fabric_backend": "flannel", "fabric_pod_cidr6": ""}, None),
}


@pytest.mark.parametrize("what", MOVES)
def test_it_becomes(story, what, monkeypatch):
    changes, most = MOVES[what]
    pings = story.become(**changes)
    print("%s: %s" % (what, pings))
    assert pings.sent > 30 * 50
    assert most is None or pings.lost <= most, pings.gaps
    # Secrets go with the backend that needs them.
    secrets = {node: on(story.lab, node, "ls /etc/clusternet/fabric/*.psk 2>/dev/null || true") for node in NODES}
    assert all(secrets.values()) if "encrypted" in what else not any(secrets.values())
    if what == "direct routing":
        monkeypatch.setenv("CLUSTERNET_LAB_NAME", story.lab.name)
        only_what_has_to_is_tunnelled(story.lab)


def only_what_has_to_is_tunnelled(lab):
    addresses = pods(lab)
    # A filter looks at the outer header alone.
    with capture("node1", "udp port 8472") as tunnelled, capture("node1", "net " + CLUSTER) as plain:
        for node in ("node2", "node3"):
            on(lab, "node1", "ip netns exec a ping -n -q -c 5 -i 0.2 -W 2 %s" % addresses[node, "a"])

    def requests(lines, node):
        return len([line for line in lines if "%s > %s: ICMP echo request" % (addresses["node1", "a"], addresses[node, "a"]) in line])

    assert {(node, "plain"): requests(plain, node) for node in ("node2", "node3")} == {("node2", "plain"): 5, ("node3", "plain"): 0}
    assert {(node, "UDP"): requests(tunnelled, node) for node in ("node2", "node3")} == {("node2", "UDP"): 0, ("node3", "UDP"): 5}


def test_host_gw_is_refused_where_a_router_is_between(story):
    before = {node: story.lab.snapshot(node) for node in NODES}
    refused = failures(story.run(SITE, flannel_type="host-gw", flannel_direct_routing=False))
    assert set(refused) == set(NODES)
    assert "198.18.16.13 is not on a segment of eth0 (198.18.0.0/20), and this network needs its nodes side by side" in refused["node1"]
    for node in NODES:
        same(before[node], story.lab.snapshot(node))
    succeeded(story.run(VERIFY))


def test_to_host_gw_and_back(story):
    """In a lab with its nodes on one segment."""
    lab = story.lab
    story.run(TEARDOWN)
    lab.segments, story.variables = 1, {}
    assert not failures(lab.playbook("playbooks/lab_up.yml"))
    succeeded(story.run())
    for way in ("host-gw", "vxlan"):
        pings = story.become(flannel_type=way)
        print("%s: %s" % (way, pings))
        assert pings.lost == 0, pings.gaps
    story.run(TEARDOWN)
