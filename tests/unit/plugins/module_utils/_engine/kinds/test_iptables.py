# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as text, and the edits that turn one list of them into another."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import _iptables_tool, iptables
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.state import State
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = ("", 4, "filter", "C")
BLUE, GREEN = Owner("blue", 160), Owner("green.2", 161)


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(0, 9), max_size=12))
@settings(max_examples=300, deadline=None)
def test_edits_lead_there_and_leave_what_stays(before, after):
    before, after = ["-j %d" % rule for rule in before], ["-j %d" % rule for rule in after]
    work = State({"chain": {KEY: {"rules": list(before), "policy": "-"}}})
    rules, count = list(before), 0
    for operation in iptables.edits(work, KEY, after):
        operation.kind.simulate(work, operation)
        position, rule = operation.key[4], operation.key[5]
        if operation.verb == "remove":
            assert rules.pop(position - 1) == rule
        elif operation.after["append"]:
            rules.append(rule)
        else:
            rules.insert(position - 1, rule)
        count += 1
    assert rules == after == work["chain"][KEY]["rules"]
    assert count <= len(before) + len(after)


@given(st.lists(st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp")) | st.just(" "), min_size=1), min_size=1))
@settings(max_examples=300, deadline=None)
def test_words_are_quoted_and_split_again(words):
    assert _iptables_tool.split(" ".join(map(_iptables_tool.quoted, words))) == words


@pytest.mark.parametrize("line, words", [
    ('-m comment --comment "two words" -j ACCEPT', ["-m", "comment", "--comment", "two words", "-j", "ACCEPT"]),
    (r'--comment "say \"x\" and it\'s" -j X', ["--comment", 'say "x" and it\'s', "-j", "X"]),
    ("! -s 10.0.0.1/32", ["!", "-s", "10.0.0.1/32"]),
])  # fmt: skip
def test_a_line_of_the_tool_in_words(line, words):
    assert _iptables_tool.split(line) == words


def test_whose_a_rule_is():
    rule = iptables.marked("-j ACCEPT", BLUE)
    assert iptables.is_ours(rule, BLUE) and not iptables.is_ours(rule, GREEN) and iptables.fabric_of_rule(rule) == "blue"
    assert iptables.unmarked(rule, BLUE) == "-j ACCEPT"
    assert not iptables.is_ours('-m comment --comment "clusternet:blue-2" -j ACCEPT', BLUE)
    assert iptables.fabric_of_rule(iptables.marked("-j X", GREEN, iptables.SINGLE)) == "green.2"
    assert iptables.fabric_of_rule("-j ACCEPT") is None


def test_whose_a_chain_is():
    def chain(*rules, policy="-", **fields):
        return dict({"rules": list(rules), "policy": policy}, **fields)

    ours, single = iptables.marked("-j A", BLUE), iptables.marked("-j A", BLUE, iptables.SINGLE)
    for item, expected in (
        (chain(ours), True), (chain(ours, ours), True), (chain(ours, "-j B"), False), (chain(single), False), (chain(), False),
        (chain(ours, policy="ACCEPT"), False), (chain(noted="blue"), True), (chain(noted="green.2"), False), (chain("-j B", noted="blue"), False),
    ):  # fmt: skip
        assert iptables.CHAIN.owned({}, KEY, item, BLUE) is expected, item


def test_jumps():
    work = State({"chain": {
        KEY: {"rules": ["-j D", "-g D", "-j DD", "-s 10.0.0.0/8 -j D"], "policy": "-"},
        ("", 4, "nat", "C"): {"rules": ["-j D"], "policy": "-"},
    }})  # fmt: skip
    assert [rule for dummy, rule in iptables.jumps(work, KEY[:3] + ("D",))] == ["-j D", "-g D", "-s 10.0.0.0/8 -j D"]
