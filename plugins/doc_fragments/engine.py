# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules of the engine have in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    description: Predicts the very operations and result of a real run, and changes nothing.
  diff_mode:
    support: full
    description: Shows what is before and after, and the commands in between.
  platform:
    support: full
    platforms: linux
    description: The machines it works on.
requirements:
  - Linux 5.4 or later, root
  - python3-pyroute2 0.7.2 or later, where links are made
  - iptables, where chains or rules are made
  - ipset, where sets are made or rules use them
"""
