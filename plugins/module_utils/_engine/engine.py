# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Document in, kernel changed, proof out: the one way through the engine, for every module."""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import os
import time

from . import kernel as machine
from . import lockout, wire
from .anew import made_anew
from .conditions import conditional, segments, select
from .document import Wanted, leave_out_ipv6, parse, present_places, resolve, underlay_of
from .errors import Conflict, FabricError, OperationFailed
from .gather import OPTIONAL, XFRM, Scope, add_notes, gather, scope_of, versions
from .keeping import NoKeeping
from .kinds import KINDS, _ipset_tool
from .kinds._base import Operation
from .kinds._iptables_tool import normalise
from .kinds._link import lose_link
from .kinds.rule import named as rules_named
from .kinds.rule import settle_protocols
from .kinds.sysctl import below
from .kinds.vxlan_fdb import normalise as normalise_fdb
from .ledger import Ledger
from .missing import absent, needs_pyroute2, prerequisites, refuse_missing
from .plan import plan, plan_back, plan_removal
from .ports import notes
from .shown import Shown
from .stages import PURGE, staged
from .transaction import Transaction

BACK_TRIES, BACK_WAIT = 12, 0.05  # to put back what a failed run has done, beside somebody who undoes it; seconds


class Failed(FabricError):
    """An apply that failed; `rolled_back` says whether the node is as it was before it."""

    def __init__(self, message, rolled_back):
        super().__init__(message)
        self.rolled_back = rolled_back


class Outcome:
    """What a run did, or in check mode would do. `before` and `after` are documents, made of `states` by `shown` when they are asked for,
    which takes as long as a plan of thousands of entries; `resolved` is None where there is none.

    `stored` is whether what a restart builds is now another; `unconfirmed`, that it will be when the run is confirmed.
    """

    def __init__(self, operations, shown, states, resolved, missing=(), pending=(), stored=False, unconfirmed=False):
        self.operations, self._shown, self._states = operations, shown, states
        self.resolved, self.missing, self.pending = resolved, list(missing), list(pending)
        self.stored, self.unconfirmed = stored, unconfirmed

    @functools.cached_property
    def before(self):
        return self._shown.document(self._states[0])

    @functools.cached_property
    def after(self):
        return self._shown.document(self._states[1])

    @property
    def changed(self):
        return bool(self.operations or self.missing or self.stored)

    def counts(self):
        """{verb: {kind: number}}"""
        counts = {}
        for operation in self.operations:
            by_kind = counts.setdefault(operation.verb, {})
            by_kind[operation.kind.name] = by_kind.get(operation.kind.name, 0) + 1
        return counts

    def replaced(self):
        """The links that are made anew, and why, in words."""
        return made_anew(self.operations, self._states[0])

    def commands(self):
        return [line for kind, operations in itertools.groupby(self.operations, lambda operation: operation.kind)
                for line in kind.all_commands(operations)]


@contextlib.contextmanager
def no_collector():
    """What a run makes by the hundred thousand lives until the run ends: the collector would walk it again and again and free nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@no_collector()
def apply_document(document, owner, stage=PURGE, check=False, keeping=None):
    """Make a node hold what a fabric's document says, up to a stage (see stages). Raises FabricError, Failed among them."""
    with machine.lock():
        return apply_document_locked(document, owner, stage, check, keeping)


def apply_document_locked(document, owner, stage=PURGE, check=False, keeping=None):
    """The same by whoever holds the lock."""
    if isinstance(document, dict) and conditional(document):
        wanted = parse(_selected(document), owner)
    else:
        wanted = parse(document, owner)
    return _apply(wanted, owner, True, check, None, stage, keeping or NoKeeping())


def _selected(document):
    """The document without conditions."""
    address = underlay_of(document)["address"]
    with machine.Kernel() as kernel:
        place = segments(gather(kernel, Scope(), Ledger()), address)
        return select(document, *place, has_family=functools.lru_cache()(lambda name: wire.family(kernel.socket("", wire.NETLINK_GENERIC), name) is not None))


@no_collector()
def apply(wanted, owner, purge=False, check=False, fail_at=None, stage=PURGE):
    """Make a node hold what is wanted; with purge, nothing else of the owner's, and that up to a stage.

    Raises FabricError, Failed among them.
    """
    with machine.lock():
        return _apply(wanted, owner, purge, check, fail_at, stage, NoKeeping())


def _apply(wanted, owner, purge, check, fail_at, stage, keeping):
    with machine.Kernel() as kernel:
        ledger = Ledger()
        same_number(ledger, owner)
        missing = prerequisites(wanted, check)
        scope = scope_of(wanted, owner, ledger, purge)
        found = gather(kernel, scope, ledger)
        resolved = resolve(wanted, found)
        normalise_fdb(wanted["vxlan_fdb"], wanted.table("link"), found["link"])
        wanted["rule"] = settle_protocols(wanted["rule"], found["rule"])
        present_places(wanted, found, owner if purge else None)
        leave_out_ipv6(wanted, found)
        wanted["ipset"] = _ipset_tool.normalise(kernel, wanted["ipset"], wanted.paths, found["ipset"])
        wanted["iptables_chain"], wanted["iptables_rule"] = normalise(
            kernel, wanted["iptables_chain"], wanted["iptables_rule"], found["chain"])

        def planned(state):
            return staged(state, wanted, owner, stage) if purge else plan(state, wanted, owner) + ([],)

        operations, model, pending = planned(found)
        # Of a move in stages the whole is looked at before the first.
        lockout.refuse(found, plan(found, wanted, owner, purge)[1] if pending else model, lockout.connection())
        stored = keeping.differs() and not pending
        if not check:
            missing = [] if not needs_pyroute2(operations) else absent(["pyroute2"])
            refuse_missing(missing)

            def settled(state):
                return planned(state)[0]
            note = Note(wanted, owner, found, purge and not pending) if owner.fabric else NoNote()
            model = commit(kernel, ledger, scope, found, operations, model, settled, note, fail_at, keeping, not pending)
        elif needs_pyroute2(operations):
            missing += absent(["pyroute2"])
        shown = Shown(wanted, owner)
        return Outcome(operations, shown, (found, model), resolved if owner.fabric else None,
                       missing, pending, stored and not keeping.unconfirmed, keeping.unconfirmed)


@no_collector()
def remove(keys, owner, check=False, fail_at=None):
    """Remove the named objects: {kind name: [key]}. For granular modules."""
    with machine.lock(), machine.Kernel() as kernel:
        ledger, wanted = Ledger(), Wanted()
        for name, listed in keys.items():
            wanted[name].update((key, {}) for key in listed)
        missing = prerequisites(wanted, check)
        keys = {name: list(items) for name, items in wanted.items() if items}
        rules = {key[:2] for name in ("iptables_chain", "iptables_rule") for key in keys.get(name, ())}
        namespaces = {key[0] for name, listed in keys.items() for key in listed}
        ipsets = {key[0] for key in keys.get("ipset", ())}
        rules |= {(netns, version) for netns in ipsets for version in versions()}  # which may use them
        scope = Scope(namespaces, rules, ipsets=ipsets, xfrm={key[0] for name in XFRM for key in keys.get(name, ())})
        found = gather(kernel, scope, ledger)
        if keys.get("iptables_rule"):
            rule_items = {key: {"position": "last", "path": "rule"} for key in keys["iptables_rule"]}
            dummy, rule_items = normalise(kernel, {}, rule_items, found["chain"])
            keys = dict(keys, iptables_rule=list(rule_items))
        if keys.get("rule"):
            keys = dict(keys, rule=rules_named(keys["rule"], found["rule"]))
        operations, model = plan_removal(found, keys, owner)
        lockout.refuse(found, model, lockout.connection())
        if not check:
            def settled(state):
                return plan_removal(state, keys, owner)[0]
            model = commit(kernel, ledger, scope, found, operations, model, settled, NoNote(), fail_at, NoKeeping(), True)
        wanted["iptables_rule"] = dict.fromkeys(keys.get("iptables_rule", ()), {})
        shown = Shown(wanted, owner)
        return Outcome(operations, shown, (found, model), None, missing)


def same_number(ledger, owner):
    """By another number a fabric would not know its own objects again."""
    number = ledger.numbers().get(owner.name, owner.number)
    if owner.fabric and number != owner.number:
        raise Conflict("number: %d: fabric %s has the number %d on this node; keep it, or tear the fabric down by it first"
                       % (owner.number, owner.name, number))


def commit(kernel, ledger, scope, found, operations, model, settled, note, fail_at, keeping, final):
    """Apply, read again, and put everything back if an operation is refused or did not stick. Returns the new state."""
    state = found
    try:
        if operations:
            keeping.begin(final)
            note.claim(ledger)
            Transaction(kernel, fail_at).run(operations)
            note.learn(kernel.new_sysctls)
            state = gather(kernel, scope, ledger, _unread(found, model, operations))
            left = [] if state == model else settled(state)
            if left:
                error = OperationFailed("the kernel took it and does not hold it (something else on this node undid it?)")
                error.op = left[0]
                raise error
        keeping.end(bool(operations), final)
    except (FabricError, OSError) as error:
        operation = getattr(error, "op", None)
        reason = "%s: %s" % (operation, error) if operation else str(error)
        try:
            roll_back(kernel, ledger, scope, found, model.touched(), note.owner, operation, _unread(found, model, operations))
            ledger.put_back()
            keeping.cancel()
        except (FabricError, OSError) as second:
            raise Failed("%s. Putting back what was done failed too: %s; run again, or look at what network_info tells"
                         % (reason, second), False) from None
        lost = ", ".join(name for name in sorted(kernel.gone) if (name,) in found["netns"])
        raise Failed("%s. %s: what was done before it is put back" % (
            reason, "Something else on this node removed namespace %s meanwhile, which stays so. Nothing else is changed" % lost
            if lost else "Nothing is changed"), True) from None
    note.release(ledger)
    if not operations:
        return state
    state = state.copy()
    add_notes(state, ledger)
    return state


def _unread(found, model, operations):
    """{table: its objects} of those that need not be read again, since no operation can have altered them: what tools tell, of which each takes
    its time to start, and what there is none of in whatever namespace."""
    # A new namespace has no rules, and nobody's sets.
    touched = {operation.kind.table for operation in operations if (operation.kind.name, operation.verb) != ("netns", "add")}
    unread = {table: found[table] for table in ("chain", "ipset") if not touched & {table, "netns"}}
    unread.update((table, {}) for table in OPTIONAL if not found[table] and not model[table])
    return unread


def roll_back(kernel, ledger, scope, found, touched, owner, refused, unread):
    """Plan from what is there now to what was there, and apply that; again, should the kernel have felled more."""
    kernel.revive()
    while kernel.made_files:
        os.unlink(kernel.made_files.pop())
    kernel.forget_indices()
    for attempt in range(BACK_TRIES):
        try:
            current = gather(kernel, scope, ledger, unread)
            back, felled = plan_back(current, without_lost(found, current, touched, kernel.gone), touched, owner, refused)
            if not back:
                return
            touched = {table: {**keys, **felled[table]} for table, keys in touched.items()}
            Transaction(kernel).run(back)
        except (FabricError, OSError):
            # Somebody else was faster: what there is to do is another thing now. A namespace takes its time to go.
            if attempt == BACK_TRIES - 1:
                raise
            time.sleep(BACK_WAIT * attempt)
    raise FabricError("what is there does not settle; left over: %s" % "; ".join(map(str, back[:5])))


def without_lost(found, current, touched, gone):
    """What was found as it would have been without what others have removed, or nobody can make again, and all that falls with it: namespaces
    that went, links that were not touched, and such whose other end or parent was out of sight."""
    places = [(name,) for name in sorted(gone) if (name,) in found["netns"]]
    links = [key for key, item in found["link"].items() if key not in current["link"]
             and (key not in touched["link"] or any(field in item and item[field] is None for field in ("peer", "parent")))]
    if not places and not links:
        return found
    left, kind = found.copy(), KINDS["netns"]
    for key in places:
        kind.simulate(left, Operation(kind, "remove", key, before=found["netns"][key]))
    for key in links:
        lose_link(left, key)
    return left


class NoNote:
    """A granular module writes nothing down."""

    owner = None

    def claim(self, ledger):
        pass

    def learn(self, new_sysctls):
        pass

    def release(self, ledger):
        pass


class Note:
    """What a fabric writes down of a run (see ledger)."""

    def __init__(self, wanted, owner, found, purge):
        self.owner, self.purge = owner, purge
        self.sysctls = {key: self.sysctl(found, key, item["value"]) for key, item in wanted["sysctl"].items()}
        own_links = wanted.table("link").keys() - wanted["bridge_port"].keys()
        self.ports = notes(wanted, found, owner)
        used = wanted.namespaces() | {key[0] for key in wanted["netns"]}
        self.lists = {
            "address": [key for key, item in wanted["address"].items()
                        if key[:2] not in own_links
                        and (key not in found["address"] or found["address"][key].get("noted") == owner.name)],
            "chain": list(wanted["iptables_chain"]),
            **{table: self.made_by_us(wanted, found, table) for table in ("ipset",) + XFRM},
            "iptables": sorted({key[:2] for name in ("iptables_chain", "iptables_rule") for key in wanted[name]}),
            "netns": [(name,) for name in sorted(used)],
            "number": [(owner.number,)] if used else [],
        }

    def made_by_us(self, wanted, found, table):
        """Without somebody's that are as wanted already."""
        return [key for key in wanted[table] if key not in found[table] or found[table][key].get("noted") == self.owner.name]

    @staticmethod
    def sysctl(found, key, value):
        """(value found, value wanted, what the keys below it had that the way back would not give them)."""
        had = found["sysctl"].get(key, {}).get("value")
        under = below(found, key) if had != value else {}
        return had, value, {other[1]: other_value for other, other_value in under.items() if other_value != had}

    def claim(self, ledger):
        ledger.claim(self.owner.name, self.sysctls, self.lists, self.ports)

    def learn(self, new_sysctls):
        """What the sysctls had of the namespaces and devices that the run has made."""
        for key, value in new_sysctls.items():
            if key in self.sysctls and self.sysctls[key][0] is None:
                self.sysctls[key] = (value,) + self.sysctls[key][1:]

    def release(self, ledger):
        """What the fabric does not want any more is forgotten, with the files of namespaces that a killed run left half-made."""
        self.claim(ledger)
        if not self.purge:
            return
        for netns in set(ledger.namespaces_of(self.owner.name)) - {name for name, in self.lists["netns"]}:
            if netns:
                machine.drop_leftover(netns)
        ledger.release(self.owner.name, set(self.sysctls), self.lists, self.ports)
