# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at whatever moment is finished by the next one; two at once wait for each other."""

import contextlib
import fcntl
import os
import random
import signal
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.transaction import Transaction
from engine_documents import MIXED, flannel, sets

pytestmark = pytest.mark.kernel

SEED = int(os.environ.get("CLUSTERNET_SEED", "20260"))
KILLS = int(os.environ.get("CLUSTERNET_ENGINE_KILLS", "15"))


def wait(child, seconds=30):
    """Its exit status; killed where it does not end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("a run did not end within %d s" % seconds)


def killed_inside(node, document, moment):
    """Whether a run was killed while it carried out its plan, `moment` seconds after it had begun with that; and how long that took
    where it was not, or 0."""
    reader, writer = os.pipe()

    def run():
        original = Transaction.run

        def told(self, operations):
            os.write(writer, b"(")
            began = time.monotonic()
            original(self, operations)
            os.write(writer, b"%f)" % (time.monotonic() - began))

        Transaction.run = told  # only in the child
        node.apply(document)

    child = node.fork(run)
    os.close(writer)
    if os.read(reader, 1):  # nothing where there was nothing to do, and the child has ended
        time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = wait(child)
    with os.fdopen(reader, "rb") as said:
        took = said.read().partition(b")")[0]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and not took, float(took or 0)


def test_killed_at_random_moments(node):
    """Every other kill meets what the one before it has left half-made. `make engine-kills` does a hundred."""
    start = node.snapshot()
    documents = [flannel(), MIXED, {}, flannel(vni=2, pods=("b", "c")), flannel(mtu=1300), sets()]
    dice, killed, halfway, late, lengths = random.Random(SEED), 0, 0, 0, {}
    for number in range(KILLS * 6):
        document = documents[number % len(documents)]
        whole = len(node.apply(document, check=True).operations)
        move = number % len(documents)
        early, took = killed_inside(node, document, dice.uniform(0, lengths.get(move, 0.1)))
        # What a move takes is another thing on another machine and at another hour, and after another kill.
        lengths[move] = took * 1.1 if took else lengths.get(move, 0.1) * 1.05
        killed, late = killed + early, late + (not early)
        halfway += early and 0 < len(node.apply(document, check=True).operations) < whole
        if number % 2:
            node.apply(document)
            node.settled(document)
        if number % 10 == 9 or killed >= KILLS:
            node.apply({})
            node.same(start)  # nothing half-made is left
        if killed >= KILLS:
            break
    print("%d runs killed inside apply, %d of them with a part done and a part not; %d had ended before" % (killed, halfway, late))
    assert killed >= KILLS and halfway >= KILLS // 3
    node.apply(flannel())
    node.settled(flannel())
    node.apply({})
    node.same(start)


@pytest.mark.parametrize("before, after", [({}, flannel()), (flannel(), {}), (flannel(), MIXED)], ids=["made", "removed", "changed"])
def test_killed_at_each_operation_and_then_torn_down(node, before, after):
    """At up to eight operations or so, between the ones before it and its own."""
    start = node.snapshot(sysctls=False)
    node.apply(before)
    count = len(node.apply(after, check=True).operations)

    for number in range(0, count, max(3, count // 8)):
        def run(number=number):
            # Only in the child.
            Transaction._failed = lambda self, error: os.kill(os.getpid(), signal.SIGKILL)
            node.apply(after, fail_at=number)

        assert os.WIFSIGNALED(wait(node.fork(run))), number
        if number % 2:
            node.apply(after)
            node.settled(after)
        node.apply({})
        node.same(start, sysctls=False)
        node.apply(before)


@pytest.mark.parametrize("call", ["mount", "unshare", "umount2"])
def test_killed_while_a_namespace_is_made_or_removed(node, call):
    """Between the file, the namespace and its mark; between the end of the mount and the file's."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import kernel

    start = node.snapshot(sysctls=False)
    document = {"netns": [{"name": "n1"}, {"name": "n2"}]}
    for late in (False, True):
        def run(late=late):
            original = kernel._call

            def dying(name, *arguments):
                about = name == call and (name != "mount" or arguments[1].endswith(b"n2"))
                if about and not late:
                    os.kill(os.getpid(), signal.SIGKILL)
                original(name, *arguments)
                if about and late:
                    os.kill(os.getpid(), signal.SIGKILL)

            kernel._call = dying
            node.apply(document if call != "umount2" else {})

        if call == "umount2":
            node.apply(document)
        assert os.WIFSIGNALED(wait(node.fork(run)))
        if late:
            node.apply(document)
            node.settled(document)
        node.apply({})
        node.same(start, sysctls=False)


def test_two_runs_at_once_wait_for_each_other(node):
    children = [node.fork(lambda document=document: node.apply(document)) for document in [flannel(), MIXED] * 3]
    assert [wait(child) for child in children] == [0] * 6
    # Whichever came last, the node holds one of the two and nothing of the other.
    held = [document for document in (flannel(), MIXED) if not node.apply(document, check=True).changed]
    assert len(held) == 1


def test_a_run_waits_for_the_lock(node):
    with open_folder("/run") as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)

        def run():
            os.close(folder)  # a copy would hold the lock as well
            node.apply({"bridge": [{"name": "br5"}]})

        child = node.fork(run)
        time.sleep(0.3)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        assert "br5" not in node.sh("ip link")
    assert wait(child) == 0
    assert "br5" in node.sh("ip link")


@contextlib.contextmanager
def open_folder(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
