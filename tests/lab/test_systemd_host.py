# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab on a host whose PID 1 is systemd: transient units. A lab node is such a host, so this is a lab in a lab."""

import json
import sys

import pytest

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - clusternet.fabric.lab:
        name: inner
        state: "{{ state }}"
        nodes: [node1, node2]
        processes: [{name: idle, netns: node1, command: [/bin/sleep, "600"]}]
"""


@pytest.fixture(name="host")
def fixture_host(lab, request):
    lab.make_namespaces(1)
    assert lab.module(nodes=["node1"])["started"] == ["node1"]
    root = request.config.rootpath

    def run(command, **options):
        return lab.shell("node1", "--", "sh", "-c", command, **options).stdout

    def play(state):
        out = run("cd %s && ANSIBLE_STDOUT_CALLBACK=ansible.builtin.json %s -m ansible playbook /root/play.yml"
                  " -e ansible_python_interpreter=%s -e state=%s" % (root, sys.executable, sys.executable, state))
        return json.loads(out[out.index("{"):])["plays"][0]["tasks"][0]["hosts"]["localhost"]

    run("cat > /root/play.yml", input=PLAY)
    run("ip netns add inner-node1; ip netns add inner-node2")
    run.play = play
    return run


def test_life_of_a_lab_in_transient_units(host):
    everything = ["idle", "node1", "node2"]
    assert sorted(host.play("present")["started"]) == everything
    assert host.play("present")["changed"] is False
    units = host("systemctl list-units --plain --no-legend 'clusternet-lab-inner-*' | cut -d' ' -f1").split()
    assert units == ["clusternet-lab-inner-%s.service" % name for name in everything]
    assert host("systemctl show --value -p Delegate clusternet-lab-inner-node1") == "yes\n"

    host("systemctl kill --signal=KILL clusternet-lab-inner-node2; sleep 0.3")
    assert host.play("present")["started"] == ["node2"]

    host("ip netns delete inner-node1; ip netns delete inner-node2")
    assert host.play("absent")["stopped"] == everything
    assert host("systemctl list-units --all --plain --no-legend 'clusternet-lab-inner-*'") == ""
    assert host("ls -d /run/clusternet-lab /run/netns /run/systemd/nspawn 2>/dev/null") == ""
    assert host("grep -e ' /run/clusternet-lab/' -e ' /run/netns' /proc/self/mountinfo") == ""
