# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's model and the kernel side by side, operation by operation."""

import engine_node
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine, kernel, ledger, transaction
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.gather import Scope, gather
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._base import Operation
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._link import is_fallback
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds.route import KERNEL
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.planner import Planner

# The kernel's own doing, which the model leaves to it: connected routes, numbers, and what is written down under /run.
SILENT = ("index", "noted", "found", "wanted_by", "below", "path", "lead", "twin")
# A bridge that was given none has those of its ports, and whether it was given one cannot be read.
FOLLOWS = ("mac", "mtu")


class Watched:
    """The model and the kernel side by side, for one namespace more than the node's own."""

    def __init__(self, namespaces=("", "p"), sysctls=()):
        self.handle = kernel.Kernel()
        self.scope = Scope(namespaces, {("", 4)}, sysctls)
        self.planner = Planner(self.gather())

    def gather(self):
        return gather(self.handle, self.scope, ledger.Ledger())

    def do(self, operation):
        self.planner.do(operation)
        transaction.Transaction(self.handle).run([operation])
        self.compare(str(operation))

    def compare(self, what):
        """What the model says of a field, the kernel says too; keys are the same on both sides."""
        there, model = self.gather(), self.planner.work
        for table in model:
            ours, real = self.objects(model, table), self.objects(there, table)
            if table == "sysctl":  # a new device brings its own, which the model does not know
                real = {key: item for key, item in real.items() if key in ours}
            assert set(ours) == set(real), "after %s: %s: only in the model %s, only in the kernel %s" % (
                what, table, sorted(set(ours) - set(real)), sorted(set(real) - set(ours)))
            if table == "ipset":  # how long members have left, and how large a hash has grown
                real = {key: KINDS["ipset"].mask(real[key], item) for key, item in ours.items()}
            for key, item in ours.items():
                assert bool(item.get("secondary")) == bool(real[key].get("secondary")), "after %s: %s" % (what, key)
                for field, value in item.items():
                    if table == "link" and field == "port" and value:  # a new port's cost is that of its speed
                        value = {name: real[key]["port"][name] if setting is None else setting for name, setting in value.items()}
                    if value is not None and field not in SILENT and not (item.get("kind") == "bridge" and field in FOLLOWS):
                        assert real[key].get(field) == value, "after %s: %s %s: %s: the model has %r, the kernel %r" % (
                            what, table, key, field, value, real[key].get(field))

    @staticmethod
    def objects(state, table):
        """Base chains come when first used; the kernel's routes come and go with their addresses. Of routes that the engine does not tell
        apart one stands for all. A new namespace has what a tunnel's module puts there."""
        if table == "route":
            return {key: item for key, item in state[table].items() if item["protocol"] != KERNEL and "mixed" not in item}
        if table == "chain":
            return {key: item for key, item in state[table].items() if item["rules"] or item["policy"] == "-"}
        if table == "link":
            return {key: item for key, item in state[table].items() if not is_fallback(key, item)}
        return state[table]

    # The same in short, for objects that are there.

    def remove(self, name, *key):
        table = KINDS[name].table
        self.do(Operation(KINDS[name], "remove", key, before=self.planner.work[table][key], after=None))

    def change(self, name, *key, **fields):
        table = KINDS[name].table
        self.do(Operation(KINDS[name], "change", key, before=self.planner.work[table][key], after=fields))

    def count(self, *tables):
        return [len(self.objects(self.planner.work, table)) for table in tables]


def play(before, after):
    """Apply one document and then another, operation by operation; how many those were."""
    engine_node.apply(before)
    operations = engine_node.apply(after, check=True).operations
    scope = engine.scope_of(engine_node.parse(after), engine_node.owner(), ledger.Ledger(), True)
    watched = Watched(scope.namespaces | {"a", "b", "p"}, scope.sysctls)
    watched.scope.ipsets, watched.scope.xfrm = scope.ipsets | {"p"}, scope.xfrm | {"p"}
    watched.scope.iptables = scope.iptables | {("p", 4)}
    watched.planner = Planner(watched.gather())
    engine_node.note(after)
    for operation in operations:
        watched.do(operation)
    return len(operations)
