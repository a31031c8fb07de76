# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's promises held against documents that follow one another on a node that holds foreign things, and what was counted."""

import difflib
import re

import engine_foreign
import engine_node
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds.iptables import unmarked
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect
from engine_strategies import NEVER, TRANSITIONS

ENOUGH = 20
OURS = re.compile(r"(02:00:00|66:00:00):")  # MACs that somebody chose; the others are the kernel's own choice


class Tally:
    """How often something became of an object of a kind: {kind: {transition: number}}; and of how many examples."""

    def __init__(self, found=None):
        found = found or {}
        self.counts = {kind: dict(dict.fromkeys(TRANSITIONS, 0), **found.get("counts", {}).get(kind, {})) for kind in KINDS}
        self.examples, self.runs = found.get("examples", 0), found.get("runs", 0)

    def data(self):
        return {"counts": self.counts, "examples": self.examples, "runs": self.runs}

    def add(self, other):
        self.examples, self.runs = self.examples + other.examples, self.runs + other.runs
        for kind, counts in other.counts.items():
            for transition, number in counts.items():
                self.counts[kind][transition] += number

    def count(self, before, after, outcome):
        """A run that led from one document to the other."""
        before, after = wanted(before), wanted(after)
        verbs = {}
        for operation in outcome.operations:
            name, key = operation.kind.name, operation.key
            if name == "iptables_rule":
                verbs.setdefault(("iptables_chain", key[:4]), set()).add("change")
                key = key[:4] + (unmarked(key[5], engine_node.owner()),)
            verbs.setdefault((name, key), set()).add(operation.verb)
        for kind, counts in self.counts.items():
            for key in before[kind] | after[kind]:
                done = verbs.get((kind, key), set())
                if key not in after[kind]:
                    counts["removed"] += bool(done) or kind != "sysctl"  # or it fell with something; a sysctl stays as it is
                elif key not in before[kind]:
                    counts["made"] += bool(done)
                elif "add" in done:
                    counts["replaced"] += 1
                elif "change" in done:
                    counts["changed"] += 1

    def lacking(self, kinds):
        """["kind transition: number"] of what was seen too seldom."""
        return ["%s %s: %d" % (kind, transition, self.counts[kind][transition]) for kind in kinds for transition in TRANSITIONS
                if transition not in NEVER.get(kind, ()) and self.counts[kind][transition] < ENOUGH]

    def impossible(self):
        """["kind transition: number"] of what was said never to be, and was seen."""
        return ["%s %s: %d" % (kind, transition, self.counts[kind][transition]) for kind, never in NEVER.items() for transition in never
                if self.counts[kind][transition]]

    def table(self, title, kinds):
        lines = ["%-32s %s" % (title, " ".join("%8s" % transition for transition in TRANSITIONS))]
        for kind in kinds:
            numbers = ["-" if transition in NEVER.get(kind, ()) else str(self.counts[kind][transition]) for transition in TRANSITIONS]
            lines.append("  %-30s %s" % (kind, " ".join("%8s" % number for number in numbers)))
        return "\n".join(lines + ["  %d examples, %d runs of the engine" % (self.examples, self.runs)])


def wanted(document):
    """{kind: keys} of a document; of a rule in somebody's chain without the mark, which the tool puts elsewhere."""
    keys = {kind: set(items) for kind, items in engine_node.parse(document).items()}
    keys["iptables_rule"] = {key[:4] + (unmarked(key[4], engine_node.owner()),) for key in keys["iptables_rule"]}
    return keys


def turns(life):
    """The pairs of documents that follow one another, from nothing to nothing."""
    return list(zip([{}] + life, life + [{}]))


def everything(keys):
    """What the engine tells of the whole node, whoever holds it, and the values of these sysctls; without what the kernel has chosen."""
    told = inspect([""] + list(engine_node.names())).document
    values = []
    for netns, key in sorted(keys):
        if not netns or netns in engine_node.names():
            script = "cat /proc/sys/%s 2>/dev/null || true" % key
            values.append((netns, key, engine_node.sh("ip netns exec %s %s" % (netns, script) if netns else script)))
    return without_chance(told), values


def without_chance(value):
    """MACs of the kernel's choice, and how long members of sets have left."""
    if isinstance(value, dict):
        return {name: without_chance(item) for name, item in value.items()
                if not (name == "mac" and not OURS.match(item)) and not (name == "timeout" and item)}
    return [without_chance(item) for item in value] if isinstance(value, list) else value


def every_promise(life, foreign, tally):
    """Check mode foretells, a second run has nothing to do, what is told can be fed back, the commands by hand do the same elsewhere,
    nothing foreign is touched, and the empty document gives the start back."""
    with engine_node.node():
        engine_foreign.come(foreign)
        start, shown = engine_node.snapshot(), engine_foreign.shown(foreign)
        with engine_node.twin() as there:
            with there():
                engine_foreign.come(foreign)
            for before, after in turns(life):
                foretold = engine_node.apply(after, check=True)
                done = engine_node.apply(after)
                assert foretold.commands() == done.commands()
                assert foretold.before == done.before and foretold.after == done.after
                again = engine_node.settled(after)
                assert again.after == done.after
                assert not engine_node.apply(done.after, check=True).commands()
                told = inspect(name="blue").document
                assert not engine_node.apply(told, check=True).commands(), told
                now = engine_foreign.shown(foreign)
                assert now == shown, "\n".join(str((shown[name], now[name])) for name in foreign if shown[name] != now[name])
                keys = {(entry.get("netns", ""), entry["key"]) for document in (before, after) for entry in document.get("sysctl", ())}
                ours = everything(keys)
                with there():
                    engine_node.replay(done.commands())
                    assert everything(keys) == ours
                tally.count(before, after, done)
                tally.runs += 6
        engine_node.same(start)
    tally.examples += 1


def every_fault(life, foreign, tally):
    """Whichever operation fails, the node is as it was. The first and the last turn are looked at now and then."""
    with engine_node.node():
        engine_foreign.come(foreign)
        for before, after in turns(life):
            if not (before and after) and tally.examples % 3:
                engine_node.apply(after)
                continue
            operations = engine_node.apply(after, check=True).operations
            start = engine_node.snapshot(sysctls=False)
            for number in range(len(operations)):
                fails(after, number, operations)
            # What one failure leaves behind or loses, the next ones take for the start: it is still there, or missing, at the end.
            if engine_node.differences(start, engine_node.snapshot(sysctls=False)):
                find_fault(life, foreign, before, after)
                raise AssertionError("no failure by itself, but all of them together leave a difference: from %s to %s:\n%s" % (
                    before, after, "\n".join(engine_node.differences(start, engine_node.snapshot(sysctls=False)))))
            done = engine_node.apply(after)
            assert sorted(map(str, done.operations)) == sorted(map(str, operations))  # what was put back may be found in another order
            tally.count(before, after, done)
            tally.runs += len(operations) + 2
    tally.examples += 1


def fails(document, number, operations):
    try:
        done = engine_node.apply(document, fail_at=number)
    except Exception as error:
        if "made to fail by a test. Nothing is changed" not in str(error) or not error.rolled_back:
            raise
        return
    planned, now = sorted(map(str, operations)), sorted(map(str, done.operations))
    raise AssertionError("operation %d did not fail: failures before it left something, and the plan is another:\n%s" % (
        number, "\n".join(difflib.ndiff(planned, now))))


def find_fault(life, foreign, before, after):
    """The same once more, with a look after each failure."""
    with engine_node.node():
        engine_foreign.come(foreign)
        for document in life[:life.index(before) + 1] if before else ():
            engine_node.apply(document)
        start = engine_node.snapshot(sysctls=False)
        operations = engine_node.apply(after, check=True).operations
        for number, operation in enumerate(operations):
            fails(after, number, operations)
            found = engine_node.differences(start, engine_node.snapshot(sysctls=False))
            assert not found, "from %s\nto %s\nafter a failure at operation %d (%s):\n%s" % (before, after, number, operation, "\n".join(found))
