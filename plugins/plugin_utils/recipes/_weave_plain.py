# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No encryption: what the other ways have, of which there is nothing. VXLAN goes from node to node as it is."""

from __future__ import annotations

OVERHEAD, PACKAGES, KERNEL_MODULES = 0, {}, []
TITLE, WORDS = [], "none"


def exclusive(dummy):
    """What two fabrics on one machine cannot both have."""
    return {}


def vxlan(dummy):
    """What else the VXLAN device is told."""
    return {}


def destination(fabric, dummy, peer):
    """Where the VXLAN of a node has its peer."""
    return fabric["nodes"][peer]["ip"]


def document(dummy, dummy_name):
    """What there is of it on a node."""
    return {}


def key_path(dummy):
    """Where a node has a key of its own."""
    return ""


def secret_files(dummy, dummy_name, dummy_password):
    """What only root may read."""
    return []


def files(dummy, dummy_name):
    """What everybody may."""
    return []


def units(dummy, dummy_name):
    """What runs of it."""
    return []
