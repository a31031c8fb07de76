# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a recipe need not say: a backend with one subnet a node, a bridge that its pods are on, and nothing that runs."""

from __future__ import annotations

from .. import families

# Variables of the backend, without their prefix, that each node says for itself; all others have one value in a fabric.
PER_NODE = ()
# The families that pods can have addresses of.
FAMILIES = (families.V4,)
# Whether a pod can have addresses of several pools.
SEVERAL_ADDRESSES = False
# Those that are mappings of secrets: the model knows their keys alone, and check_secret(variable, value) says what is expected of a value, or None.
SECRETS = ()


def title(options):
    """Which of the backend's ways the options choose, for a heading."""
    return options.get("type")


def without_checks(dummy):
    """What of verify's checks has no sense in the fabric."""
    return ()


def check_cluster(dummy):
    """What is wrong with the variables seen together with the fabric and its nodes, as (host or "", variable, value, expectation)."""
    return ()


def exclusive(dummy):
    """What of the options no other fabric on the same machine may have too, by variable."""
    return {}


def pools(dummy):
    """The pools that nodes hold blocks of (see blocks.py), of the fabric as one family sees it. None: each node holds one subnet of the fabric's range."""
    return None


def packages(dummy):
    """What the backend needs on a node beyond what every fabric does, the package by the command that it brings."""
    return {}


def files(dummy, dummy_name, dummy_mtu):
    """The files that belong to the backend, for the C(file_set) module."""
    return []


def secret_files(dummy, dummy_name, dummy_secrets):
    """Those that hold what no one else may read, for the C(file_set) module in a task that shows nothing; C(secrets) are the values by name."""
    return []


def key_path(dummy):
    """Where a node makes itself a key whose public one its peers have to know, or an empty text."""
    return ""


def agrees_on_keys(dummy):
    """Whether the first packets between two nodes may be lost while these agree on keys."""
    return False


def units(dummy, dummy_name):
    """The services of the backend, for the C(unit_set) module."""
    return []


def resolver(fabric, dummy_name):
    """The name servers of a node's pods and the domains that names are looked for in; none, and the node's own count."""
    return fabric["nameservers"] or [], fabric["search_domains"] or []


def daemon(dummy, dummy_name):
    """The routing daemon of a node, or None: which C(protocol) it speaks, where its C(config) and its C(socket) are, its C(content), the C(bridge) that
    it runs while sessions become others (None: without), and the C(sessions), C(neighbours) and C(networks) that it should come to have, each with the
    node or address that they are C(to)."""
    return None


def overview(dummy):
    """What else a status tells of a fabric as a whole, text by title."""
    return {}


def apart(dummy, dummy_address, dummy_other):
    """Whether the pods of these addresses are kept from one another."""
    return False


def meets(dummy, dummy_node, dummy_address):
    """Whether a node, from no pod of its own, reaches the pod of that address."""
    return True


def masquerades(fabric, dummy):
    """Whether what the pod of that address sends out of the cluster bears its node's address."""
    return fabric["masquerade"]
