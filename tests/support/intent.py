# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories and models for tests: what a user would write, with the defaults of the roles."""

from __future__ import annotations

import functools
import os

import yaml
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, leases, recipes

ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")


@functools.lru_cache(maxsize=None)
def options():
    """As the roles' specifications have them; read once, which takes longer than most tests."""
    result = {}
    for role in ["fabric"] + recipes.names():
        with open(os.path.join(ROLES, role, "meta", "argument_specs.yml"), encoding="utf-8") as file:
            result[role] = yaml.safe_load(file)["argument_specs"]["main"]["options"]
    return result


def inventory(nodes, **common):
    """C({host: variables}) as the action plugin hands them over: C(nodes) by name, C(common) for all of them."""
    defaults = {variable: option.get("default") for role in options().values() for variable, option in role.items()}
    defaults["fabric_lease_file"] = "leases.yml"
    return {name: dict(defaults, **dict(common, **variables)) for name, variables in nodes.items()}


def nodes(count, **variables):
    return {"node%d" % number: dict(variables, fabric_node_ip="198.51.100.%d" % number) for number in range(1, count + 1)}


def dual(count, **variables):
    """Nodes with an address of either family."""
    return {name: dict(node, fabric_node_ip6="2001:db8::%d" % number) for number, (name, node) in enumerate(nodes(count, **variables).items(), 1)}


def fabric(nodes_, **common):
    """The one fabric of an inventory, leases allotted."""
    result = cluster.fabrics(inventory(nodes_, **common), options())
    assert len(result) == 1
    only = next(iter(result.values()))
    table, problems = leases.allot(only, {})
    assert not problems
    return cluster.complete(only, table)
