# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has others that manage a node's network leave a fabric's links and routes alone.

The files are written whether systemd-networkd and NetworkManager are there or not: what is installed later finds them.
"""

from __future__ import annotations

from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS

from . import recipes
from .written import HEAD


def files(fabric, name):
    """The files of a node, for the C(file_set) module."""
    names = links(recipes.get(fabric["backend"]).document(fabric, name))
    return [
        {"path": "/etc/systemd/network/00-clusternet-%s.network" % fabric["name"], "content": _network(names)},
        {"path": "/etc/systemd/networkd.conf.d/clusternet-%s.conf" % fabric["name"], "content": _networkd()},
        {"path": "/etc/NetworkManager/conf.d/clusternet-%s.conf" % fabric["name"], "content": _network_manager(names)},
    ]


def links(document):
    """Names of the links in the node's own namespace."""
    return sorted(entry["name"] for kind, entries in document.items() if kind in KINDS and KINDS[kind].table == "link"
                  for entry in entries if not entry.get("netns"))


def _network(names):
    # The first that matches counts: this one comes before any whose name begins with a number from 1 on (systemd.network(5)).
    return HEAD + "[Match]\n" + "".join("Name=%s\n" % name for name in names) + "\n[Link]\nUnmanaged=yes\n"


def _networkd():
    # It would remove what it finds on links that are its own, the underlay's device for one (networkd.conf(5)).
    return HEAD + "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"


def _network_manager(names):
    return HEAD + "[keyfile]\nunmanaged-devices+=%s\n" % ";".join("interface-name:" + name for name in names)
