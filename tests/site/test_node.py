# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node does by itself: build its part again after a restart, mend it, and go back from what nobody confirmed."""

import json
import time

import pytest
from runs import NODES, SITE, TEARDOWN, eventually, on, same, succeeded, tasks

COMMAND = "/usr/local/sbin/clusternet-fabric"

# What a restart takes from a machine, as far as it can be taken from one that runs.
FORGET = """
systemctl stop clusternet-fabric-a.service
ip netns delete a; ip netns delete b; ip link delete flannel.1; ip link delete cni0
for table in filter nat; do iptables -t $table -F; iptables -t $table -X; done
sysctl -qw net.ipv4.ip_forward=0
rm -rf /run/clusternet /run/flannel
"""
# What systemd does at the start of one.
START = """
systemctl daemon-reload
systemd-tmpfiles --create /etc/tmpfiles.d/clusternet-fabric.conf
systemctl show --property Wants --value multi-user.target | tr ' ' '\\n' | grep '^clusternet' | xargs systemctl start
"""
# A change that somebody comes to regret, and nobody confirms.
REGRETTED = """
- hosts: node1
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: clusternet.fabric.fabric, tasks_from: validate}
    - clusternet.fabric.network:
        owner: fabric
        document: "{{ mine | combine({'iptables_rule': mine.iptables_rule + [drop]}) }}"
        persist: true
        confirm: 20
      vars:
        mine: "{{ fabric_model | clusternet.fabric.document(inventory_hostname) }}"
        drop: {table: filter, chain: INPUT, rule: -p tcp -m tcp --dport 22 -j DROP, position: first}
"""


def changed(run):
    succeeded(run)
    return {host: counted["changed"] for host, counted in run["stats"].items()}


@pytest.fixture(scope="module", name="built")
def fixture_built(lab):
    """The network, on nodes that are as they were found when all tests are over."""
    found = {node: lab.snapshot(node) for node in NODES}
    # Each node confirms, over a connection of its own.
    run = lab.playbook(SITE, "--skip-tags", "verify", "-e", "fabric_confirm=120")
    succeeded(run)
    assert all(result["unconfirmed"] for result in tasks(run, "Build the network").values())
    assert all(result["changed"] for result in tasks(run, "Keep what was changed").values())
    yield lab
    succeeded(lab.playbook(TEARDOWN))
    for node, before in found.items():
        same(before, lab.snapshot(node))
        on(lab, node, "test ! -e %s" % COMMAND)


def test_a_restart_needs_no_run(built):
    for node in NODES[:2]:
        on(built, node, FORGET)
        assert "fabric: would add namespace a\n" in built.shell(node, "--", COMMAND, "check").stdout
    for node in NODES[:2]:
        on(built, node, START)
        eventually(lambda node=node: "active\n" == built.shell(node, "--", "systemctl", "is-active", "clusternet-fabric-a.service").stdout)
        assert on(built, node, COMMAND + " status").startswith("fabric: in sync\n")
    # With the proof at its end.
    assert changed(built.playbook(SITE)) == dict.fromkeys(NODES, 0)
    # The units that came back without a run are still the fabric's: the teardown of the fixture has to stop them.
    on(built, "node1", FORGET + START)


def test_the_timer_mends_and_is_silent_where_there_is_nothing(built):
    healing = ("--limit", "node1", "--skip-tags", "verify", "-e", "fabric_self_heal=5")
    assert changed(built.playbook(SITE, *healing))["node1"] > 0
    assert changed(built.playbook(SITE, *healing))["node1"] == 0
    pid = on(built, "node1", "systemctl show --property MainPID --value clusternet-fabric-a.service")
    on(built, "node1", "ip link set flannel.1 down")
    eventually(lambda: "fabric: in sync" in built.shell("node1", "--", COMMAND, "status").stdout)
    time.sleep(6)
    journal = on(built, "node1", "journalctl --quiet --no-pager --output cat --unit clusternet-heal@fabric.service").splitlines()
    assert journal[0].startswith("fabric: built what is stored, with ") and "fabric: ip link set dev flannel.1 up" in journal, journal
    assert all(line.startswith("fabric: ") for line in journal) and len(journal) == len(set(journal)), journal
    assert on(built, "node1", "systemctl show --property MainPID --value clusternet-fabric-a.service") == pid
    # Without the variable, the next run takes the timer away.
    assert changed(built.playbook(SITE, *healing[:4]))["node1"] > 0
    assert on(built, "node1", "systemctl list-units --all --plain --no-legend 'clusternet-heal@*'") == ""


def test_what_nobody_confirms_is_put_back(built, tmp_path):
    (tmp_path / "change.yml").write_text(REGRETTED)
    document = on(built, "node1", "cat /var/lib/clusternet/fabric/document.json")
    changed(built.playbook(tmp_path / "change.yml"))
    on(built, "node1", "iptables -S INPUT | grep -e '--dport 22 .*-j DROP'")
    assert built.shell("node1", "--", COMMAND, "apply").returncode == 75
    eventually(lambda: "DROP" not in on(built, "node1", "iptables -S INPUT"))
    eventually(lambda: on(built, "node1", "systemctl list-units --all --plain --no-legend 'clusternet-revert@*'") == "")
    journal = on(built, "node1", "journalctl --quiet --no-pager --output cat --unit clusternet-revert@fabric.service")
    assert "nobody confirmed what the last run changed: it is put back" in journal
    assert on(built, "node1", "cat /var/lib/clusternet/fabric/document.json") == document
    assert json.loads(document)["owner"] == "fabric"
    assert changed(built.playbook(SITE, "--limit", "node1", "--skip-tags", "verify"))["node1"] == 0
