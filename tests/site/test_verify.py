# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify finds what somebody broke and names it; the site playbook mends it."""

import pytest

NODES = ("node1", "node2", "node3")
PORTS = "$(ip -o link show master cni0 | cut -d ' ' -f 2 | cut -d @ -f 1)"


def play(lab, name, *options):
    """(whether it went well, the first message of a failed task)."""
    run = lab.playbook("playbooks/%s.yml" % name, *options)
    messages = [
        str(result.get("msg")) for part in run["plays"] for task in part["tasks"] for result in task["hosts"].values() if result.get("failed")
    ]
    return not messages, "".join(messages[:1])


@pytest.fixture(scope="module", name="built")
def fixture_built(lab):
    assert play(lab, "site") == (True, "")
    return lab


def on(lab, node, script):
    done = lab.shell(node, "--", "sh", "-ec", script)
    assert done.returncode == 0, done.stdout


BROKEN = {
    "a tunnel's far ends": (
        ["node1"],
        "bridge fdb show dev flannel.1 | grep dst | while read mac dst address rest; do bridge fdb del $mac dev flannel.1 dst $address; done",
        ["FAIL  pod to pod  node1/a -> node2/a: no answer", "FAIL  pod to pod  node3/b -> node1/b: no answer"],
        ["node2/a -> node2/b", "node2/a -> node3/a"],
    ),
    "an underlay that carries less": (
        NODES,
        "ip link set eth0 mtu 1400",
        ["FAIL  full-size packets between nodes  node1 -> underlay: ", "the pods' MTU is too large for the underlay"],
        ["pod to pod"],
    ),
    "hairpin": (
        ["node2"],
        "for port in %s; do bridge link set dev $port hairpin off; done" % PORTS,
        ["FAIL  hairpin  node2/a -> node2/a: did not come back", "node2/b -> node2/b"],
        ["pod to pod", "node1/a"],
    ),
    "masquerade": (
        ["node3"],
        "iptables -t nat -F FLANNEL-POSTRTG",
        ["FAIL  pod to outside, masqueraded  node3/a -> outside: no connection"],
        ["pod to pod", "node1/a"],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_found_and_mended(built, what):
    nodes, script, named, unharmed = BROKEN[what]
    assert play(built, "site") == (True, "")
    for node in nodes:
        on(built, node, script)
    well, message = play(built, "verify")
    assert not well
    assert [text for text in named if text not in message] == [], message
    assert [text for text in unharmed if text in message] == [], message
    assert play(built, "site") == (True, "")
    for node in NODES:
        on(built, node, "ip link set eth0 mtu 1500")


def test_a_node_that_does_not_answer_is_named_and_stops_no_other(built, tmp_path):
    more = tmp_path / "more.json"
    more.write_text('{"fabric": {"hosts": {"node3": {"clusternet_lab_node": "nowhere"}}}}')
    run = built.playbook("playbooks/verify.yml", "-i", str(more))
    assert run["stats"]["node3"]["unreachable"] == 1
    (shown,) = [task["hosts"] for part in run["plays"] for task in part["tasks"] if task["task"]["name"].endswith("Show it")]
    text = shown["node1"]["msg"]
    assert "not measured: node3" in text and text.endswith("1 nodes not measured")
    assert "2 node1/b" in text and "FAIL" not in text


def test_a_node_built_alone_is_built_whole(built):
    """Peers come from the leases: a run over one node gives it all that a run over all of them does."""
    assert play(built, "teardown", "--limit", "node3") == (True, "")
    assert not play(built, "verify")[0]
    assert play(built, "site", "--limit", "node3", "--skip-tags", "verify") == (True, "")
    assert play(built, "verify") == (True, "")
