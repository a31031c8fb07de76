# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace or a link goes, or another comes in its place, while a run is between two operations: an error, and all else as it was."""

import os
import signal
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.engine import Failed
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.transaction import Transaction
from engine_documents import MIXED, changed, flannel

pytestmark = pytest.mark.kernel

PLAIN = changed(
    flannel(),
    # a MAC of the kernel's choice would be another after a link was put back
    veth=[dict(entry, mac="02:00:00:00:0b:%02x" % number) for number, entry in enumerate(flannel()["veth"])],
    route=flannel()["route"] + [{"dst": "10.99.0.0/16", "via": "10.244.1.1", "dev": "eth0", "netns": "a"}],
    ipset=[{"name": "S", "netns": "a", "type": "hash:ip", "members": ["10.0.0.1"]}],
    sysctl=flannel()["sysctl"] + [{"key": "net/ipv4/ip_forward", "netns": "a", "value": "1"}],
    iptables_chain=flannel()["iptables_chain"] + [{"chain": "IN-POD", "netns": "a", "rules": ["-j RETURN"]}],
)
MOVES = {"changed": (PLAIN, flannel(mtu=1300)), "removed": (PLAIN, {}), "replaced": (PLAIN, flannel(vni=2, bridge="cni1")), "another": (PLAIN, MIXED)}
VANISH = "ip netns delete a"
HELD = "ip netns exec a sleep 60 >/dev/null 2>&1 & sleep 0.05; ip netns delete a"
ANOTHER = "ip netns delete a; ip netns add a; ip -n a link add mine type bridge"


def gone(node, deadline=10):
    """Wait until the kernel has taken down what was in the namespace: its end of the pair takes the other."""
    until = time.monotonic() + deadline
    while "vetha" in node.sh("ip -o link"):
        assert time.monotonic() < until, "the other end of the pair is still there"
        time.sleep(0.01)


def disturbed_at(monkeypatch, node, number, script, and_fail=False):
    """Something happens after so many operations of the next run, and not in those that put back."""
    original, runs = Transaction.run, []

    def run(self, operations):
        runs.append(len(operations))
        if len(runs) > 1:
            original(self, operations)
            return
        original(self, operations[:number])
        node.sh(script)
        if and_fail:
            self._fail_at = 0
        original(self, operations[number:])

    monkeypatch.setattr(Transaction, "run", run)
    return runs


@pytest.mark.parametrize("and_fail", [False, True], ids=["goes on", "fails"])
@pytest.mark.parametrize("move", MOVES)
def test_a_namespace_vanishes_under_the_run(node, monkeypatch, move, and_fail):
    before, after = MOVES[move]
    node.apply(before)
    count = len(node.apply(after, check=True).operations)
    node.sh(VANISH)
    gone(node)
    expected = node.snapshot(sysctls=False)
    told = 0
    for number in range(0, count, max(1, count // 5)):
        node.apply(before)
        runs = disturbed_at(monkeypatch, node, number, VANISH + " || true", and_fail)
        try:
            node.apply(after)
        except Failed as error:
            assert error.rolled_back, (number, str(error))
            assert and_fail or "namespace a" in str(error), str(error)
            told += "removed namespace a meanwhile, which stays so" in str(error)
            monkeypatch.undo()
            # One that the run itself had removed comes back, with all that was in it.
            if "a" in node.names():
                node.settled(before)
            else:
                gone(node)
                assert not node.differences(expected, node.snapshot(sysctls=False)), number
        else:
            monkeypatch.undo()
            node.settled(after)  # it was on its way out
        assert runs
        node.apply(after)
        node.settled(after)
    assert told >= 2
    node.apply({})


@pytest.mark.parametrize("move", ["added", "removed"])
def test_another_of_the_name_is_left_alone(node, monkeypatch, move):
    """No rule, sysctl or link of the run's gets into the namespace that has come in the other's place."""
    before, after = MOVES.get(move) or (flannel(), PLAIN)
    node.apply(before)
    count = len(node.apply(after, check=True).operations)
    for number in range(0, count, max(1, count // 5)):
        disturbed_at(monkeypatch, node, number, "ip netns list | grep -qw a || exit 0\n" + ANOTHER)
        try:
            node.apply(after)
        except Failed as error:
            assert error.rolled_back, (number, str(error))
        monkeypatch.undo()
        if "mine" in node.sh("ip -n a -o link 2>/dev/null || true"):
            assert node.sh("ip -n a -o link | wc -l; ip netns exec a iptables-save; ip -n a -o -4 address; ip -n a route") == "2\n"
            assert node.sh("ip netns exec a cat /proc/sys/net/ipv4/ip_forward") == "0\n"
            node.sh("ip netns delete a")
        node.apply(before)
        node.settled(before)


def test_what_holds_it_open_keeps_its_links(node, monkeypatch):
    """The host's end of the pair stays as long as a process runs in the namespace; the next run makes the pair anew."""
    before, after = MOVES["changed"]
    for number in (0, 5, 15):
        node.apply(before)
        disturbed_at(monkeypatch, node, number, HELD, and_fail=True)
        with pytest.raises(Failed) as caught:
            node.apply(after)
        monkeypatch.undo()
        assert caught.value.rolled_back, str(caught.value)
        node.apply(before)
        node.settled(before)
        end_sleepers(node)
    node.apply({})


LINKS = {
    "the bridge goes": "ip link delete dev cni0",
    "a pair is renamed": "ip link set dev vetha down; ip link set dev vetha name stolen",
    "a pair goes": "ip link delete dev vetha",
    "the tunnel goes": "ip link delete dev flannel.1",
}


@pytest.mark.parametrize("what", LINKS)
def test_a_link_goes_under_the_run(node, monkeypatch, what):
    """A pod leaves and another comes, which needs the bridge: what somebody else removed does not hinder the way back."""
    start = node.snapshot(sysctls=False)
    before, after = flannel(), flannel(pods=("a", "c"))
    node.apply(before)
    count = len(node.apply(after, check=True).operations)
    for number in range(0, count, max(1, count // 4)):
        node.apply(before)
        disturbed_at(monkeypatch, node, number, LINKS[what] + " || true", and_fail=True)
        with pytest.raises(Failed) as caught:
            node.apply(after)
        monkeypatch.undo()
        assert caught.value.rolled_back, (number, str(caught.value))
        assert node.names() == ["a", "b"]
        node.apply(after)
        node.settled(after)
    node.apply({})
    node.same(start, sysctls=False)


def test_the_way_back_to_half_a_pair(node, monkeypatch):
    """Its other end is where nobody looks, so there is nothing to make it of again; with it go its sysctls and its VLANs."""
    before, after = flannel(), flannel(mtu=1300)
    node.apply(before)
    node.sh(HELD)
    for number in (0, 3, 6, 9):
        assert len(node.apply(after, check=True).operations) > number
        disturbed_at(monkeypatch, node, number, "", and_fail=True)
        with pytest.raises(Failed) as caught:
            node.apply(after)
        monkeypatch.undo()
        assert caught.value.rolled_back, (number, str(caught.value))
    end_sleepers(node)
    node.apply(after)
    node.settled(after)


def end_sleepers(node):
    for pid in node.sh("pgrep -x sleep || true").split():
        try:
            here = os.readlink("/proc/%s/ns/mnt" % pid) == os.readlink("/proc/self/ns/mnt")
        except OSError:
            continue
        if here:
            os.kill(int(pid), signal.SIGKILL)
