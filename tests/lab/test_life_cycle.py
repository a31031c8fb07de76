# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole lab from lab_up.yml to lab_down.yml, and the host that notices nothing of it."""

import json
import os
import signal
import subprocess
import sys

import pytest

ASK_OUTSIDE = "import socket; print(socket.create_connection(('198.18.32.2', 8080), 5).makefile().read(), end='')"


def changed(result):
    """Tasks that changed something; fails where one failed."""
    stats = result["stats"]["localhost"]
    tasks = {task["task"]["name"]: task["hosts"]["localhost"] for play in result["plays"] for task in play["tasks"]}
    assert stats["failures"] == stats["unreachable"] == 0, [task.get("msg") for task in tasks.values()]
    return [name for name, task in tasks.items() if task.get("changed")]


@pytest.fixture(name="host_kernel")
def fixture_host_kernel(request):
    """The host's own network namespace, as a function of time."""
    program = str(request.config.rootpath / "tests" / "support" / "snapshot.py")

    def take():
        done = subprocess.run([sys.executable, program, "take", "--kernel", "--netns"], capture_output=True, check=True)
        return json.loads(done.stdout)

    return take


def test_life_cycle(lab, host_kernel):
    before = host_kernel()

    assert changed(lab.playbook("playbooks/lab_up.yml", "--check"))
    assert lab.traces() == []

    assert changed(lab.playbook("playbooks/lab_up.yml"))
    assert changed(lab.playbook("playbooks/lab_up.yml")) == []
    assert host_kernel() == before

    # Across the segments, and out; the outside has no way to anything but the segments.
    assert lab.shell("node1", "--", "ping", "-c1", "-W2", "198.18.16.13").returncode == 0
    for node, address in (("node1", "198.18.0.11"), ("node3", "198.18.16.13")):
        assert lab.shell(node, "--", "python3", "-c", ASK_OUTSIDE).stdout == address + "\n"
    assert lab.shell("--netns", "outside", "--", "ip", "route", "get", "10.244.1.1").returncode != 0

    # A dead node, a pulled cable and a dead outside service are put right; the rest is left alone.
    kept = lab.pid("node1")
    os.kill(lab.pid("node2"), signal.SIGKILL)
    os.kill(lab.pid("outside"), signal.SIGKILL)
    subprocess.run(["ip", "-n", lab.name + "-switch", "link", "delete", "dev", "node3"], check=True)
    assert changed(lab.playbook("playbooks/lab_up.yml"))
    assert lab.pid("node1") == kept
    assert lab.shell("node2", "--", "ping", "-c1", "-W2", "198.18.16.13").returncode == 0
    assert lab.shell("node3", "--", "python3", "-c", ASK_OUTSIDE).stdout == "198.18.16.13\n"

    # Fewer nodes: the third goes with its namespace.
    assert changed(lab.playbook("playbooks/lab_up.yml", nodes=2))
    assert [trace for trace in lab.traces() if "node3" in trace] == []

    assert changed(lab.playbook("playbooks/lab_down.yml"))
    assert lab.traces() == []
    assert changed(lab.playbook("playbooks/lab_down.yml")) == []
    assert host_kernel() == before


def test_two_labs_side_by_side(make_lab):
    first, second = make_lab(), make_lab("b")
    for lab in (first, second):
        assert changed(lab.playbook("playbooks/lab_up.yml", nodes=1))
    assert changed(second.playbook("playbooks/lab_down.yml", nodes=1))
    assert second.traces() == []
    assert changed(first.playbook("playbooks/lab_up.yml", nodes=1)) == []
    assert first.shell("node1", "--", "python3", "-c", ASK_OUTSIDE).stdout == "198.18.0.11\n"
    assert changed(first.playbook("playbooks/lab_down.yml", nodes=1))
