# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules have in common that look into one namespace."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  netns:
    description:
      - Name of the network namespace under C(/run/netns), up to 255 characters. It must exist.
      - The empty string is the namespace that the module runs in.
    type: str
    default: ''
attributes:
  action_group:
    support: full
    description: The modules whose O(netns) can be set for all of them by C(module_defaults).
    membership:
      - clusternet.fabric.kernel
"""
