# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of random documents, one after the other, on a node that holds foreign things: a few examples of each kind. `make properties`
runs it with more (CLUSTERNET_EXAMPLES, and a multiple of it of kinds that a document has few of), and counts what became of how many objects.
tests/unit has the same of models.

CLUSTERNET_SEED gives other documents, CLUSTERNET_SHRINK=1 looks for the smallest that fail, which takes minutes.
"""

import os

import engine_lives
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from engine_foreign import FOREIGN
from engine_strategies import SELDOM, STRATEGIES, lives
from features import cases, has
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.kernel

EXAMPLES = int(os.environ.get("CLUSTERNET_EXAMPLES", "2"))
SEED = int(os.environ.get("CLUSTERNET_SEED", "1"))
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("CLUSTERNET_SHRINK") else (Phase.generate,)
EVERY = pytest.mark.parametrize("kind", cases(STRATEGIES))


def hold(promise, kind, record_property):
    """Hold a promise against documents about a kind, and write down what was counted."""
    examples = EXAMPLES * SELDOM.get(kind, 1)
    there, tally = [name for name in STRATEGIES if has(name)], engine_lives.Tally()

    @seed(SEED)
    @given(lives(kind, there), st.lists(st.sampled_from(sorted(FOREIGN)), unique=True, max_size=4))
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=PHASES,
              report_multiple_bugs=False)
    def example(life, foreign):
        assume(any(life))  # the simplest example is none
        promise(life, foreign, tally)

    example()
    record_property("tally", [promise.__name__, tally.data()])


@EVERY
def test_every_promise(kind, record_property):
    hold(engine_lives.every_promise, kind, record_property)


@EVERY
def test_every_fault(kind, record_property):
    hold(engine_lives.every_fault, kind, record_property)


def test_every_kind_has_a_strategy():
    assert set(STRATEGIES) == set(KINDS)
