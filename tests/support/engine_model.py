# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's planner on a node that exists as data alone."""

from ansible_collections.clusternet.fabric.plugins.module_utils._engine import conditions, document, stages
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.state import State

OWNER = Owner("fabric", 160)
# A rule's or set's normal form takes the tool itself: they have tests on a real kernel.
LEFT_OUT = ("ipset", "iptables_chain", "iptables_rule")


def bare(address="198.51.100.1/24"):
    """A node with nothing on it but its underlay device eth9."""
    state = State()
    state["link"]["", "eth9"] = {
        "kind": "veth", "mtu": 1500, "mac": "02:00:00:00:09:01", "up": True, "master": "", "group": 0, "alias": "", "port": None, "peer": None}
    state["address"]["", "eth9", address] = dict.fromkeys(KINDS["address"].schema, "") | {"dev": "eth9", "family": 4}
    return state


def staged(state, wanted, stage=stages.PURGE):
    """(operations, the state afterwards, the stages left) of a document."""
    wanted = {section: entries for section, entries in wanted.items() if section not in LEFT_OUT}
    # What a node-wide sysctl had is in the ledger, which a model has not.
    wanted["sysctl"] = [entry for entry in wanted.get("sysctl", ()) if "/conf/" in entry["key"]]
    if conditions.conditional(wanted):
        wanted = conditions.select(wanted, *conditions.segments(state, wanted["underlay"]["address"]), lambda name: True)
    parsed = document.parse(wanted, OWNER)
    document.resolve(parsed, state)
    return stages.staged(state, parsed, OWNER, stage)
