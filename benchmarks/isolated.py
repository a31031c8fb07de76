# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One measurement in a process, a network namespace and a /run of its own, which go with it; and the engine as a module runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib import import_module

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLLECTIONS = os.path.join(ROOT, ".ansible", "collections")
ENGINE = "ansible_collections.clusternet.fabric.plugins.module_utils._engine."
sys.path.insert(0, COLLECTIONS)
SETUP = "mount -t tmpfs none /run && mkdir /run/netns && exec "


def isolated(*words):
    """What `run.py --inner WORD...` prints, as data."""
    inner = [sys.executable, os.path.join(ROOT, "benchmarks", "run.py"), "--inner"] + [str(word) for word in words]
    done = subprocess.run(["unshare", "-n", "-m", "sh", "-c", SETUP + '"$@"', "sh"] + inner, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit("measurement %s broke:\n%s%s" % (" ".join(map(str, words)), done.stdout, done.stderr))
    return json.loads(done.stdout.splitlines()[-1])


def apply(document):
    """(seconds, operations) of what module `network` does after its imports."""
    engine, owner = import_module(ENGINE + "engine"), import_module(ENGINE + "owner")
    import_module("pyroute2.netlink.rtnl.ifinfmsg")  # what the engine imports where a link is made
    fabric = owner.Owner("bench", 160)
    start = time.perf_counter()
    outcome = engine.apply_document(document, fabric)
    return time.perf_counter() - start, len(outcome.operations)


def made_and_unchanged(document, operations=None, base=None):
    """{made, unchanged} in seconds of a document that takes so many operations (None: some); `base` is applied before it."""
    if base:
        apply(base)
    times = {}
    for step, expected in (("made", operations), ("unchanged", 0)):
        times[step], done = apply(document)
        if done != expected and (expected is not None or not done):
            sys.exit("%s: %d operations, not %s" % (step, done, expected))
    return times


def run(command, **options):
    """Seconds that a tool takes as a process."""
    options.setdefault("stdout", subprocess.DEVNULL)
    start = time.perf_counter()
    subprocess.run(command, check=True, **options)
    return time.perf_counter() - start


class Case:
    """Something to be measured against something else.

    ours, theirs  functions of a count: {step: seconds}; a step that only one has is shown alone
    limits        {step: how many times as long as theirs it may take}
    scale         what their seconds are multiplied with: they did so much less
    """

    def __init__(self, name, count, tool, ours, theirs, limits, scale=1, note=""):
        self.name, self.count, self.tool, self.ours, self.theirs = name, count, tool, ours, theirs
        self.limits, self.scale, self.note = limits, scale, note
