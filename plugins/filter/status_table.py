# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: status_table
short_description: The state of a network's nodes as a table that a person can read
version_added: 0.1.0
description:
  - Shows a line for each node, and below it what differs. Of more than 60 nodes only those that are not in sync have a line.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  _input:
    description: What P(clusternet.fabric.status_summary#filter) returned.
    type: dict
    required: true
'''

EXAMPLES = r'''
- name: Show it
  ansible.builtin.debug:
    msg: "{{ status_result | clusternet.fabric.status_table }}"
  run_once: true
'''

RETURN = r'''
_value:
  description: Several lines of text.
  type: str
'''

from ansible_collections.clusternet.fabric.plugins.plugin_utils import status


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'status_table': status.table}
