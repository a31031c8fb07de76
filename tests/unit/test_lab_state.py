# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a lab's processes, and when it is believed."""

import json
import os
import subprocess

import pytest

from ansible_collections.clusternet.fabric.plugins.module_utils import _lab


@pytest.fixture(name="lab")
def fixture_lab(tmp_path, monkeypatch):
    monkeypatch.setattr(_lab, "STATE_DIR", str(tmp_path))
    (tmp_path / "x").mkdir()
    return "x"


def change(lab, **fields):
    with open(_lab.record_path(lab, "node1"), encoding="utf-8") as handle:
        record = json.load(handle)
    record.update(fields)
    with open(_lab.record_path(lab, "node1"), "w", encoding="utf-8") as handle:
        json.dump(record, handle)


def test_a_running_process_is_found(lab):
    _lab.write_record(lab, "node1", os.getpid(), kind="node")
    assert _lab.read_record(lab, "node1")["kind"] == "node"
    assert _lab.leader(lab, "node1") == os.getpid()


@pytest.mark.parametrize("fields", [{"start": 1}, {"boot_id": "another boot"}, {"pid": "text"}])
def test_a_recycled_pid_is_not_the_node(lab, fields):
    _lab.write_record(lab, "node1", os.getpid())
    change(lab, **fields)
    assert _lab.read_record(lab, "node1") is None
    with pytest.raises(_lab.NotRunning, match='node "node1" of lab "x" is down'):
        _lab.leader(lab, "node1")


def test_a_half_written_record_is_no_record(lab):
    with open(_lab.record_path(lab, "node1"), "w", encoding="utf-8") as handle:
        handle.write('{"pid": 1')
    assert _lab.read_record(lab, "node1") is None


def test_a_node_that_never_was(lab):
    with pytest.raises(_lab.NotRunning, match="does not exist .* run playbooks/lab_up.yml"):
        _lab.leader(lab, "node1")


def test_a_zombie_does_not_run():
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert _lab.start_time(child.pid) is None


def test_a_process_that_ended_is_not_remembered(lab):
    with subprocess.Popen(["true"]) as child:
        child.wait()
    with pytest.raises(_lab.NotRunning):
        _lab.write_record(lab, "node1", child.pid)


def test_names_with_parentheses_do_not_confuse(tmp_path):
    program = tmp_path / "a) (b"
    os.symlink("/bin/sleep", program)
    with subprocess.Popen([str(program), "60"]) as child:
        try:
            assert _lab.start_time(child.pid) >= _lab.start_time(os.getpid())
        finally:
            child.kill()


@pytest.mark.parametrize("name", ["lab", "a", "lab-2", "x" * 24])
def test_good_names(name):
    assert _lab.NAME_PATTERN.match(name)


@pytest.mark.parametrize("name", ["", "2lab", "Lab", "a_b", "a/b", "..", "x" * 25, "a b", "lab\n"])
def test_bad_names(name):
    assert not _lab.NAME_PATTERN.match(name)
