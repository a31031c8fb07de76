# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves on the disk, what a restart makes of it, and the way back of a run that nobody confirmed."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time

import engine_node
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine, errors, keeping, lockout, package, replay, store
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.keeping import Keeping
from engine_documents import CHANGES
from runs import eventually

OLD, NEW = CHANGES["VNI"]


class PowerCut(BaseException):
    """Ends a run where nothing can mend it."""


@pytest.fixture(name="disk")
def fixture_disk(tmp_path):
    """A disk that several starts of the node share."""
    for name in ("lib", "sbin"):
        (tmp_path / name).mkdir()
    return tmp_path


@contextlib.contextmanager
def machine(disk):
    """The node from one start to the next."""
    with engine_node.node():
        engine_node.sh("mount --bind %s/lib /var/lib; mount --bind %s/sbin /usr/local/sbin" % (disk, disk))
        yield


def run(document, name="blue", number=160, confirm=0, persist=True, **options):
    owner = engine_node.owner(name, number)
    return engine.apply_document(document, owner, keeping=Keeping(owner, document if persist else None, confirm), **options)


def files(disk):
    return sorted(os.path.relpath(os.path.join(folder, name), disk) for folder, dummy, names in os.walk(disk) for name in names)


def stands(document, name="blue", number=160):
    """Assert that the kernel holds exactly the document."""
    engine_node.settled(document, name, number)


def command(*arguments):
    return subprocess.run([package.PATH, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_it_is_stored_when_it_stands_and_goes_with_it(disk):
    with machine(disk):
        found = engine_node.snapshot(sysctls=False)
        assert run(OLD, check=True).stored
        assert files(disk) == []
        assert run(OLD).stored
        assert files(disk) == ["lib/clusternet/blue/document.json", "sbin/clusternet-fabric"]
        assert stat.S_IMODE(os.stat("/var/lib/clusternet/blue/document.json").st_mode) == 0o600
        again = run(OLD)
        assert not again.changed and not again.stored
        assert run(NEW).stored
        assert replay.stored_in(store.Place("blue")).document == NEW
        # An engine that has changed since is a change too, of a file alone.
        with open(package.PATH, "a", encoding="utf-8") as handle:
            handle.write("# of another version\n")
        later = run(NEW)
        assert later.changed and not later.operations
        assert not run(NEW).changed
        assert run({}).stored
        assert files(disk) == [] and os.listdir("/var/lib") == []
        engine_node.same(found, sysctls=False)


def test_kept_no_longer(disk):
    with machine(disk):
        run(OLD)
        assert run(OLD, persist=False).changed
        assert files(disk) == []
        stands(OLD)


def test_the_command_goes_with_the_last_fabric(disk):
    other = {"netns": [{"name": "other"}]}
    with machine(disk):
        run(OLD)
        run(other, "red", 161)
        run({})
        assert files(disk) == ["lib/clusternet/red/document.json", "sbin/clusternet-fabric"]
        run({}, "red", 161)
        assert files(disk) == []


def test_somebody_elses_command_is_left_alone(disk):
    with machine(disk):
        (disk / "sbin" / "clusternet-fabric").write_text("#!/bin/sh\n")
        with pytest.raises(errors.Conflict, match="/usr/local/sbin/clusternet-fabric: is there already, and not from here"):
            run(OLD)
        run(OLD, persist=False)
        run({}, persist=False)
        assert files(disk) == ["sbin/clusternet-fabric"]


def test_a_run_that_fails_leaves_what_was_stored(disk, monkeypatch):
    real = engine.Transaction

    def failing(kernel, fail_at=None):
        monkeypatch.setattr(engine, "Transaction", real)
        return real(kernel, 3)

    with machine(disk):
        for before, expected in (({}, []), (OLD, None)):
            run(before)
            was = files(disk)
            text = store.Place("blue").text()
            monkeypatch.setattr(engine, "Transaction", failing)
            with pytest.raises(engine.Failed) as error:
                run(NEW)
            assert error.value.rolled_back
            assert files(disk) == was and expected in (None, was)
            assert store.Place("blue").text() == text
            assert not os.path.exists("/run/clusternet/blue")


def test_of_a_move_in_stages_only_the_last_counts(disk):
    with machine(disk):
        run(OLD)
        text = store.Place("blue").text()
        assert run(NEW, stage="add").pending
        assert store.Place("blue").text() == text
        with pytest.raises(replay.UnderWay, match="fabric blue: a run is changing it: left alone"):
            replay.build("blue")
        assert not run(NEW, stage="change").stored
        assert run(NEW, stage="purge").stored
        assert not os.path.exists("/run/clusternet/blue")
        assert not replay.build("blue")[1].changed


EVENTS = ((store.Place, "prepare"), (store.Place, "settle"), (store, "_write"), (store, "_sync"), (store, "_discard"), (os, "rename"),
          (engine.Ledger, "write"), (engine.Transaction, "flush"))


class Cut:
    """Ends the run at the n-th of the moments before and after what writes."""

    def __init__(self, monkeypatch, moment):
        self.moment, self.seen = moment, 0
        for place, name in EVENTS:
            monkeypatch.setattr(place, name, self.around(getattr(place, name)))

    def around(self, function):
        def wrapped(*arguments, **options):
            self.tick()
            result = function(*arguments, **options)
            self.tick()
            return result
        return wrapped

    def tick(self):
        self.seen += 1
        if self.seen == self.moment:
            raise PowerCut


# As little as has something of each kind to write: there are many moments.
FEW = {"bridge": [{"name": "br0", "mtu": 1400}], "route": [{"dst": "192.0.2.0/24", "dev": "br0"}]}
OTHERS = {"bridge": [{"name": "br0", "mtu": 1300}, {"name": "br1", "mtu": 1300}], "sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}]}


def test_a_power_cut_leaves_the_one_or_the_other(disk, monkeypatch):
    moment, outcomes = 0, []
    while True:
        moment += 1
        with machine(disk):
            run(FEW)
            with monkeypatch.context() as patched:
                cut = Cut(patched, moment)
                try:
                    run(OTHERS)
                except PowerCut:
                    pass
        # Nothing of the kernel and of /run is left.
        with machine(disk):
            stored = replay.build("blue")[0].document
            assert stored in (FEW, OTHERS)
            stands(stored)
            outcomes.append("new" if stored == OTHERS else "old")
            run(OTHERS)
            assert not run(OTHERS).changed
            assert files(disk) == ["lib/clusternet/blue/document.json", "sbin/clusternet-fabric"]
        if cut.seen < moment:
            break
    # From some moment on it is the new one, and not before all of it stood.
    assert outcomes == sorted(outcomes, reverse=True) and {"old", "new"} == set(outcomes)
    assert len(outcomes) > 20


def test_the_command(disk):
    with machine(disk):
        run(OLD)
        done = command("status")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "blue: in sync"), done
        assert command("apply").stdout == ""
        device = OLD["vxlan"][0]["name"]
        engine_node.sh("ip link set %s down" % device)
        assert command("status", "--fabric", "blue").returncode == 1
        assert "blue: would change link %s\n" % device in command("check").stdout
        todo = command("commands")
        assert todo.returncode == 1 and "ip link set dev %s" % device in todo.stdout, todo
        done = command("apply")
        assert done.returncode == 0 and done.stdout.startswith("blue: built what is stored, with "), done
        stands(OLD)
        done = command("apply", "--fabric", "green")
        assert done.returncode == 2 and "fabric green: nothing of it is stored on this node" in done.stderr, done


def test_the_command_builds_all_of_it_after_a_restart(disk):
    with machine(disk):
        run(OLD)
    with machine(disk):
        engine_node.sh("ip link set eth9 down; ip address delete 198.18.0.11/20 dev eth9")
        waiting = subprocess.Popen([package.PATH, "apply", "--wait", "30"])
        time.sleep(1)
        assert waiting.poll() is None
        engine_node.sh("ip link set eth9 up; ip address add 198.18.0.11/20 dev eth9")
        assert waiting.wait(30) == 0
        stands(OLD)


def test_what_nobody_confirms_goes_back(disk):
    with machine(disk):
        run(OLD)
        changed = run(NEW, confirm=2)
        assert changed.unconfirmed and not changed.stored
        with pytest.raises(replay.UnderWay, match="awaits confirmation"):
            replay.build("blue")
        eventually(lambda: store.Place("blue").pending() is None)
        stands(OLD)
        assert replay.stored_in(store.Place("blue")).document == OLD
        with pytest.raises(errors.FabricError, match="nothing of this fabric awaits confirmation"):
            replay.confirm("blue")


def test_what_is_confirmed_stays(disk):
    with machine(disk):
        run(OLD)
        run(NEW, confirm=2)
        # A second run that finds nothing to do still has to be confirmed, and has more time for it.
        assert run(NEW, confirm=2).unconfirmed
        replay.confirm("blue")
        assert replay.stored_in(store.Place("blue")).document == NEW
        time.sleep(3)
        stands(NEW)
        assert not run(NEW, confirm=2).changed


def test_a_first_build_that_nobody_confirms_leaves_nothing(disk):
    with machine(disk):
        found = engine_node.snapshot(sysctls=False)
        run(OLD, confirm=2)
        eventually(lambda: store.Place("blue").pending() is None)
        engine_node.same(found, sysctls=False)
        assert files(disk) == []


def test_a_restart_goes_back_as_well(disk):
    with machine(disk):
        run(OLD)
        run(NEW, confirm=600)
        os.unlink("/run/clusternet/blue/pending.json")
    with machine(disk):
        assert replay.build("blue")[0].document == OLD
        stands(OLD)


def test_it_takes_something_to_go_back_to():
    with pytest.raises(errors.Invalid, match="confirm: 5: expected persist with it"):
        Keeping(engine_node.owner(), None, 5)


def test_a_run_that_would_cut_its_connection_touches_nothing(disk, monkeypatch):
    monkeypatch.setattr(lockout, "connection", lambda: ("198.18.0.99", "198.18.0.11"))
    cutting = dict(OLD, route=OLD.get("route", []) + [{"dst": "198.18.0.99/32", "type": "blackhole"}])
    with machine(disk):
        found = engine_node.snapshot(sysctls=False)
        for options in ({}, {"check": True}, {"stage": "add"}):
            with pytest.raises(errors.Conflict, match="would cut the SSH connection from 198.18.0.99 .*: the route to it would be blackhole"):
                run(cutting, **options)
        engine_node.same(found, sysctls=False)
        run(OLD)
        # What bears the connection is the fabric's own: not even the teardown takes it.
        inside = "10.244.2.9"
        monkeypatch.setattr(lockout, "connection", lambda: (inside, "198.18.0.11"))
        engine_node.sh("ip route add default via 198.18.0.1 dev eth9")
        with pytest.raises(errors.Conflict, match="would cut"):
            run({})


def test_no_systemd_here():
    """What the tests above wait for is the way without it; the lab's nodes have one."""
    with engine_node.node():
        assert not keeping._has_systemd()
