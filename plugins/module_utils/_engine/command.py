# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""clusternet-fabric: What a node can do for its networks by itself, from the documents that the last runs stored on it."""

from __future__ import annotations

import argparse
import os
import sys
import time

from . import replay
from .errors import FabricError
from .store import Place, names

TOLD = 100  # commands: a start of the machine can take thousands
IN_SYNC, DIFFERS, FAILED, UNDER_WAY = 0, 1, 2, 75  # 75: EX_TEMPFAIL of sysexits.h

EPILOG = """exit codes: 0 all is as stored (apply: now), 1 something differs, 2 something failed, 75 a run is under way.
The playbook changes what is stored; this command only builds it."""


def main(argv):
    arguments = _parse(argv)
    if os.geteuid() != 0:
        _line(sys.stderr, "clusternet-fabric: run it as root: it reads and changes the kernel's network")
        return FAILED
    codes = []
    for name in arguments.fabric or names():
        try:
            codes.append(arguments.run(name, arguments))
        except replay.UnderWay as error:
            _line(sys.stdout, str(error))
            codes.append(UNDER_WAY)
        except (FabricError, OSError) as error:
            _line(sys.stderr, "%s: %s" % (name, error))
            codes.append(FAILED)
    if not codes:
        _say("no fabric is stored on this node")
    return max(codes, key=(IN_SYNC, DIFFERS, UNDER_WAY, FAILED).index, default=IN_SYNC)


def _parse(argv):
    parser = argparse.ArgumentParser(prog="clusternet-fabric", description=__doc__.partition(": ")[2], epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(metavar="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--fabric", metavar="NAME", action="append", help="only this one, instead of all that are stored here")
    for run, text in ((status, "whether each fabric is as stored, and what is known of it"),
                      (check, "what differs, an object a line"),
                      (commands, "what apply would do, as shell commands"),
                      (apply, "build what is stored, and say what that took"),
                      (revert, "go back to what is stored from what was not confirmed in time (a timer does)")):
        verb = verbs.add_parser(run.__name__, help=text, description=text, parents=[common])
        verb.set_defaults(run=run)
        if run is apply:
            verb.add_argument("--wait", type=int, default=0, metavar="SECONDS", help="how long the node's address may take to be there")
        if run is revert:
            verb.add_argument("--after", type=int, default=0, metavar="SECONDS", help="sleep first")
    return parser.parse_args(argv)


def status(name, dummy):
    stored, outcome = replay.build(name, check=True)
    _line(sys.stdout, "%s: %s" % (name, _difference(outcome)))
    resolved = outcome.resolved or {}
    pods = [entry["name"] for entry in stored.document.get("netns", ())]
    _line(sys.stdout, "  number %d, %sstored %s" % (
        stored.number, "device %(dev)s, MTU %(mtu)d, " % resolved if resolved else "", time.strftime("%F %T", time.localtime(stored.since))))
    _line(sys.stdout, "  namespaces: %s" % (" ".join(pods) or "none"))
    pending = Place(name).pending()
    if pending:
        _line(sys.stdout, "  a run is changing it%s" % (" and awaits confirmation" if pending["goes_back"] else ""))
    return DIFFERS if outcome.changed else IN_SYNC


def check(name, dummy):
    outcome = replay.build(name, check=True)[1]
    for operation in outcome.operations:
        _line(sys.stdout, "%s: would %s" % (name, operation))
    for missing in outcome.missing:
        _line(sys.stdout, "%s: is missing: %s" % (name, missing))
    return DIFFERS if outcome.changed else IN_SYNC


def commands(name, dummy):
    outcome = replay.build(name, check=True)[1]
    for line in outcome.commands():
        _line(sys.stdout, line)
    return DIFFERS if outcome.changed else IN_SYNC


def apply(name, arguments):
    if arguments.wait:
        replay.await_underlay(name, arguments.wait)
        if name not in names():
            return IN_SYNC  # torn down while this waited
    outcome = replay.build(name)[1]
    _tell(name, outcome, "built what is stored")
    return IN_SYNC


def revert(name, arguments):
    time.sleep(arguments.after)
    outcome = replay.go_back(name)
    if outcome is not None:
        _line(sys.stdout, "%s: nobody confirmed what the last run changed: it is put back" % name)
        _tell(name, outcome, "put back")
    return IN_SYNC


def _tell(name, outcome, what):
    """Every change, and nothing where there is none: a timer's silence is as long as all is well."""
    if not outcome.changed:
        _say("%s: in sync" % name)
        return
    _line(sys.stdout, "%s: %s, with %s" % (name, what, _counts(outcome)))
    lines = outcome.commands()
    for line in lines[:TOLD]:
        _line(sys.stdout, "%s: %s" % (name, line))
    if len(lines) > TOLD:
        _line(sys.stdout, "%s: ... and %d more" % (name, len(lines) - TOLD))


def _difference(outcome):
    if outcome.missing:
        return "missing on this node: %s" % ", ".join(outcome.missing)
    return "differs: apply would take %s" % _counts(outcome) if outcome.changed else "in sync"


def _counts(outcome):
    counts = ["%s %d %s" % (verb, number, kind) for verb, kinds in outcome.counts().items() for kind, number in kinds.items()]
    return ", ".join(counts) or "no operation"


def _line(stream, text):
    stream.write(text + "\n")


def _say(text):
    if sys.stdout.isatty():
        _line(sys.stdout, text)
