# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run does not cut the SSH connection that it came by, and what it cannot foresee is undone by itself."""

import time

from runs import eventually, failures, on, succeeded, tasks
from vms import account

DOCUMENT = "/var/lib/clusternet/fabric/document.json"
# Each document has one entry more than what stands.
WITH = """
- hosts: node2
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: clusternet.fabric.fabric, tasks_from: validate}
    - name: Build the network
      clusternet.fabric.network:
        owner: fabric
        document: "{{ mine | combine({section: mine[section] + [entry]}) }}"
        persist: true
        confirm: "{{ confirm }}"
      vars:
        mine: "{{ fabric_model | clusternet.fabric.document(inventory_hostname) }}"
        section: %s
        entry: %s
        confirm: %d
"""
CONFIRMED = """
    - ansible.builtin.import_role: {name: clusternet.fabric.fabric, tasks_from: confirm}
"""
CONFIRM = 60


def play(folder, section, entry, confirm=0):
    path = folder / "play.yml"
    path.write_text(WITH % (section, entry, confirm) + (CONFIRMED if confirm else ""))
    return path


def test_a_route_that_would_take_the_connection_is_refused(vms, tmp_path):
    before = on(vms, "node2", "ip route; cat %s" % DOCUMENT)
    # The management link leads to the controller; it is the user network's address there.
    for option in ((), ("--check",)):
        run = vms.playbook(play(tmp_path, "route", "{dst: 10.0.2.2/32, type: blackhole}"), *option)
        refused = tasks(run, "Build the network")["node2"]
        assert refused["failed"], refused
        assert "would cut the SSH connection from 10.0.2.2 that the run came by: the route to it would be blackhole instead of dev " in refused["msg"]
    assert on(vms, "node2", "ip route; cat %s" % DOCUMENT) == before


def test_taking_away_what_the_connection_comes_through_is_refused(vms, tmp_path):
    """From node1, and to an address that is the fabric's own."""
    address = on(vms, "node2", "ip -4 -o address show dev cni0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'").strip()
    through = 'ProxyCommand="ssh -F %s %s-node1 -W %s:22"' % (vms.config, vms.name, address)
    (tmp_path / "away.yml").write_text(
        "- hosts: node2\n  gather_facts: false\n  tasks:\n    - clusternet.fabric.network: {owner: fabric, document: {}}\n")
    # One that is open already would be taken instead.
    run = vms.playbook(tmp_path / "away.yml", "-e", {"ansible_ssh_common_args": "-F %s -o ProxyUseFdpass=no -o ControlPath=none -o %s" % (vms.config, through)})
    (message,) = failures(run).values()
    assert "would cut the SSH connection from " in message and "address %s would go from cni0" % address in message, message
    assert on(vms, "node2", "/usr/local/sbin/clusternet-fabric status").startswith("fabric: in sync\n")


def test_a_rule_that_blocks_ssh_is_undone_by_itself(vms, tmp_path):
    stored = on(vms, "node2", "cat " + DOCUMENT)
    drop = "{table: filter, chain: INPUT, rule: -p tcp -m tcp --dport 22 -j DROP, position: first}"
    run = vms.begin(play(tmp_path, "iptables_rule", drop, CONFIRM), log=tmp_path / "log")
    # From the arming of the timer on there are CONFIRM seconds. The run itself waits behind its own rule.
    # Twice in a row: one that is slow is not one that is blocked.
    eventually(lambda: not vms.answers("node2", 7) and not vms.answers("node2", 7), 180)
    blocked = time.monotonic()
    eventually(lambda: vms.answers("node2", 7), CONFIRM + 30)
    print("SSH was blocked for %.0f s" % (time.monotonic() - blocked))
    code = run.wait(timeout=120)
    found = account((tmp_path / "log").read_text(), code)
    # It says so: the new connection that it makes to confirm did not come through, or too late.
    assert tasks(found, "Build the network")["node2"]["unconfirmed"]
    said = tasks(found, "Keep what was changed")["node2"]
    assert said.get("unreachable") or "nothing of this fabric awaits confirmation" in said["msg"], said
    assert "DROP" not in on(vms, "node2", "iptables -S INPUT")
    assert on(vms, "node2", "cat " + DOCUMENT) == stored
    journal = on(vms, "node2", "journalctl --quiet --no-pager --output cat --unit clusternet-revert@fabric.service")
    assert "nobody confirmed what the last run changed: it is put back" in journal


def test_what_does_no_harm_is_confirmed_over_a_new_connection(vms, tmp_path):
    accept = "{table: filter, chain: INPUT, rule: -p tcp -m tcp --dport 22 -j ACCEPT, position: first}"
    run = vms.playbook(play(tmp_path, "iptables_rule", accept, 120))
    succeeded(run, ("node2",))
    assert tasks(run, "Build the network")["node2"]["unconfirmed"] and tasks(run, "Keep what was changed")["node2"]["changed"]
    assert "--dport 22 -j ACCEPT" in on(vms, "node2", "cat " + DOCUMENT)
    # And back to what the inventory says.
    succeeded(vms.playbook("playbooks/site.yml", "--limit", "node2", "--skip-tags", "verify"), ("node2",))
    assert "--dport 22" not in on(vms, "node2", "iptables -S INPUT; cat " + DOCUMENT)
