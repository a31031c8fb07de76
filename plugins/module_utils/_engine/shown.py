# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States as documents: what people and the next run read."""

from __future__ import annotations

from .kinds import KINDS
from .kinds.iptables import CHAIN, is_ours, single_rules, unmarked
from .ports import shown
from .state import State


class Shown:
    """States as documents: of what is wanted the fields that were asked for, and all else that the owner holds.

    With `all_` everything there is, whoever holds it.
    """

    def __init__(self, wanted, owner, all_=False):
        self.wanted, self.owner, self.all = wanted, owner, all_

    def document(self, state):
        masked, asked = State(), {}
        for name, items in self.wanted.items():
            asked.setdefault(KINDS[name].table, {}).update(items)
        ports = shown(state, self.wanted, self.owner)
        for kind in KINDS.values():
            for key, item in state[kind.table].items():
                if kind.table == "link":
                    item = ports.get(key, item)
                    if item is None or item["kind"] != kind.kind:
                        continue  # they share the table
                if key in asked[kind.table]:
                    masked[kind.table][key] = kind.mask(item, asked[kind.table][key])
                elif self.all or self.owner.fabric and kind.owned(state, key, item, self.owner) and not kind.implied(state, key, item):
                    masked[kind.table][key] = item
        document = as_document(masked)
        if self.owner.fabric:
            for entry in document.get("iptables_chain", ()):
                entry["rules"] = [unmarked(rule, self.owner) for rule in entry["rules"]]
        rules = single_rules(state, self.shown_rules, self.owner)
        if rules:
            document["iptables_rule"] = [_without_none(rule) for rule in rules]
        return document

    def shown_rules(self, key, chain):
        """Those rules of a chain that are to be listed one by one."""
        if self.all:
            return chain["rules"] if chain["policy"] != "-" else []
        single = self.owner.fabric and not CHAIN.owned({}, key, chain, self.owner)
        return [rule for rule in chain["rules"]
                if single and is_ours(rule, self.owner) or key + (rule,) in self.wanted["iptables_rule"]]


def as_document(state):
    """The document of a state: what is None, or the own namespace's empty name, is left out."""
    document = {}
    for kind in KINDS.values():
        entries = [kind.entry(state, key, item) for key, item in sorted(state[kind.table].items(), key=lambda kv: _sortable(kv[0]))]
        entries = [_without_none(entry) for entry in entries if entry is not None]
        if entries:
            document[kind.name] = entries
    return document


def _sortable(key):
    return tuple(str(part) for part in key)


def _without_none(entry):
    return {field: _without_none(value) if isinstance(value, dict) else value
            for field, value in entry.items() if value is not None and value != ""}
