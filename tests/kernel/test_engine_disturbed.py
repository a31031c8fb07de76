# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else works on the node while a run does: it ends right or with an error of the engine's own, and the next run converges."""

import contextlib
import os
import pathlib
import random
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from engine_documents import MIXED, flannel
from engine_foreign import GREEN

pytestmark = pytest.mark.kernel

SECONDS = float(os.environ.get("CLUSTERNET_DISTURBED_SECONDS", "5"))
SEED = 4711
ENOUGH = "/run/disturbed-enough"
DOCUMENTS = [flannel(), MIXED, flannel(vni=2, pods=("b", "c")), {}]

# What somebody does to what is the fabric's, and round it: none of it is there in the end.
DEEDS = {
    "links renamed and deleted": [
        "ip link set dev vetha down; ip link set dev vetha name stolen; ip link delete dev stolen", "ip link delete dev cni0",
        "ip link delete dev flannel.1",
        "ip link set dev cni0 down", "ip link set dev vethb nomaster", "ip link delete dev br0", "ip link set dev flannel.1 down", "ip link delete y0"],
    "namespaces that vanish": [
        "ip netns delete a", "ip netns delete b", "ip netns delete c", "ip netns delete p", "sleep 0.1", "sleep 0.1",
        "ip netns exec a sleep 0.3 & sleep 0.01; ip netns delete a", "ip netns delete b; ip netns add b; sleep 0.05; ip netns delete b"],
    "tables that change": [
        "seq 200 | sed 's|.*|route add 203.0.113.&/32 dev eth9|' | ip -force -batch -; ip route flush root 203.0.113.0/24",
        "seq 200 | sed 's|.*|neighbour replace 198.18.1.& lladdr 02:00:00:00:0d:01 dev eth9 nud permanent|' | ip -batch -; "
        "ip neighbour flush nud permanent dev eth9",
        "seq 200 | sed 's|.*|fdb append 66:00:00:00:0d:01 dev flannel.1 dst 198.18.1.&|' | bridge -force -batch -; "
        "bridge fdb del 66:00:00:00:0d:01 dev flannel.1",
        "iptables -I FORWARD -i disturbs -j DROP; iptables -D FORWARD -i disturbs -j DROP", "iptables -F FLANNEL-FWD",
        "iptables -t nat -D POSTROUTING -j FLANNEL-POSTRTG"],
}  # fmt: skip


@contextlib.contextmanager
def disturbed(node, deeds, seconds):
    """A process does these deeds, one after the other, for as long as the block runs and `seconds` at most. Yields a function that
    tells how many of them worked."""
    reader, writer = os.pipe()

    def run():
        dice, until = random.Random(SEED), time.monotonic() + seconds
        while time.monotonic() < until and not os.path.exists(ENOUGH):
            if node.sh("(%s) >/dev/null 2>&1 && echo done || true" % dice.choice(deeds)):
                os.write(writer, b".")
            time.sleep(dice.uniform(0, 0.03))

    child = node.fork(run)
    os.close(writer)
    os.set_blocking(reader, False)

    def worked():
        with contextlib.suppress(BlockingIOError):
            return len(os.read(reader, 1 << 20))
        return 0

    try:
        yield worked
    finally:
        # It ends its deed first: a shell of its own would go on after it.
        pathlib.Path(ENOUGH).touch()
        os.waitpid(child, 0)
        os.unlink(ENOUGH)
        os.close(reader)


@pytest.mark.parametrize("what", DEEDS)
def test_a_run_ends_right_or_with_an_error_of_its_own(node, what):
    node.apply(GREEN, "green", 161)
    start = node.snapshot(sysctls=False)
    right, errors, dice, until = 0, [], random.Random(SEED), time.monotonic() + SECONDS
    with disturbed(node, DEEDS[what], SECONDS + 30) as worked:
        # Longer where the machine has much else to do.
        while time.monotonic() < until or (right < 3 or right + len(errors) < 10) and time.monotonic() < until + 25:
            try:
                node.apply(dice.choice(DOCUMENTS))
                right += 1
            except FabricError as error:  # any other is a traceback on the node
                errors.append(error)
        deeds = worked()
    half = [str(error) for error in errors if getattr(error, "rolled_back", True) is not True]
    print("%s: %d deeds that worked, %d runs ended right, %d with an error, %d of them not put back, such as:\n%s" % (
        what, deeds, right, len(errors), len(half), "\n".join(sorted({str(error) for error in errors})[:8])))
    assert right >= 3 and right + len(errors) >= 10 and deeds >= 10
    assert not half
    assert all(str(error).strip() and "internal error" not in str(error) for error in errors), errors
    # A deed may have failed half-way: what it leaves is its own.
    node.sh("ip link delete dev stolen 2>/dev/null || true; ip route flush root 203.0.113.0/24 || true")
    node.sh("for name in a b c p; do ip -n $name -o link show lo group 160 2>/dev/null | grep -q . || ip netns delete $name 2>/dev/null || true; done")
    node.sh("while iptables -D FORWARD -i disturbs -j DROP 2>/dev/null; do :; done; ip neighbour flush nud permanent dev eth9 to 198.18.1.0/24 || true")
    node.apply(flannel())
    node.settled(flannel())
    node.apply({})
    node.apply(GREEN, "green", 161)
    node.same(start, sysctls=False)


def test_runs_of_two_fabrics_at_once_both_end_right(node):
    start = node.snapshot()
    turns = [({"document": flannel()}, {"document": GREEN, "name": "green", "number": 161}),
             ({"document": {}}, {"document": {}, "name": "green", "number": 161})]
    for turn in turns:
        for dummy in range(3):
            children = [node.fork(lambda run=run: node.apply(**run)) for run in turn]
            assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
            for run in turn:
                node.settled(**run)
    node.same(start)


def test_two_runs_of_one_fabric_one_waits(node):
    """The second finds what the first has made, and neither takes the other's for half-made."""
    start = node.snapshot()
    began = time.monotonic()
    node.apply(flannel())
    alone = time.monotonic() - began
    node.apply({})
    began = time.monotonic()
    children = [node.fork(lambda: node.apply(flannel())) for dummy in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    print("one alone %.2f s, four at once %.2f s" % (alone, time.monotonic() - began))
    node.settled(flannel())
    node.apply({})
    node.same(start)
