# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every promise of the engine, held against every kind: what a life brings to its objects is in engine_kinds, as data."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect
from engine_kinds import LIVES
from engine_watched import play
from features import cases

pytestmark = pytest.mark.kernel

# What of a snapshot only concerns these kinds, and is looked at after each failure only in a life that has such.
ONLY_OF = {"take_tables": "iptables", "take_nft": "iptables", "take_sets": "ipset", "take_xfrm": "xfrm", "take_rules": "rule", "take_mdb": "mdb",
           "take_vlans": "bridge"}

EVERY = pytest.mark.parametrize("name", cases(LIVES, of=lambda name: name.split()[0]))


def turns(name):
    """The pairs of documents that follow one another, from nothing to nothing."""
    documents = [{}] + LIVES[name] + [{}]
    return list(zip(documents, documents[1:]))


@EVERY
def test_it_is_foretold_settles_and_can_be_fed_back(node, name):
    start = node.snapshot()
    for dummy, document in turns(name):
        foretold = node.apply(document, check=True)
        done = node.apply(document)
        assert done.operations and (foretold.commands(), foretold.after) == (done.commands(), done.after)
        node.settled(document)
        assert not node.apply(done.after, check=True).commands()
        told = inspect(name="blue").document
        assert not node.apply(told, check=True).commands(), told
    node.same(start)


@EVERY
def test_a_failure_at_every_operation_is_undone(node, name):
    sections = {section for document in LIVES[name] for section in document}
    without = [part for part, kinds in ONLY_OF.items() if not any(section.startswith(kinds) for section in sections)]
    for dummy, document in turns(name):
        whole, start = node.snapshot(sysctls=False), node.snapshot(False, without)
        for number, operation in enumerate(node.apply(document, check=True).operations):
            with pytest.raises(Exception, match="made to fail by a test. Nothing is changed"):
                node.apply(document, fail_at=number)
            found = node.differences(start, node.snapshot(False, without))
            assert not found, "after a failure at operation %d (%s):\n%s" % (number, operation, "\n".join(found))
        node.same(whole, sysctls=False)
        node.apply(document)


@EVERY
def test_the_commands_by_hand_leave_nothing_to_do(node, name):
    for dummy, document in turns(name):
        node.replay(node.apply(document, check=True).commands())
        assert not node.apply(document, check=True).commands()
        node.note(document)
        node.apply(document)  # which writes down what is written down


@EVERY
def test_the_model_is_the_kernel_after_each_operation(node, name):
    for before, document in turns(name):
        assert play(before, document)


def test_no_kind_is_forgotten():
    assert {name.split()[0] for name in LIVES} == set(KINDS)
