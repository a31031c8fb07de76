# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin that adds up what tests/kernel/test_engine_properties.py counted, prints it, and fails the run where something was seen
too seldom: `pytest -p engine_tallies --enough`."""

import features
import pytest


def pytest_addoption(parser):
    parser.addoption("--enough", action="store_true", help="fail where a kind or a transition was seen too seldom, or too few examples")


def pytest_configure(config):
    config.pluginmanager.register(Tallies(config), "engine-tallies")


class Tallies:
    EXAMPLES = 200  # of a property

    def __init__(self, config):
        self.config, self.found, self.problems = config, {}, []

    def pytest_runtest_logreport(self, report):
        from engine_lives import Tally

        if report.when == "call":
            for name, value in report.user_properties:
                if name == "tally":
                    self.found.setdefault(value[0], Tally()).add(Tally(value[1]))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if hasattr(self.config, "workerinput") or not self.config.getoption("enough"):
            return
        from engine_strategies import STRATEGIES

        kinds = [kind for kind in STRATEGIES if features.has(kind)]
        for promise in ("every_promise", "every_fault"):
            tally = self.found.get(promise)
            if tally is None:
                self.problems.append("%s: not run" % promise)
                continue
            if tally.examples < self.EXAMPLES:
                self.problems.append("%s: %d examples, expected %d" % (promise, tally.examples, self.EXAMPLES))
            self.problems += ["%s: seen too seldom: %s" % (promise, text) for text in tally.lacking(kinds)]
            self.problems += ["%s: said never to be: %s" % (promise, text) for text in tally.impossible()]
        if self.problems and session.exitstatus == 0:
            session.exitstatus = 1

    def pytest_terminal_summary(self, terminalreporter):
        if self.config.getoption("enough"):
            from engine_strategies import STRATEGIES

            kinds = [kind for kind in STRATEGIES if features.has(kind)]
            for promise, tally in self.found.items():
                terminalreporter.write_line(tally.table(promise, kinds))
            for problem in self.problems:
                terminalreporter.write_line(problem, red=True)
