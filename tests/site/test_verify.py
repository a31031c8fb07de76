# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify finds what somebody broke and names it; the site playbook mends it."""

import pytest
from runs import NODES, on

PORTS = "$(ip -o link show master cni0 | cut -d ' ' -f 2 | cut -d @ -f 1)"


def play(lab, name, *options):
    """(whether it went well, the first message of a failed task)."""
    run = lab.playbook("playbooks/%s.yml" % name, *options)
    messages = [
        str(result.get("msg")) for part in run["plays"] for task in part["tasks"] for result in task["hosts"].values() if result.get("failed")
    ]
    return not messages, "".join(messages[:1])


def works(lab, name, *options):
    well, message = play(lab, name, *options)
    assert well, message


@pytest.fixture(scope="module", name="built")
def fixture_built(lab):
    works(lab, "site")
    return lab


# What somebody breaks on a node, and what is said of it.
BROKEN = {
    "node1": (
        "bridge fdb show dev flannel.1 | grep dst | while read mac dst address rest; do bridge fdb del $mac dev flannel.1 dst $address; done",
        ["pod to pod  node1/a -> node2/a: no answer", "pod to pod  node3/b -> node1/b: no answer"]),
    "node2": (
        "for port in %s; do bridge link set dev $port hairpin off; done" % PORTS,
        ["hairpin  node2/a -> node2/a: did not come back", "hairpin  node2/b -> node2/b: did not come back"]),
    "node3": (
        "iptables -t nat -F FLANNEL-POSTRTG",
        ["pod to outside, masqueraded  node3/a -> outside: no connection"]),
}  # fmt: skip
UNHARMED = ["node2/a -> node2/b", "node2/a -> node3/a", "hairpin  node1", "hairpin  node3", "outside, masqueraded  node1", "outside, masqueraded  node2"]


def test_what_is_broken_is_found_and_mended(built):
    for node, (script, dummy) in BROKEN.items():
        on(built, node, script)
    well, message = play(built, "verify")
    assert not well
    assert ["FAIL  " + text for dummy, named in BROKEN.values() for text in named if "FAIL  " + text not in message] == [], message
    assert [text for text in UNHARMED if text in message] == [], message
    works(built, "site")


def test_an_underlay_that_carries_less_is_found_and_the_next_run_makes_room(built):
    for mtu, well, named in ((1400, False, "FAIL  full-size packets between nodes  node1 -> underlay: "), (1500, True, "")):
        for node in NODES:
            on(built, node, "ip link set eth0 mtu %d" % mtu)
        found, message = play(built, "verify")
        assert (found, named in message, "pod to pod" in message) == (well, True, False), message
        assert well or "the pods' MTU is too large for the underlay" in message
        works(built, "site")


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
    works(built, "teardown", "--limit", "node3")
    assert not play(built, "verify")[0]
    works(built, "site", "--limit", "node3", "--skip-tags", "verify")
    works(built, "verify")
