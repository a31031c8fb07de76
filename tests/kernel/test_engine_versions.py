# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine under the pyroute2 of the distribution and under that of PyPI, and without any where none is needed."""

import json
import pathlib
import subprocess
import sys

import engine_script
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine, missing
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from engine_documents import flannel

pytestmark = pytest.mark.kernel

DISTRIBUTION = "/usr/bin/python3"


@pytest.mark.parametrize("python", [DISTRIBUTION, sys.executable], ids=["distribution", "environment"])
def test_the_main_promises(python):
    done = subprocess.run([python, engine_script.__file__], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert all(all(told.values()) and len(told) == 7 for told in answer["promises"].values()), answer
    in_environment = pathlib.Path(sys.prefix) in pathlib.Path(answer["file"]).parents
    assert in_environment == (python == sys.executable)


def test_without_pyroute2_check_mode_says_so_and_a_run_refuses(node, monkeypatch):
    start = node.snapshot()
    monkeypatch.setattr(engine, "absent", list)
    outcome = node.apply(flannel(), check=True)
    assert outcome.changed and outcome.missing == ["pyroute2"] and outcome.commands()
    with pytest.raises(FabricError, match="missing on this node: pyroute2; install python3-pyroute2 first"):
        node.apply(flannel())
    node.same(start)


def test_without_iptables_check_mode_says_so_and_a_run_refuses(node, monkeypatch):
    start = node.snapshot()
    monkeypatch.setattr(missing.shutil, "which", lambda name, path=None: None)
    outcome = node.apply(flannel(), check=True)
    assert outcome.changed and outcome.missing == ["iptables"] and "ip link add name cni0" in " ".join(outcome.commands())
    with pytest.raises(FabricError, match="missing on this node: iptables; install iptables first"):
        node.apply(flannel())
    monkeypatch.undo()
    node.same(start)


def test_teardown_needs_neither(node, monkeypatch):
    """With the packages gone, what needs none of them can still go."""
    start = node.snapshot()
    document = {name: entries for name, entries in flannel().items() if not name.startswith("iptables")}
    node.apply(document)
    monkeypatch.setattr(engine, "absent", list)
    monkeypatch.setattr(missing.shutil, "which", lambda name, path=None: None)
    node.apply({})
    monkeypatch.undo()
    node.same(start)
