# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a pod: one, or with C(pools) one of each pool that it names, the first of which is the pod's own as any pod's is. Pure.

In the model a pod has C(pool) and C(address), and for each further one the same two in C(more). In the leases the first is that of C(pod), the one of
a further pool that of C(pod/pool).
"""

from __future__ import annotations

from . import families
from .cluster_addresses import pin
from .spec import Problem


def every(pod):
    """All addresses of a pod that are of the family that it is seen by."""
    return [pod["address"]] + [entry["address"] for entry in pod.get("more", ())]


def wanted(pods):
    """What pods are to have, an entry for each address: C(key) of its lease, C(pod), C(pool), C(address) where that is pinned, and C(field) of the pin."""
    result = []
    for index, pod in enumerate(pods):
        result.append({"key": pod["name"], "pod": pod["name"], "pool": pod.get("pool"), "address": pod.get("address"),
                       "field": "fabric_pods[%d].address" % index})
        result += [{"key": "%s/%s" % (pod["name"], entry["pool"]), "pod": pod["name"], "pool": entry["pool"], "address": entry["address"],
                    "field": "fabric_pods[%d].addresses.%s" % (index, entry["pool"])} for entry in pod.get("more", ())]
    return result


def leased(pods, leases):
    """The pods with their further addresses from the leases of their node."""
    return [dict(pod, more=[dict(entry, address=leases["%s/%s" % (pod["name"], entry["pool"])]) for entry in pod["more"]]) for pod in pods]


def pod_of(key):
    """The pod that an address is leased to."""
    return key.partition("/")[0]


def read(host, field, pod, cidrs, fabric, allowed, problems):
    """C((pool, more)) of a pod as the inventory has it; C(allowed): whether the backend has several addresses for a pod."""

    def problem(what, expected, value):
        problems.append(Problem(host, field + what, expected, value))

    names = list(dict.fromkeys(pool["name"] for family in cidrs for pool in fabric["pools" + family.suffix] or ()))
    pool, several, pins = pod["pool"], pod["pools"], pod["addresses"] or {}
    # What there is to choose from, or why there is nothing.
    choice = "expected one of %s" % ", ".join(names) if names else "expected none: this fabric has no pools to choose from"
    if pool is not None and pool not in names:
        problem(".pool", choice, pool)
    if several is None:
        if pins:
            problem(".addresses", "expected none without pools: they are those of the pools after the first; pin the only one by address", pins)
        return pool, []
    if not allowed:
        instead = "name one pool by pool" if names else "leave it out"
        problem(".pools", "expected none with backend %s, with which a pod has one address: %s" % (fabric["backend"], instead), several)
    elif not names:
        problem(".pools", choice, several)
    elif pool is not None:
        problem(".pools", "expected none beside pool (%s): put that into pools, first where it is to stay the pod's first, and leave out pool" % pool, several)
    elif not several:
        problem(".pools", "expected at least one of %s; leave it out where the pod is to be of the first" % ", ".join(names), several)
    else:
        for index, name in enumerate(several):
            if name not in names:
                problem(".pools[%d]" % index, choice, name)
            elif name in several[:index]:
                expected = "pools[%d] has it already: expected each once, as a pod has one address of a pool" % several.index(name)
                problem(".pools[%d]" % index, expected, name)
        return several[0], _more(host, field, several[1:], pins, cidrs, problems)
    return pool, []


def _more(host, field, names, pins, cidrs, problems):
    for name, value in pins.items():
        if name not in names:
            expected = "expected one of the pod's pools after the first%s; that of the first is pinned by address" % (
                " (%s)" % ", ".join(names) if names else "")
            problems.append(Problem(host, "%s.addresses.%s" % (field, name), expected, value))
    return [{"pool": name, "address": pin(host, "%s.addresses.%s" % (field, name), pins.get(name), families.V4, cidrs, problems)} for name in names]
