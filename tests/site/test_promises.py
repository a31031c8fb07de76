# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a whole run promises, held against snapshots that share no code with the engine."""

import json

import pytest
from runs import NODES, SITE, TEARDOWN, on, same, stats, succeeded, tasks

NETWORK = "Build the network"


@pytest.fixture(scope="module", name="found")
def fixture_found(lab):
    """Each node before the first run."""
    return {node: lab.snapshot(node) for node in NODES}


@pytest.fixture(autouse=True)
def fixture_clean(lab, found):
    yield
    lab.playbook(TEARDOWN)


# A device that the first run makes on each node, and what is set beside the backend.
BACKENDS = {"flannel": ("ip link add name flannel.1", {}), "calico": ("ip link add name vxlan-v6.calico", {"fabric_pod_cidr6": "fd00:10:244::/48"}),
            "weave": ("ip link add name weave-mesh", {
                "weave_mesh": "partial", "weave_subnets": [{"name": "all", "cidr": "10.244.0.0/17"}, {"name": "dev", "cidr": "10.244.128.0/20"}],
                "fabric_pods": [{"name": "a", "pools": ["all", "dev"]}, {"name": "b", "pool": "dev"}]})}


@pytest.mark.parametrize("backend", BACKENDS)
def test_check_tells_the_truth_and_teardown_leaves_the_nodes_as_found(lab, found, backend):
    device, variables = BACKENDS[backend]
    options = ("-e", json.dumps(dict(variables, fabric_backend=backend)))
    check = lab.playbook(SITE, "--check", "--diff", *options)
    succeeded(check)
    for node in NODES:
        same(found[node], lab.snapshot(node))
    predicted = tasks(check, NETWORK)
    assert all(device in "\n".join(predicted[node]["commands"]) for node in NODES)

    real = lab.playbook(SITE, "--diff", *options)
    succeeded(real)
    made = tasks(real, NETWORK)
    for node in NODES:
        assert made[node]["commands"] == predicted[node]["commands"]
        assert made[node]["after"] == predicted[node]["after"]
        assert made[node]["operations"] == predicted[node]["operations"]

    again = lab.playbook(SITE, *options)
    succeeded(again)
    assert stats(again, "changed") == dict.fromkeys(NODES, 0)

    prediction = lab.playbook(TEARDOWN, "--check", "--diff")
    gone = lab.playbook(TEARDOWN, "--diff")
    succeeded(gone)
    assert tasks(gone, "Take the network away")["node1"]["commands"] == tasks(prediction, "Take the network away")["node1"]["commands"]
    for node in NODES:
        same(found[node], lab.snapshot(node))
    assert stats(lab.playbook(TEARDOWN), "changed") == dict.fromkeys(NODES, 0)


FOREIGN = {
    "a flannel.1 of another kind": (
        "ip link add name flannel.1 type bridge", "link flannel.1", "ip link show dev flannel.1", "ip link delete dev flannel.1"),
    "a cni0 of another kind": (
        "ip link add name cni0 type veth peer name other", "link cni0", "ip link show dev cni0", "ip link delete dev cni0"),
    "a bridge cni0 of somebody's": (
        "ip link add name cni0 type bridge", "link cni0", "ip link show dev cni0", "ip link delete dev cni0"),
    "a route to a wanted prefix": (
        "ip route add 10.244.1.0/24 via 198.18.0.1", "10.244.1.0/24", "ip route show 10.244.1.0/24 | grep 198.18.0.1",
        "ip route delete 10.244.1.0/24"),
    "a chain of a wanted name with a rule": (
        "iptables -N FLANNEL-FWD; iptables -A FLANNEL-FWD -s 192.0.2.7 -j DROP", "FLANNEL-FWD", "iptables -S FLANNEL-FWD | grep 192.0.2.7",
        "iptables -F FLANNEL-FWD; iptables -X FLANNEL-FWD"),
}


def refusals(lab, by_node):
    """One run with something in the way on each node: {node: (set up, named, look, clean up)}. Checks that each is as before."""
    try:
        for node, (make, dummy, dummy, dummy) in by_node.items():
            on(lab, node, make)
        before = {node: lab.snapshot(node) for node in by_node}
        run = lab.playbook(SITE, "--skip-tags", "verify")
        for node, (dummy, named, look, dummy) in by_node.items():
            refused = tasks(run, NETWORK)[node]
            assert refused.get("failed") and named in refused["msg"], refused.get("msg")
            same(before[node], lab.snapshot(node))
            on(lab, node, look)
        assert stats(run, "failures") == {node: int(node in by_node) for node in NODES}
        return tasks(run, NETWORK)
    finally:
        for node, (dummy, dummy, dummy, remove) in by_node.items():
            on(lab, node, remove)


def test_what_is_foreign_stops_that_node_and_loses_nothing(lab):
    cases = list(FOREIGN.values())
    refusals(lab, dict(zip(NODES, cases[:3])))
    refusals(lab, dict(zip(NODES[1:], cases[3:])))


def test_an_operation_that_the_kernel_refuses_leaves_the_node_as_before(lab):
    # No plan can know it: the links are made when the kernel refuses the sysctl.
    key = "/proc/sys/net/ipv4/ip_forward"
    results = refusals(lab, {"node2": (
        "mount --bind %s %s; mount -o remount,bind,ro %s" % (key, key, key), "sysctl net/ipv4/ip_forward: Read-only file system",
        "grep -q 0 " + key, "umount " + key)})
    assert results["node2"]["rolled_back"] is True
