# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of random documents, one after the other, on a real kernel. tests/unit has the same of models, with more examples."""

import engine_node
import pytest
from engine_strategies import MORE, documents
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.kernel


def examples(number):
    """Each example is a node; all namespaces' sysctls are looked at in test_engine_promises."""
    return settings(
        max_examples=number, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))


def any_document_after_any_other(one, two, dice):
    with engine_node.node():
        start = engine_node.snapshot(sysctls=False)
        engine_node.apply(one)
        engine_node.settled(one)
        foretold = engine_node.apply(two, check=True)
        if foretold.operations:
            half = engine_node.snapshot(sysctls=False)
            with pytest.raises(Exception, match="made to fail by a test. Nothing is changed"):
                engine_node.apply(two, fail_at=dice % len(foretold.operations))
            engine_node.same(half, sysctls=False)

        done = engine_node.apply(two)
        assert (foretold.commands(), foretold.after) == (done.commands(), done.after)
        engine_node.settled(two)
        assert not engine_node.apply(done.after, check=True).commands()
        engine_node.apply({})
        engine_node.same(start, sysctls=False)


def the_commands_by_hand_leave_nothing_to_do(one, two):
    with engine_node.node():
        engine_node.apply(one)
        engine_node.replay(engine_node.apply(two, check=True).commands())
        assert not engine_node.apply(two).commands()


@given(documents(), documents(), st.integers(0, 1000))
@examples(20)
def test_any_document_after_any_other(one, two, dice):
    any_document_after_any_other(one, two, dice)


@given(documents(), documents())
@examples(20)
def test_the_commands_by_hand_leave_nothing_to_do(one, two):
    the_commands_by_hand_leave_nothing_to_do(one, two)


@pytest.mark.needs(*MORE)
@given(documents(more=True), documents(more=True), st.integers(0, 1000))
@examples(6)
def test_any_document_of_every_link_after_any_other(one, two, dice):
    any_document_after_any_other(one, two, dice)


@pytest.mark.needs(*MORE)
@given(documents(more=True), documents(more=True))
@examples(6)
def test_the_commands_by_hand_of_every_link_leave_nothing_to_do(one, two):
    the_commands_by_hand_leave_nothing_to_do(one, two)
