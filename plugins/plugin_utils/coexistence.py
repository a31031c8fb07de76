# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several fabrics in one inventory: what they must not share, and what they keep from one another.

The same machine is in several fabrics by a host of each, with the same node address.
"""

from __future__ import annotations

import ipaddress

from . import families
from .spec import Problem


def settle(fabrics, problems):
    """Refuse overlaps; give each fabric its C(strangers), the ranges of the fabrics whose pods it must not reach."""
    ordered = list(fabrics.values())
    for position, fabric in enumerate(ordered):
        for name in fabric["reaches"]:
            if name not in fabrics or name == fabric["name"]:
                problems.append(Problem("", "fabric_reaches", "expected names of other fabrics of this inventory (%s)" % _others(fabrics, fabric), name))
        for other in ordered[:position]:
            _apart(other, fabric, problems)
    for fabric in ordered:
        apart = [other for other in ordered if other is not fabric and other["name"] not in fabric["reaches"] and fabric["name"] not in other["reaches"]]
        for family in families.of(fabric):
            fabric["strangers" + family.suffix] = [other["pod_cidr" + family.suffix] for other in apart if family in families.of(other)]


def _others(fabrics, fabric):
    return ", ".join(name for name in fabrics if name != fabric["name"]) or "there are none"


def _apart(one, two, problems):
    pair = "fabrics %s and %s" % (one["name"], two["name"])
    for key in ["pod_cidr" + family.suffix for family in families.of(one) if family in families.of(two)]:
        if ipaddress.ip_network(one[key]).overlaps(ipaddress.ip_network(two[key])):
            expected = "overlaps %s of fabric %s: expected ranges of their own" % (one[key], one["name"])
            problems.append(Problem("", "fabric_%s of fabric %s" % (key, two["name"]), expected, two[key]))
    if one["lease_file"] == two["lease_file"]:
        expected = "%s would share it: expected a file for each fabric" % pair
        problems.append(Problem("", "fabric_lease_file", expected, two["lease_file"]))
    hosts = {node["ip"]: name for name, node in one["nodes"].items()}
    shared = [(hosts[node["ip"]], name) for name, node in two["nodes"].items() if node["ip"] in hosts]
    if not shared:
        return
    first, second = shared[0]
    if one["number"] == two["number"]:
        expected = "%s share a machine (hosts %s and %s) and this number: expected a number for each" % (pair, first, second)
        problems.append(Problem("", "fabric_number", expected, two["number"]))
    for key in set(one["exclusive"]) & set(two["exclusive"]):
        if one["exclusive"][key] == two["exclusive"][key]:
            expected = "%s share a machine (hosts %s and %s) and this value: expected one for each" % (pair, first, second)
            problems.append(Problem("", key, expected, two["exclusive"][key]))
    for first, second in shared:
        names = {pod["name"] for pod in one["nodes"][first]["pods"]}
        for index, pod in enumerate(two["nodes"][second]["pods"]):
            if pod["name"] in names:
                expected = "is a pod of %s too, which is the same machine: expected names that differ" % first
                problems.append(Problem(second, "fabric_pods[%d].name" % index, expected, pod["name"]))
