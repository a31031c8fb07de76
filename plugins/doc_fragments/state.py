# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules have in common that make or remove one object."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) makes the object, or changes what differs from the options that are given.
      - V(absent) removes it. Options that do not name the object, but only say what it is like, need not be given then.
    type: str
    default: present
    choices:
      - present
      - absent
notes:
  - The module acts on exactly the object that it names. One that belongs to a fabric it refuses to touch, and whatever would take
    something of a fabric with it; that is changed by the fabric's document, see M(clusternet.fabric.network).
  - If the kernel refuses an operation, everything done before it is put back.
"""
