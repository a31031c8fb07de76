# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin that runs the tests that this kernel can run (see features), and writes down which ones it ran and which not.

`--lacking A,B` takes only those that need one of these; `--record FILE` is where it writes.
"""

import hashlib
import json
import os
import pathlib
import platform

import features
import pytest

ORDER = ("passed", "skipped", "failed")


def pytest_addoption(parser):
    group = parser.getgroup("kernel")
    group.addoption("--lacking", help="names, parted by commas: only tests that need one of them")
    group.addoption("--record", type=pathlib.Path, help="file to write down to which tests ran here, and which not")


def pytest_configure(config):
    config.pluginmanager.register(Record(config), "kernel-record")


def state(root):
    """A hash of what is tested and of the tests: records of different ones do not belong together."""
    digest = hashlib.sha256()
    for folder in ("plugins", "tests/kernel", "tests/support"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class Record:
    def __init__(self, config):
        self.config, self.tests, self.not_here = config, {}, {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config, items):
        lacking = config.getoption("lacking")
        kept, dropped = [], []
        for item in items:
            names = features.needs(item)
            item.user_properties += [("needs", name) for name in names]
            missing = [name for name in names if not features.has(name)]
            if lacking is not None and not set(names) & set(lacking.split(",")):
                dropped.append(item)
            elif missing:
                dropped.append(item)
                self.not_here[item.nodeid] = {"needs": names, "missing": missing}
            else:
                kept.append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=dropped)

    def pytest_runtest_logreport(self, report):
        # pytest-xdist adds the group that a test belongs to, here its file.
        nodeid = report.nodeid.removesuffix("@" + pathlib.PurePath(report.nodeid.split("::")[0]).stem)
        found = self.tests.setdefault(nodeid, {"outcome": "passed", "needs": []})
        found["needs"] = sorted({value for name, value in report.user_properties if name == "needs"} | set(found["needs"]))
        found["outcome"] = max(found["outcome"], report.outcome, key=ORDER.index)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        """What a worker of pytest-xdist did not take: only they look at the tests."""
        self.not_here.update(getattr(node, "workeroutput", {}).get("not_here", {}))

    def pytest_sessionfinish(self, session):
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["not_here"] = self.not_here
            return
        path = self.config.getoption("record")
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({
                "kernel": os.uname().release, "python": platform.python_version(), "state": state(self.config.rootpath),
                "tests": self.tests, "not_here": self.not_here}, indent=1) + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter):
        if self.not_here:
            missing = sorted({name for found in self.not_here.values() for name in found["missing"]})
            terminalreporter.write_line("not here: %d tests of what this kernel lacks (%s); run them with: make kernel-vm"
                                        % (len(self.not_here), ", ".join(missing)))
