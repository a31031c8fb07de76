# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts, for each host, the tasks that ran a module there; a callback plugin of the benchmark."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.counts = {}

    def v2_runner_on_ok(self, result):
        # Only the answer of a module says what the module was called with; a loop's are in its results.
        answers = result._result.get("results") or [result._result]  # pylint: disable=protected-access
        if any(isinstance(answer, dict) and "invocation" in answer for answer in answers):
            name = result._host.get_name()  # pylint: disable=protected-access
            self.counts[name] = self.counts.get(name, 0) + 1

    def v2_playbook_on_stats(self, stats):
        with open(os.environ["MODULE_TASKS_FILE"], "w", encoding="ascii") as file:
            json.dump(self.counts, file)
