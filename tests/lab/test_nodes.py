# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes from boot to end, by module lab alone: their namespaces are bare."""

import os
import signal
import subprocess
import time

import pytest

NODES = ["node1", "node2", "node3"]


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited %d s in vain" % seconds
        time.sleep(0.02)


def running(pid):
    """Runs, and is no zombie that the host's init has yet to collect."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as handle:
            return bool(handle.read())
    except OSError:
        return False


@pytest.fixture(name="up")
def fixture_up(lab):
    lab.make_namespaces(3)
    result = lab.module(nodes=NODES)
    assert result["started"] == NODES, result
    return lab


def test_up_again_changes_nothing(up):
    pids = [up.pid(node) for node in NODES]
    assert up.module(nodes=NODES)["changed"] is False
    assert [up.pid(node) for node in NODES] == pids


def test_check_mode_tells_and_does_nothing(lab):
    lab.make_namespaces(1)
    result = lab.module("--check", "--diff", nodes=["node1"])
    assert (result["changed"], result["started"], result["diff"]["after"]) == (True, ["node1"], "node1\n")
    assert not lab.folder.exists()


def test_a_node_is_a_machine_of_its_own(up):
    assert up.shell("node1", "--", "hostname").stdout == "node1\n"
    ids = {up.shell(node, "--", "cat", "/etc/machine-id", "/var/lib/dbus/machine-id").stdout for node in NODES}
    assert len(ids) == len(NODES)
    key = "/proc/sys/net/ipv4/neigh/lo/retrans_time_ms"
    found = up.shell("node1", "--", "cat", key).stdout
    script = "echo 4000 > %s; cat %s; ls /sys/class/net" % (key, key)
    assert up.shell("node1", "--", "sh", "-c", script).stdout == "4000\nlo\n"
    assert up.shell("node2", "--", "cat", key).stdout == found
    up.shell("node1", "--", "sh", "-c", "touch /etc/here /run/here /root/here")
    assert up.shell("node2", "--", "sh", "-c", "ls /etc/here /run/here /root/here 2>/dev/null").stdout == ""
    assert not os.path.exists("/etc/here")


def test_units_of_one_name_in_two_nodes_do_not_know_each_other(up):
    for node in NODES[:2]:
        assert up.shell(node, "--", "systemd-run", "--quiet", "--unit=sleeper", "sleep", "600").returncode == 0
    assert up.shell("node1", "--", "systemctl", "stop", "sleeper").returncode == 0
    assert up.shell("node1", "--", "pgrep", "-x", "sleep").stdout == ""
    assert up.shell("node2", "--", "systemctl", "is-active", "sleeper").stdout == "active\n"
    assert "sleeper.service" in up.shell("node2", "--", "systemd-cgls", "--no-pager").stdout
    assert "Stopped sleeper.service" in up.shell("node1", "--", "journalctl", "--no-pager", "--unit=sleeper").stdout


def test_what_the_host_has_enabled_stays_off(up):
    listed = up.shell("node1", "--", "systemctl", "list-units", "--plain", "--no-legend", "--type=timer,service").stdout
    for name in ("postgresql", "apt-daily", "systemd-timesyncd", "ssh", "nftables", "man-db"):
        assert name not in listed


def test_a_killed_node_is_recognised_and_recovered(up):
    pids = {node: up.pid(node) for node in NODES}
    os.kill(pids["node2"], signal.SIGKILL)
    wait_for(lambda: not running(pids["node2"]))
    assert "is down" in up.shell("node2", "--", "true").stdout
    result = up.module(nodes=NODES)
    assert (result["started"], result["stopped"]) == (["node2"], ["node2"])
    assert [up.pid(node) for node in ("node1", "node3")] == [pids["node1"], pids["node3"]]
    assert up.shell("node2", "--", "hostname").stdout == "node2\n"


def test_a_node_whose_namespace_was_made_anew_is_booted_again(up):
    subprocess.run(["ip", "netns", "delete", up.name + "-node3"], check=True)
    subprocess.run(["ip", "netns", "add", up.name + "-node3"], check=True)
    assert up.module(nodes=NODES)["started"] == ["node3"]


def test_fewer_nodes(up):
    assert up.module(nodes=NODES[:1])["stopped"] == ["node2", "node3"]
    assert sorted(path.name for path in (up.folder / "fs").iterdir()) == ["node1"]


def test_absent_leaves_nothing(up):
    assert up.module("--check", state="absent")["changed"] is True
    assert up.shell("node1", "--", "true").returncode == 0
    assert up.module(state="absent")["changed"] is True
    assert [trace for trace in up.traces() if "netns" not in trace] == []
    assert up.module(state="absent")["changed"] is False


def test_absent_succeeds_under_somebodys_feet(up):
    with subprocess.Popen(["sleep", "60"], cwd=str(up.folder / "fs" / "node1" / "root")) as stranger:
        try:
            up.module(state="absent")
            assert [trace for trace in up.traces() if "netns" not in trace] == []
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.parametrize("moment", ["node1/root", "node2/upper/etc/hostname", "../node1.json"])
def test_what_a_killed_run_left_is_cleared(lab, moment):
    lab.make_namespaces(3)
    # Two at a time, so that the run can be killed before the third has begun.
    with lab.begin(nodes=NODES, at_once=2) as run:
        wait_for((lab.folder / "fs" / moment).exists)
        os.killpg(run.pid, signal.SIGKILL)
    result = lab.module(nodes=NODES)
    assert result.get("failed") is None, result
    assert {node: lab.shell(node, "--", "hostname").stdout.strip() for node in NODES} == {node: node for node in NODES}
    lab.module(state="absent")
    assert [trace for trace in lab.traces() if "netns" not in trace] == []


def test_a_killed_run_can_also_be_taken_down(lab):
    lab.make_namespaces(3)
    with lab.begin(nodes=NODES) as run:
        wait_for((lab.folder / "node2.log").exists)
        os.killpg(run.pid, signal.SIGKILL)
    assert lab.module(state="absent")["changed"] is True
    assert [trace for trace in lab.traces() if "netns" not in trace] == []


def test_two_labs_side_by_side(up, make_lab):
    other = make_lab("b")
    other.make_namespaces(1)
    assert other.module(nodes=["node1"])["started"] == ["node1"]
    assert other.module(state="absent")["stopped"] == ["node1"]
    assert up.module(nodes=NODES)["changed"] is False


def test_a_missing_namespace_is_named_before_anything_starts(lab):
    lab.make_namespaces(1)
    result = lab.module(nodes=["node1", "node2"])
    assert result["failed"] and "/run/netns/%s-node2" % lab.name in result["msg"]
    assert not lab.folder.exists()


@pytest.mark.parametrize("arguments", [{"nodes": ["a b"]}, {"nodes": ["fs"]}, {"nodes": ["n", "n"]}])
def test_bad_names_are_refused(lab, arguments):
    assert lab.module(**arguments)["failed"]
    assert not lab.folder.exists()


def test_processes_are_kept_and_ended(lab):
    lab.make_namespaces(1)
    process = {"name": "sleeper", "netns": "node1", "command": ["/bin/sleep", "600"]}
    assert lab.module(processes=[process])["started"] == ["sleeper"]
    assert lab.module(processes=[process])["changed"] is False
    pid = lab.pid("sleeper")
    process["command"] = ["/bin/sleep", "601"]
    result = lab.module(processes=[process])
    assert (result["started"], result["stopped"]) == (["sleeper"], ["sleeper"])
    assert not running(pid)
    assert os.path.samefile("/proc/%d/ns/net" % lab.pid("sleeper"), "/run/netns/%s-node1" % lab.name)
    assert lab.module(processes=[])["stopped"] == ["sleeper"]


def test_a_process_that_cannot_run_is_reported_with_its_own_words(lab):
    lab.make_namespaces(1)
    result = lab.module(processes=[{"name": "broken", "netns": "node1", "command": ["/bin/ls", "/no/such"]}])
    assert "process broken ended at once" in result["msg"] and "/no/such" in result["msg"]
    assert lab.module(state="absent")["stopped"] == []
