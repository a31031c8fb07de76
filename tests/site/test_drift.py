# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody changes by hand on a running network is mended by one run with the operations it takes, and nothing else is touched."""

import re

import pytest
from runs import NODES, SITE, differences, on, operations, pods, stats, succeeded
from traffic import transferring

PEER_FDB = "$(bridge fdb show dev flannel.1 | grep dst | head -n 1)"
# The host's end of pod a.
LINK = "$(ip -n a -j link show dev eth0 | grep -o '\"link_index\":[0-9]*' | cut -d : -f 2)"
PORT = "$(ip -o link | grep '^'%s: | cut -d ' ' -f 2 | cut -d @ -f 1)" % LINK


class Case:
    """What happens on a node, and patterns of the commands that mend it: one each, in any order."""

    def __init__(self, script, *commands, most=None, made_anew=False):
        # `most`: any commands, so many of them at most. `made_anew`: a veth pair has a random MAC at the host's end.
        self.script, self.commands, self.most, self.made_anew = script, commands, most, made_anew

    def check(self, commands):
        if self.most is not None:
            assert 1 <= len(commands) <= self.most, commands
            return
        left = list(commands)
        for pattern in self.commands:
            fitting = [line for line in left if re.search(pattern, line)]
            assert fitting, (pattern, commands)
            left.remove(fitting[0])
        assert not left, left


CASES = {
    "FDB entry removed": Case(
        "set -- %s; bridge fdb del $1 dev flannel.1 dst $3" % PEER_FDB, r"^bridge fdb replace \S+ dev flannel.1 dst \S+ self permanent$"),
    "bridge MTU changed": Case("ip link set cni0 mtu 1300", "^ip link set dev cni0 mtu 1450$"),
    "rule deleted": Case("iptables -D FLANNEL-FWD 1", "^iptables -t filter -I FLANNEL-FWD 1 -s 10.244.0.0/16 .*-j ACCEPT$"),
    "rules swapped": Case(
        "iptables -t nat -D FLANNEL-POSTRTG 1; iptables -t nat -I FLANNEL-POSTRTG 2 -m comment --comment clusternet:fabric "
        "-m mark --mark 0x4000/0x4000 -j RETURN", most=2),
    "stray route of ours": Case(
        "ip route add 192.0.2.0/24 dev cni0 proto 160", "^ip route delete 192.0.2.0/24 dev cni0 proto 160 scope link$"),
    "stray route of somebody's": Case("ip route add 192.0.2.0/24 dev cni0 proto 99"),
    "flannel.1 down": Case(
        "ip link set flannel.1 down",
        "^ip link set dev flannel.1 up$",
        *["^ip neighbour replace .* dev flannel.1 nud permanent protocol 160$"] * 2,
        *["^ip route add 10.244.*/24 via .* dev flannel.1 proto 160 scope global onlink$"] * 2),
    "a pod's host end deleted": Case(
        "ip link delete dev %s" % PORT,
        "^ip link add name veth.* type veth peer name eth0 .* netns a$",
        "^ip link set dev veth.* alias fabric up$",
        "^ip link set dev veth.* type bridge_slave hairpin on$",
        "^ip -n a link set dev eth0 alias fabric up$",
        "^ip -n a address add 10.244.* dev eth0 scope global$",
        "^ip -n a route add 0.0.0.0/0 via 10.244.* dev eth0 proto 160 scope global$", made_anew=True),
    "cni0 deleted": Case(
        "ip link delete dev cni0",
        "^ip link add name cni0 .* type bridge stp_state 0$",
        "^ip link set dev cni0 mtu 1450$",
        "^ip link set dev cni0 alias fabric up$",
        *["^ip link set dev veth.* master cni0$"] * 2,
        *["^ip link set dev veth.* type bridge_slave hairpin on$"] * 2,
        "^ip address add 10.244.*.1/24 .*dev cni0 scope global$"),
    "forwarding off": Case("sysctl -qw net.ipv4.ip_forward=0", r"^sysctl -w net/ipv4/ip_forward=1$"),
}

# One case a node, so that a run mends three.
ROUNDS = [
    {"node1": "FDB entry removed", "node2": "bridge MTU changed", "node3": "rule deleted"},
    {"node1": "rules swapped", "node2": "stray route of ours", "node3": "stray route of somebody's"},
    {"node1": "flannel.1 down", "node2": "a pod's host end deleted", "node3": "forwarding off"},
    {"node1": "cni0 deleted", "node2": "flannel.1 down", "node3": "a pod's host end deleted"},
]


def run(lab):
    result = lab.playbook(SITE, "--skip-tags", "verify", "-v")
    succeeded(result)
    return result


@pytest.fixture(scope="module", name="transfer")
def fixture_transfer(lab):
    """A connection between pods that no case touches, through all of them."""
    run(lab)
    with transferring(lab, ("node1", "b"), ("node3", "b")) as transfer:
        yield transfer


def counters(lab, node):
    """{rule: packets} of the fabric's rules."""
    lines = on(lab, node, "iptables-save -c | grep clusternet:").splitlines()
    return {line.partition(" ")[2]: int(line[1:].partition(":")[0]) for line in lines}


def main_pid(lab, node):
    return on(lab, node, "systemctl show --property MainPID --value clusternet-fabric-a.service").strip()


@pytest.mark.parametrize("number", range(len(ROUNDS)))
def test_drift_is_mended_with_the_operations_it_takes(lab, transfer, number):
    happens = ROUNDS[number]
    pids = {node: main_pid(lab, node) for node in NODES}
    whole = {node: lab.snapshot(node, "--kernel") for node in NODES}
    for node, case in happens.items():
        on(lab, node, CASES[case].script)
    counted = {node: counters(lab, node) for node in NODES}

    mended = run(lab)
    done = operations(mended)
    for node, case in happens.items():
        print("%s on %s: %s" % (case, node, "; ".join(done[node]) or "nothing to do"))
        CASES[case].check(done[node])
    transfer.goes_on()

    for node, case in happens.items():
        left = differences(whole[node], lab.snapshot(node, "--kernel"))
        if case == "stray route of somebody's":
            assert len(left) == 1 and "192.0.2.0/24" in left[0], left
            on(lab, node, "ip route delete 192.0.2.0/24 dev cni0 proto 99")
        elif CASES[case].made_anew:
            left = [line for line in left if not re.search("mac|address|fe80", line)]
            assert not left, "\n".join(left)
        else:
            assert not left, "\n".join(left)
        now = counters(lab, node)
        assert sum(counted[node].values()) > 0
        assert [rule for rule, packets in counted[node].items() if case != "rules swapped" and now[rule] < packets] == []
    assert {node: main_pid(lab, node) for node in NODES} == pids
    assert stats(run(lab), "changed") == dict.fromkeys(NODES, 0)
    transfer.goes_on()


def test_all_pods_are_reached_in_the_end(lab, transfer):
    addresses = pods(lab)
    for node, pod in addresses:
        on(lab, node, "".join("ip netns exec %s ping -q -c 1 -W 2 %s; " % (pod, address) for address in addresses.values()))
