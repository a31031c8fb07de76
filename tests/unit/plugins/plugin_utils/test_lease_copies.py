# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import intent
import pytest
import yaml
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, lease_copies, leases
from hypothesis import given
from hypothesis import strategies as st

WHERE = "/var/lib/clusternet/fabric/leases.yml"


def record(number, host, **pods):
    return {"subnet": "10.244.%d.0/24" % number, "address": "198.51.100.%d" % host, "pods": pods}


TABLE = {"node1": record(1, 1, a="10.244.1.2"), "node2": record(2, 2), "node3": record(3, 3)}
GONE = ("node9", "10.244.9.0/24")


def fabric(count=3, **pins):
    nodes = intent.nodes(count)
    for name, subnet in pins.items():
        nodes[name]["fabric_subnet"] = subnet
    return cluster.fabrics(intent.inventory(nodes), intent.options())["fabric"]


def copy(table, former=()):
    return {"state": "other", "text": lease_copies.render("fabric", table, former)}


ABSENT = {"state": "absent"}


def rebuilt(answers, **options):
    (nodes, former), warnings = lease_copies.rebuild(fabric(**options), answers)
    assert not warnings
    return nodes, former


def refused(call, *arguments, **options):
    with pytest.raises(leases.LeaseError) as caught:
        call(*arguments, **options)
    return str(caught.value)


# --- the copy


@pytest.mark.parametrize("table, former", [({}, []), (TABLE, []), (TABLE, [GONE, ("node1", "10.244.8.0/24")])])
def test_what_is_rendered_is_read(table, former):
    text = lease_copies.render("fabric", table, former)
    assert lease_copies.parse(text) == leases.parse(text, "fabric", "copy") == (table, former)
    assert yaml.safe_load(text)["nodes"] == table


def test_a_line_a_node():
    lines = lease_copies.render("fabric", TABLE, []).splitlines()
    assert [line.split(":")[0] for line in lines[2:5]] == ['"node1"', '"node2"', '"node3"']


# --- the lost lease file


@pytest.mark.parametrize(
    "answers",
    [
        {"node1": copy(TABLE), "node2": copy(TABLE), "node3": copy(TABLE)},
        {"node1": ABSENT, "node2": copy(TABLE), "node3": ABSENT},
        # Whoever joined alone is known to itself alone.
        {"node1": copy({"node1": TABLE["node1"], "node2": TABLE["node2"]}), "node2": ABSENT, "node3": copy(TABLE)},
        {host: copy({host: TABLE[host]}) for host in TABLE},
    ],
)
def test_copies_are_united(answers):
    assert rebuilt(answers) == (TABLE, [])


def test_nobody_has_a_copy():
    assert rebuilt(dict.fromkeys(TABLE, ABSENT)) == ({}, [])


def test_a_nodes_own_copy_knows_its_pods_best():
    outdated = dict(TABLE, node1=record(1, 1, a="10.244.1.7", b="10.244.1.2"))
    assert rebuilt({"node1": copy(TABLE), "node2": copy(outdated), "node3": copy(TABLE)}) == (TABLE, [])


def test_what_was_given_up_is_not_taken_from_an_outdated_copy():
    outdated = dict(TABLE, node9=record(9, 9), node2=record(8, 2))
    former = [GONE, ("node2", "10.244.8.0/24")]
    assert rebuilt({"node1": copy(TABLE, former), "node2": copy(TABLE, former), "node3": copy(outdated)}) == (TABLE, former)


def test_what_a_node_holds_itself_was_not_given_up():
    assert rebuilt({"node1": copy(TABLE), "node2": copy(TABLE), "node3": copy(TABLE, [("node3", "10.244.3.0/24")])}) == (TABLE, [])


def test_a_node_that_left_the_inventory_keeps_its_record():
    table = dict(TABLE, old=record(7, 7))
    assert rebuilt({"node1": copy(table), "node2": copy(table), "node3": copy(table)})[0] == table


def test_who_does_not_answer_is_known_to_others():
    found, warnings = lease_copies.rebuild(fabric(), {"node1": copy(TABLE), "node2": None, "node3": copy(TABLE)})
    assert found.nodes == TABLE
    assert warnings == ["leases.yml: is rebuilt without the copy of node2, which did not answer; the other nodes' copies know its lease"]


@pytest.mark.parametrize("known", [ABSENT, copy({"node1": TABLE["node1"]})])
def test_who_does_not_answer_and_is_unknown(known):
    answers = {"node1": known, "node2": None, "node3": ABSENT}
    assert refused(lease_copies.rebuild, fabric(), answers).startswith(
        "leases.yml: is missing, and node2 did not answer while no node's copy has a lease of it: it may hold a subnet that another node would be "
        "given. Nothing was changed. Make it answer, or put the lease file back."
    )
    # What it is to hold is said elsewhere, or it is about to leave.
    lease_copies.rebuild(fabric(node2="10.244.7.0/24"), answers)
    lease_copies.rebuild(fabric(), answers, ["node2"])


@pytest.mark.parametrize(
    "second, expected",
    [
        ({"node1": record(7, 1)}, "- node1 holds 10.244.1.0/24 (says node1), 10.244.7.0/24 (says node2)"),
        ({"old": record(1, 7)}, "- 10.244.1.0/24 of old (says node2) overlaps 10.244.1.0/24 of node1 (says node1, node2)"),
        ({"node3": record(3, 3, a="10.244.3.2", b="10.244.3.2")}, "- pods a and b of node3 have 10.244.3.2 (say node1, node2)"),
    ],
)
def test_contradictions(second, expected):
    answers = {"node1": copy(TABLE), "node2": copy(dict(TABLE, **second)), "node3": None}
    message = refused(lease_copies.rebuild, fabric(), answers)
    assert message.splitlines()[1:-1] == [expected]
    assert message.startswith("leases.yml: is missing, and the nodes' copies contradict each other. Nothing was changed.")
    assert message.endswith("remove it (%s on that node; it is written again), and run again. Or put the lease file back." % WHERE)


@pytest.mark.parametrize("answer", [{"state": "unreadable"}, {"state": "other", "text": ""}, {"state": "other", "text": "---\n"}])
def test_a_copy_that_is_none(answer):
    answers = {"node1": answer, "node2": copy(TABLE), "node3": copy(TABLE)}
    assert refused(lease_copies.rebuild, fabric(), answers).startswith("node1: %s: cannot be read: see what it says" % WHERE)


@given(st.permutations(range(1, 9)), st.data())
def test_the_copies_of_a_history(subnets, data):
    """Nodes that join one by one, any of them away at any time but its own joining: what comes out is what was allotted."""
    table, copies = {}, {}
    for host, number in enumerate(subnets, 1):
        name = "node%d" % host
        table[name] = record(number, host)
        for other in table:
            if other == name or data.draw(st.booleans()):
                copies[other] = copy(table)
    assert rebuilt(copies, count=8)[0] == table


# --- a pin that moves a node


HELD = {"node1": TABLE["node1"], "node2": TABLE["node2"]}
MOVED = dict(HELD, node2=record(7, 2))


@pytest.mark.parametrize("answer", [ABSENT, copy(MOVED)])
def test_a_node_that_holds_nothing_moves(answer):
    lease_copies.check_moves(fabric(), HELD, MOVED, {"node2": answer})


@pytest.mark.parametrize("answer, expected", [
    (None, "node2: fabric_subnet: 10.244.7.0/24: the node is leased 10.244.2.0/24 and cannot be asked whether it still holds that"),
    (copy(HELD), "node2: fabric_subnet: 10.244.7.0/24: the node holds 10.244.2.0/24. If that is meant, tear the node down first "
                 "(teardown.yml --limit node2), which frees it of the old one; if not, take the change back."),
    ({"state": "unreadable"}, "node2: fabric_subnet: 10.244.7.0/24: the node holds 10.244.2.0/24. "),
])
def test_a_node_that_may_hold_something_stays(answer, expected):
    message = refused(lease_copies.check_moves, fabric(), HELD, MOVED, {"node2": answer} if answer else {})
    assert message.startswith("a node keeps its subnet. Nothing was changed.\n- " + expected)


# --- an outdated checkout


def conflicts(node, found, table=None, former=(), count=3):
    only = fabric(count)
    table = table or leases.allot(only, TABLE)[0]
    shown = {name: {"subnet": entry["subnet"], "address": entry["address"]} for name, entry in found.items()}
    return lease_copies.conflicts(cluster.complete(only, table, former), node, shown)


@pytest.mark.parametrize("found", [TABLE, {}, {"node2": TABLE["node2"]}, dict(TABLE, node1=record(1, 1, other="10.244.1.9"))])
def test_no_conflict(found):
    assert conflicts("node1", found) == []


def test_a_node_was_away_while_others_left_and_moved():
    found = dict(TABLE, node9=record(9, 9), node2=record(8, 2))
    assert conflicts("node1", found, former=[GONE, ("node2", "10.244.8.0/24")]) == []
    # Another has it since.
    table = dict(leases.allot(fabric(), TABLE)[0], node4=record(9, 4))
    assert conflicts("node1", found, table, former=[GONE, ("node2", "10.244.8.0/24")]) == []


def test_a_node_keeps_its_subnet_whatever_was_given_up():
    (message,) = conflicts("node2", dict(TABLE, node2=record(8, 2)), former=[("node2", "10.244.8.0/24")])
    assert message == (
        "node2: holds 10.244.8.0/24 by its copy of the leases (%s), and this run would give it 10.244.2.0/24. If that is meant, tear the node down "
        "first (teardown.yml --limit node2), which frees it of the old one; if not, take the change back. If the lease file leases.yml is not the "
        "latest, bring it up to date instead, or remove it to have it rebuilt from the nodes." % WHERE
    )


def test_a_renamed_node_is_still_the_same_machine():
    found = {"old": record(3, 3)}
    (message,) = conflicts("node3", found, dict(leases.allot(fabric(), {"old": record(3, 3)})[0]))
    assert message.startswith("node3: holds 10.244.3.0/24, as old, by its copy of the leases")
    # Freed and given the same again.
    assert conflicts("node3", found, former=[("old", "10.244.3.0/24")]) == []


@pytest.mark.parametrize(
    "second, expected",
    [
        ({"node3": record(7, 3)}, "10.244.7.0/24 is of node3, which has 10.244.3.0/24 in the lease file"),
        ({"node9": record(3, 9)}, "10.244.3.0/24 is of node9, which the lease file does not know and gives to node3"),
        ({"node9": record(9, 9)}, "10.244.9.0/24 is of node9, which the lease file does not know"),
    ],
)
def test_another_checkout_knows_more(second, expected):
    (message,) = conflicts("node1", dict(TABLE, **second))
    assert message.splitlines() == [
        "node1: its copy of the leases (%s) is not from the lease file leases.yml:" % WHERE,
        "- " + expected,
        "Bring the lease file up to date (another checkout has written the copies), or remove it to have it rebuilt from the nodes. If it is the "
        "copy that is out of date, remove the copy: it is written again.",
    ]


def test_long_lists_are_cut():
    found = {"old%d" % number: record(number, number) for number in range(20, 30)}
    (message,) = conflicts("node1", found)
    assert message.splitlines()[6] == "... and 5 more"


# --- what is said of removed nodes


@pytest.mark.parametrize(
    "subnet, in_inventory, unreached, expected",
    [
        ("10.244.4.0/24", True, [], ["its lease of 10.244.4.0/24 is free.", "node4 is still in the inventory: take it out"]),
        ("10.244.4.0/24", True, ["node4"], ["is free.", "node4 did not answer: its kernel and its files are as they were", "still in the inventory"]),
        ("10.244.4.0/24", False, [], ["is free.", "node4 is not in the inventory, so nothing was done on the machine itself."]),
        (None, False, [], ["it had no lease any more.", "not in the inventory"]),
    ],
)
def test_report(subnet, in_inventory, unreached, expected):
    entry = {"name": "node4", "fabric": "fabric", "subnet": subnet, "in_inventory": in_inventory}
    lines = lease_copies.report([entry], unreached)
    assert len(lines) == len(expected)
    assert all(part in line for part, line in zip(expected, lines))
