# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: verify_table
short_description: A network's measurements as a table that a person can read
version_added: 0.1.0
description:
  - Shows every pod against every pod, the other checks in a line each, and all that is wrong by name.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  _input:
    description: What P(clusternet.fabric.verify_summary#filter) returned.
    type: dict
    required: true
  only_wrong:
    description: Leave out what is well.
    type: bool
    default: false
'''

EXAMPLES = r'''
- name: Show it
  ansible.builtin.debug:
    msg: "{{ verify_result | clusternet.fabric.verify_table }}"
  run_once: true
'''

RETURN = r'''
_value:
  description: Several lines of text.
  type: str
'''

from ansible_collections.clusternet.fabric.plugins.plugin_utils import verify


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'verify_table': verify.table}
