# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation that fails, whichever it is, leaves the node as it was, by the independent snapshot."""

import pytest
from engine_documents import CHANGES, MIXED, flannel

pytestmark = pytest.mark.kernel

# /proc/sys/net is two thousand files a namespace: looked at in the ones that change it.
WITH_SYSCTLS = ("nothing to flannel", "flannel to nothing", "MTU")
SMALL = dict(pods=("a",), peers=(2,))
UNDO = dict(
    {
        "nothing to flannel": ({}, flannel(**SMALL)),
        "flannel to nothing": (flannel(**SMALL), {}),
        "VNI": (flannel(**SMALL), flannel(vni=2, **SMALL)),
        "MTU": (flannel(**SMALL), flannel(mtu=1200, **SMALL)),
        "bridge renamed": (flannel(**SMALL), flannel(bridge="cni1", **SMALL)),
        "subnet": (flannel(**SMALL), flannel(subnet=9, **SMALL)),
    },
    **{name: CHANGES[name] for name in ("nothing to mixed", "mixed to nothing", "pod removed")}
)


@pytest.mark.parametrize("name", UNDO)
def test_a_failure_at_every_operation(node, name):
    before, after = UNDO[name]
    node.apply(before)
    sysctls = name in WITH_SYSCTLS
    start = node.snapshot(sysctls)
    operations = node.apply(after, check=True).operations
    for number, operation in enumerate(operations):
        with pytest.raises(Exception) as caught:
            node.apply(after, fail_at=number)
        assert str(caught.value).startswith("%s: made to fail by a test. Nothing is changed" % operation), number
        assert caught.value.rolled_back is True
        found = node.differences(start, node.snapshot(sysctls))
        assert not found, "after a failure at operation %d (%s):\n%s" % (number, operation, "\n".join(found))
    # And what is there is still what the engine takes for its own.
    node.settled(before)
    node.apply(after)
    node.settled(after)


@pytest.mark.parametrize("stage", ["add", "change"])
@pytest.mark.parametrize("name", ["nothing to flannel", "VNI", "subnet", "masquerade off"])
def test_a_failure_in_a_stage(node, name, stage):
    before, after = dict(UNDO, **CHANGES)[name]
    node.apply(before)
    if stage == "change" and before:
        node.apply(after, stage="add")
    start = node.snapshot(sysctls=False)
    operations = node.apply(after, stage=stage, check=True).operations
    assert operations or name == "masquerade off"
    for number, operation in enumerate(operations):
        with pytest.raises(Exception, match="made to fail by a test. Nothing is changed"):
            node.apply(after, stage=stage, fail_at=number)
        found = node.differences(start, node.snapshot(sysctls=False))
        assert not found, "after a failure at operation %d (%s):\n%s" % (number, operation, "\n".join(found))


def test_what_the_kernel_refuses_is_put_back(node):
    node.apply(flannel())
    start = node.snapshot()
    unreachable = flannel()
    unreachable["route"].append({"dst": "192.0.2.0/24", "via": "203.0.113.9", "dev": "cni0"})
    with pytest.raises(Exception) as caught:
        node.apply(unreachable)
    assert str(caught.value) == (
        "add route 192.0.2.0/24: Nexthop has invalid gateway (Network is unreachable). "
        "Nothing is changed: what was done before it is put back"
    )
    node.same(start)


def test_what_the_kernel_refuses_at_the_first_run_is_put_back(node):
    """A VXLAN device comes up only when its UDP port is free."""
    start = node.snapshot()
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 8472))
        with pytest.raises(Exception, match="change link flannel.1: .*Address already in use.*Nothing is changed"):
            node.apply(flannel())
        node.same(start)
    node.apply(flannel())


def test_the_messages_after_a_refused_one_are_put_back_as_well(node):
    """They are packed: the kernel carries out those that follow all the same."""
    document = {"bridge": [{"name": "br0"}], "address": [{"dev": "br0", "address": "10.0.0.1/24"}]}
    node.apply(document)
    start = node.snapshot()
    document["route"] = [{"dst": "10.1.%d.0/24" % n, "via": "10.0.0.9" if n != 20 else "10.99.0.9", "dev": "br0"} for n in range(60)]
    with pytest.raises(Exception, match="add route 10.1.20.0/24: Nexthop has invalid gateway"):
        node.apply(document)
    node.same(start)


def test_what_iptables_refuses_in_the_second_table_is_put_back_in_the_first(node, monkeypatch):
    """Each table is committed by itself, so one can be in place when the next one fails."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import transaction

    node.apply(flannel(masquerade=False))
    start = node.snapshot()
    original = transaction.Transaction.restore

    def restore(self, netns, version, table, line):
        original(self, netns, version, table, line.replace("MASQUERADE --random-fully", "NO-SUCH-TARGET"))

    monkeypatch.setattr(transaction.Transaction, "restore", restore)
    with pytest.raises(Exception, match="NO-SUCH-TARGET.*Nothing is changed"):
        node.apply(flannel())
    monkeypatch.undo()
    node.same(start)


def test_what_does_not_stick_is_said_and_put_back(node, monkeypatch):
    """Somebody takes away what was just made, before the engine reads again."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine

    start = node.snapshot()
    original = engine.Transaction.run

    def run(self, operations):
        original(self, operations)
        node.sh("ip route del 10.244.2.0/24 || true")

    monkeypatch.setattr(engine.Transaction, "run", run)
    with pytest.raises(Exception, match="add route 10.244.2.0/24: the kernel took it and does not hold it"):
        node.apply(flannel())
    monkeypatch.undo()
    node.same(start)


def test_a_namespace_comes_back_with_what_is_in_it(node):
    """Also with what no document says: processes, sysctls, foreign routes."""
    node.apply(MIXED)
    node.sh("ip -n p route add 198.51.100.0/24 dev y1; ip netns exec p sysctl -qw net/ipv4/conf/y1/rp_filter=2")
    sleeper = node.sh("ip netns exec p sh -c 'sleep 30 >/dev/null 2>&1 & echo $!'").strip()
    start = node.snapshot()
    operations = node.apply({}, check=True).operations
    last = [str(operation) for operation in operations].index("remove namespace p")
    assert last == len(operations) - 1
    original_count = 0
    try:
        two = dict(MIXED, netns=[{"name": "p"}, {"name": "q"}])
        node.apply(two)
        with pytest.raises(Exception, match="remove namespace q: made to fail"):
            node.apply({}, fail_at=len(operations))
        original_count = int(node.sh("ip netns pids p | wc -l"))
        node.apply(MIXED)
        found = node.differences(start, node.snapshot())
        # The veth went with its other end, and what stood on it that is in no document: a foreign route of a pod.
        assert found == [] or all("rp_filter" in line or "198.51.100.0" in line for line in found), found
    finally:
        node.sh("kill %s" % sleeper)
    assert original_count == 1


def test_others_are_left_alone_while_all_is_put_back(node, monkeypatch):
    """What somebody else removes during a run that fails stays removed."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine

    node.sh("ip link add c0 type veth peer name c1; ip link set c0 up; ip route add 203.0.113.0/24 dev eth9 proto 99")
    original = engine.Transaction.run

    def run(self, operations):
        if self._fail_at is not None:
            node.sh("ip link delete c0; ip route del 203.0.113.0/24")
        original(self, operations)

    monkeypatch.setattr(engine.Transaction, "run", run)
    with pytest.raises(Exception, match="made to fail"):
        node.apply(flannel(), fail_at=20)
    assert " c0@" not in node.sh("ip link") and "203.0.113.0" not in node.sh("ip route")


def test_addresses_come_back_in_their_order(node):
    """The first of a subnet is its primary one; the first of all is the source of what goes elsewhere."""
    def document(*hosts):
        return {"bridge": [{"name": "b"}], "address": [{"dev": "b", "address": host} for host in hosts]}

    before = document("10.0.0.3/24", "10.1.0.1/24", "10.0.0.2/24", "10.0.0.1/24")
    for after in (document("10.0.0.3/24", "10.0.0.1/24"), document("10.1.0.1/24", "10.0.0.1/24"), document("10.0.0.9/24")):
        node.apply(before)
        start = node.snapshot()
        for number in range(len(node.apply(after, check=True).operations)):
            with pytest.raises(Exception, match="Nothing is changed"):
                node.apply(after, fail_at=number)
            node.same(start)
        node.apply({})
