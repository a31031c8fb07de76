# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whoever knows Ansible expects of --tags, --limit, serial and nodes that are down."""

import pytest
from runs import NODES, SITE, VERIFY, same, stats, succeeded

TAGS = ("validate", "prepare", "apply", "services", "verify")


def hosts_of(run, part):
    """For each task of this name the hosts it ran on, in order."""
    return [sorted(task["hosts"]) for play in run["plays"] for task in play["tasks"] if task["task"]["name"].endswith(part)]


@pytest.fixture(scope="module", name="built")
def fixture_built(lab):
    succeeded(lab.playbook(SITE))
    return lab


@pytest.mark.parametrize("tag", TAGS)
def test_no_tag_takes_away_what_others_made(built, tag):
    before = built.snapshot("node3")
    run = built.playbook(SITE, "--tags", tag)
    succeeded(run)
    assert stats(run, "changed") == dict.fromkeys(NODES, 0)
    same(before, built.snapshot("node3"))


def test_a_few_nodes_at_a_time(built):
    run = built.playbook(SITE, "-e", "fabric_serial=2")
    succeeded(run)
    assert hosts_of(run, "Build the network") == [["node1", "node2"], ["node3"]]
    assert hosts_of(run, "Send packets from every pod and from the node") == [list(NODES)]


def test_a_node_that_is_down_stops_no_other(built):
    """The first node, which is the one that Ansible gives tasks of one host to."""
    before = {node: built.snapshot(node) for node in NODES[1:]}
    built.stop("node1")
    for playbook in (SITE, VERIFY):
        run = built.playbook(playbook)
        assert stats(run, "failures") == dict.fromkeys(NODES, 0), run
        assert stats(run, "unreachable") == {"node1": 1, "node2": 0, "node3": 0}
        assert stats(run, "changed") == dict.fromkeys(NODES, 0)
        assert run["returncode"] == 4
    # Its entries stay.
    for node, found in before.items():
        same(found, built.snapshot(node))

    assert built.playbook("playbooks/lab_up.yml")["returncode"] == 0
    again = built.playbook(SITE)
    succeeded(again)
    assert {node: number > 0 for node, number in stats(again, "changed").items()} == {"node1": True, "node2": False, "node3": False}
