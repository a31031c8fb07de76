# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two fabrics on the same machines, from one inventory: built at once, kept apart, and gone one by one. One story, told in this order."""

import json

import pytest
from runs import NODES, SITE, TEARDOWN, VERIFY, failures, on, pods, same, stats, succeeded
from traffic import pinging

ADDRESSES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.16.13"}
BLUE = ("blue1", "blue2", "blue3")
SYSCTLS = "sysctl -n net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables"


def second_fabric(lab, **different):
    """An inventory of hosts that are the same machines again."""
    variables = {
        "ansible_connection": "clusternet.fabric.lab",
        "ansible_python_interpreter": "/usr/bin/python3",
        "fabric_name": "blue",
        "fabric_number": 161,
        "fabric_pod_cidr": "10.96.0.0/16",
        "fabric_lease_file": "/run/clusternet-lab/%s/blue.yml" % lab.name,
        "flannel_vni": 2,
        "fabric_pods": [{"name": "c", "unit": {"exec_start": "/usr/bin/python3 -m http.server 80 --directory /usr/share/common-licenses"}},
                        {"name": "d"}],
    }
    variables.update(different)
    hosts = {host: dict(variables, clusternet_lab_node=node, fabric_node_ip=ADDRESSES[node]) for host, node in zip(BLUE, NODES)}
    return {"fabric": {"hosts": hosts}}


class Pair:
    """Both fabrics' runs."""

    def __init__(self, lab, path):
        self.lab, self.path = lab, path
        self.found = {node: lab.snapshot(node) for node in NODES}

    def run(self, playbook, *options, **different):
        self.path.write_text(json.dumps(second_fabric(self.lab, **different)), encoding="utf-8")
        return self.lab.playbook(playbook, "-i", str(self.path), *options)

    def reach(self, sources, targets):
        """{(node, pod, address): whether it answers} from some pods to some."""
        def answers(node, pod, address):
            return self.lab.shell(node, "--", "ip", "netns", "exec", pod, "ping", "-q", "-c", "1", "-W", "0.5", address).returncode == 0
        return {(node, pod, address): answers(node, pod, address) for node, pod in sources for address in targets.values()}


@pytest.fixture(scope="module", name="pair")
def fixture_pair(lab, tmp_path_factory):
    return Pair(lab, tmp_path_factory.mktemp("blue") / "blue.json")


def test_overlaps_are_refused_before_any_node_is_touched(pair):
    said = json.dumps(pair.run(SITE, fabric_number=160, flannel_vni=1, fabric_pod_cidr="10.244.128.0/17", fabric_pods=[{"name": "a"}]))
    for text in (
        "fabric_pod_cidr of fabric blue: 10.244.128.0/17: overlaps 10.244.0.0/16 of fabric fabric: expected ranges of their own",
        "fabric_number: 160: fabrics fabric and blue share a machine (hosts node1 and blue1) and this number: expected a number for each",
        "flannel_vni: 1: fabrics fabric and blue share a machine (hosts node1 and blue1) and this value: expected one for each",
        "blue1: fabric_pods[0].name: a: is a pod of node1 too, which is the same machine: expected names that differ",
    ):
        assert text in said, said
    for node in NODES:
        same(pair.found[node], pair.lab.snapshot(node))


def test_both_are_built_in_one_run_and_verified(pair):
    """Two hosts of one machine are worked on at the same time: the engine's lock has one wait for the other."""
    run = pair.run(SITE)
    succeeded(run, NODES + BLUE)
    shown = [task["hosts"]["node1"]["msg"] for play in run["plays"] for task in play["tasks"] if task["task"]["name"].endswith("Show it")]
    assert "fabric blue" in shown[0] and "fabric fabric" in shown[0] and "FAIL" not in shown[0]
    again = pair.run(SITE, "--skip-tags", "verify")
    succeeded(again, NODES + BLUE)
    assert stats(again, "changed", NODES + BLUE) == dict.fromkeys(NODES + BLUE, 0)


def some(addresses, *places):
    return {place: addresses[place] for place in places}


def test_their_pods_do_not_reach_each_other_unless_a_variable_says_so(pair):
    first, second = pods(pair.lab, of="ab"), pods(pair.lab, of="cd")
    sources, targets = some(first, ("node1", "a"), ("node3", "b")), some(second, ("node1", "c"), ("node2", "d"), ("node3", "c"))
    apart = {**pair.reach(sources, targets), **pair.reach(targets, sources)}
    assert set(apart.values()) == {False}, apart

    succeeded(pair.run(SITE, "--skip-tags", "verify", fabric_reaches=["fabric"]), NODES + BLUE)
    together = {**pair.reach(sources, targets), **pair.reach(targets, sources)}
    assert set(together.values()) == {True}, together

    succeeded(pair.run(SITE, "--skip-tags", "verify"), NODES + BLUE)
    apart = pair.reach(sources, targets)
    assert set(apart.values()) == {False}, apart


def test_one_goes_and_the_other_does_not_notice(pair):
    with pinging(pair.lab, pods(pair.lab, of="cd")) as pings:
        gone = pair.run(TEARDOWN, "--limit", ":".join(NODES))
    succeeded(gone)
    print("one of two fabrics torn down: %s" % pings)
    assert pings.sent > 30 * 50
    assert pings.lost == 0, pings.gaps
    for node in NODES:
        assert on(pair.lab, node, SYSCTLS).split() == ["1", "1"]
        assert on(pair.lab, node, "ls /run/netns; ip -o link | grep -c flannel").split() == ["c", "d", "1"]
    verified = pair.run(VERIFY, "--limit", ":".join(BLUE))
    succeeded(verified, BLUE)

    assert not failures(pair.run(TEARDOWN, "--limit", ":".join(BLUE)))
    for node in NODES:
        same(pair.found[node], pair.lab.snapshot(node))
