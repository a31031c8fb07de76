# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the cluster model to what one node gets; documented in the YAML files beside this one."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, lease_copies, pods, recipes, restart, unmanaged


def _fabric(model, node):
    try:
        fabric = cluster.of_node(model, node)
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError("expected what clusternet.fabric.cluster returns, with its fabrics") from error
    if fabric is None:
        raise AnsibleFilterError("%s: is in no fabric of the model: expected a host of the group that clusternet.fabric.cluster read" % node)
    return fabric


def backend(model, node):
    """The backend of the node's fabric."""
    return _fabric(model, node)["backend"]


def kernel_modules(model, node):
    """What the node's kernel has to have, for module prerequisites_info."""
    fabric = _fabric(model, node)
    return recipes.get(fabric["backend"]).kernel_modules(fabric)


def document(model, node):
    """All that the fabric wants on the node, for module network."""
    fabric = _fabric(model, node)
    return recipes.get(fabric["backend"]).document(fabric, node)


def backend_files(model, node, mtu):
    """The backend's files on the node, for module file_set."""
    fabric = _fabric(model, node)
    files = recipes.get(fabric["backend"]).files(fabric, node, mtu if fabric["mtu"] == "auto" else fabric["mtu"])
    return files + restart.run_files(fabric, files)


def secret_files(model, node, secrets):
    """The backend's files that nobody else may read, for module file_set."""
    fabric = _fabric(model, node)
    return recipes.get(fabric["backend"]).secret_files(fabric, node, secrets)


def key_path(model, node):
    """Where the node keeps a key of which its peers have to know the public one, or an empty text."""
    fabric = _fabric(model, node)
    return recipes.get(fabric["backend"]).key_path(fabric)


def node_files(model, node):
    """The files of the node's pods, of its restarts, for others that manage its network, and the copy of the leases, for module file_set."""
    fabric = _fabric(model, node)
    return pods.files(fabric, node) + restart.files(fabric, node) + unmanaged.files(fabric, node) + [lease_copy(model, node)]


def node_units(model, node):
    """The units of the node's pods and of the backend, and what mends the network between runs, for module unit_set."""
    fabric = _fabric(model, node)
    return pods.units(fabric, node) + recipes.get(fabric["backend"]).units(fabric, node) + restart.units(fabric, node)


def packages(model, node):
    """What the backend needs on the node beyond what every fabric does: the package by the command that it brings."""
    fabric = _fabric(model, node)
    return recipes.get(fabric["backend"]).packages(fabric)


def daemon(model, node):
    """The backend's routing daemon on the node; nothing where it has none."""
    fabric = _fabric(model, node)
    return recipes.get(fabric["backend"]).daemon(fabric, node) or {}


def lease_copy(model, node):
    """The file that keeps the leases on the node, for module file_set."""
    fabric = _fabric(model, node)
    return {"path": lease_copies.path(fabric["name"]), "content": fabric["leases"]}


def lease_conflicts(model, node, found):
    """Why the model must not be applied to the node, as a list of texts; what module prerequisites_info found of its copy speaks against it."""
    fabric = _fabric(model, node)
    if found["state"] == "unreadable":
        return ["%s: %s: cannot be read: see what it says; if it is worth nothing, remove it and run again" % (node, lease_copies.path(fabric["name"]))]
    return lease_copies.conflicts(fabric, node, found["nodes"]) if found["state"] == "other" else []


def removal_report(model, unreached):
    """What became of the nodes that were removed, and what is left to do by hand."""
    return lease_copies.report(model["removed"], unreached)


class FilterModule:
    """The filters by name."""

    def filters(self):
        functions = (backend, backend_files, daemon, document, kernel_modules, key_path, lease_conflicts, lease_copy, node_files, node_units, packages,
                     removal_report, secret_files)
        return {function.__name__: function for function in functions}
