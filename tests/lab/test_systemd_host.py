# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab on a host whose PID 1 is systemd: transient units. A lab node is such a host, so this is a lab in a lab."""

import json

import pytest
from lab import BIN, answer

INNER = {"name": "inner", "nodes": ["node1", "node2"], "processes": [{"name": "idle", "netns": "node1", "command": ["/bin/sleep", "600"]}]}


@pytest.fixture(name="host")
def fixture_host(lab):
    lab.make_namespaces(1)
    assert lab.module(nodes=["node1"])["started"] == ["node1"]

    def run(command):
        return lab.shell("node1", "--", "sh", "-c", command).stdout

    def module(state):
        return answer([str(BIN / "ansible"), "-i", "inventory/lab", "node1", "-m", "clusternet.fabric.lab", "-a", json.dumps(dict(INNER, state=state))],
                      "node1", CLUSTERNET_LAB_NAME=lab.name, CLUSTERNET_LAB_NODES="1")

    run("ip netns add inner-node1; ip netns add inner-node2")
    run.module = module
    return run


def test_life_of_a_lab_in_transient_units(host):
    everything = ["idle", "node1", "node2"]
    assert sorted(host.module("present")["started"]) == everything
    assert host.module("present")["changed"] is False
    units = host("systemctl list-units --plain --no-legend 'clusternet-lab-inner-*' | cut -d' ' -f1").split()
    assert units == ["clusternet-lab-inner-%s.service" % name for name in everything]
    assert host("systemctl show --value -p Delegate clusternet-lab-inner-node1") == "yes\n"

    host("systemctl kill --signal=KILL clusternet-lab-inner-node2; sleep 0.3")
    assert host.module("present")["started"] == ["node2"]

    host("ip netns delete inner-node1; ip netns delete inner-node2")
    assert host.module("absent")["stopped"] == everything
    assert host("systemctl list-units --all --plain --no-legend 'clusternet-lab-inner-*'") == ""
    assert host("ls -d /run/clusternet-lab /run/netns /run/systemd/nspawn 2>/dev/null") == ""
    assert host("grep -e ' /run/clusternet-lab/' -e ' /run/netns' /proc/self/mountinfo") == ""
