# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv4 and IPv6 in one fabric, and the fabric as one of the two sees it. Pure.

What both have stands in the model twice: C(pod_cidr) and C(pod_cidr6), a node's C(ip) and C(ip6), a pod's C(address) and C(address6). A view has
IPv6's in place of IPv4's, so that allotment, recipes and measurements are written once, for a fabric of one family.
"""

from __future__ import annotations

import collections

# C(suffix): of keys, variables and of names in files; C(length): that of a single address.
Family = collections.namedtuple("Family", "version suffix title length channel")
V4 = Family(4, "", "IPv4", 32, "ipv4")
V6 = Family(6, "6", "IPv6", 128, "ipv6")
BOTH = (V4, V6)


def of(fabric):
    """The families of a fabric: IPv4, and IPv6 where it has a range of it."""
    return BOTH if fabric.get("pod_cidr6") else (V4,)


def of_address(text):
    """The family of an address or a network."""
    return V6 if ":" in text else V4


def only(entries, family, key=None):
    """Of addresses, or of entries with one under C(key), those of a family. Where none is said, it is of both."""
    return [entry for entry in entries for text in [entry[key] if key else entry] if not text or of_address(text) == family]


def views(fabric):
    """The fabric as each of its families sees it."""
    return [view(fabric, family) for family in of(fabric)]


# The model that was asked for last, and its view: recipes ask several times over for each of a thousand nodes.
_last = [None, None]


def view(fabric, family):
    """The fabric as that family sees it, which one that is under C(family)."""
    if family == V4:
        return dict(fabric, family=family)
    if "leases" not in fabric:
        # One that is still in the making.
        return _view(fabric, family)
    if _last[0] is not fabric:
        _last[:] = fabric, _view(fabric, family)
    return _last[1]


def _view(fabric, family):
    nodes = {name: dict(_seen(node), subnet=None, pods=[_seen(pod) for pod in node["pods"]]) for name, node in fabric.get("nodes", {}).items()}
    # Blocks have no subnets around them: nothing else ever gave out addresses of this family.
    return dict(_seen(fabric), family=family, options=_seen(fabric["options"]), nodes=nodes, subnet_length=family.length)


def lease(record, family):
    """Of a record of leases what it has of a family."""
    return record if family == V4 else {"blocks": record.get("blocks" + family.suffix, []), "pods": record.get("pods" + family.suffix, {})}


def _seen(mapping):
    return dict(mapping, **{key[:-1]: value for key, value in mapping.items() if key.endswith(V6.suffix)})
