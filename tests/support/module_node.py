# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox in which modules are run: arguments in JSON, the answer in JSON, in a process of their own that need not start Python anew."""

import importlib
import json
import os
import signal
import sys
import tempfile

import engine_node
import sandbox
import snapshot

LIMIT = 60  # seconds


class ModuleNode(sandbox.Sandbox):
    def module(self, name, /, check=False, **options):
        """What module `name` answers to the options. A module that fails is not an error here: look at `failed`."""
        return forked(name, check, self.holder.pid, **options)

    def snapshot(self, arguments="--kernel"):
        """The kernel's state, by the script that shares no code with the engine."""
        return json.loads(output_of(lambda: snapshot.main(arguments.split()), self.holder.pid))

    def life(self, name, options, absent=None):
        """Present in check mode, twice for real, and gone again: what is promised of every module. Returns the answer of the first real run.

        absent  the options that name the object; None where it has no absent state, and stays
        """
        found = self.snapshot()
        predicted = self.module(name, check=True, **options)
        assert self.snapshot() == found, "check mode changed something"
        made = self.module(name, **options)
        assert made["changed"] and predicted["changed"], (made, predicted)
        assert {key: predicted[key] for key in ("commands", "operations", "before", "after")} == {
            key: made[key] for key in ("commands", "operations", "before", "after")}
        there = self.snapshot()
        assert there != found
        for check in (True, False):
            again = self.module(name, check=check, **options)
            assert again["changed"] is False and again["commands"] == [] and again["before"] == again["after"] == made["after"], again
        if absent is not None:
            predicted = self.module(name, check=True, state="absent", **absent)
            assert predicted["changed"] and self.snapshot() == there
            gone = self.module(name, state="absent", **absent)
            assert gone["changed"] and gone["commands"] == predicted["commands"] and gone["after"] == predicted["after"] == {}
            assert self.snapshot() == found
            assert self.module(name, state="absent", **absent)["changed"] is False
        return made


def forked(name, /, check=False, where=None, **options):
    """What module `name` answers in the node that this process is in (engine_node), or where another process is."""
    main = importlib.import_module("ansible_collections.clusternet.fabric.plugins.modules." + name).main
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, _ansible_check_mode=check, _ansible_diff=True)})
    text = output_of(main, where, arguments)
    if not text.lstrip().startswith("{"):
        raise AssertionError("module %s broke: %s" % (name, text))
    return json.loads(text)


def output_of(function, where=None, text=""):
    """Standard output of a function that is run in a child process with `text` as its standard input, for LIMIT seconds at most."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(text.encode())
        given.seek(0)

        def run():
            signal.alarm(LIMIT)
            os.dup2(given.fileno(), 0)
            os.dup2(said.fileno(), 1)
            sys.argv = ["test"]  # a module would take an argument for the file with its options
            sys.stdin, sys.stdout = open(0, encoding="utf-8", closefd=False), open(1, "w", encoding="utf-8", closefd=False)
            try:
                function()
            except SystemExit:
                pass
            finally:
                sys.stdout.flush()

        status = os.waitpid(engine_node.fork(run, where), 0)[1]
        said.seek(0)
        output = said.read().decode()
    if status:
        raise AssertionError("broke with status %d, see its standard error: %s" % (status, output))
    return output
