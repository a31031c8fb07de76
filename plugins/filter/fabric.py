# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: fabric
short_description: Which fabric a node belongs to
version_added: 0.1.0
description:
  - Tells the name, the number and the backend of a node's fabric.
author:
  - clusternet.fabric contributors (@clusternet)
positional: node
options:
  _input:
    description: The cluster model, as M(clusternet.fabric.cluster) makes it in C(fabric_model).
    type: dict
    required: true
  node:
    description: Name of the node in the inventory.
    type: str
    required: true
'''

EXAMPLES = r'''
- name: What the node holds of its fabric
  clusternet.fabric.network_info:
    owner: "{{ (fabric_model | clusternet.fabric.fabric(inventory_hostname)).name }}"
'''

RETURN = r'''
_value:
  description: C(name), C(number) and C(backend).
  type: dict
'''

from ansible.errors import AnsibleFilterError
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster


def fabric(model, node):
    found = cluster.of_node(model, node)
    if found is None:
        raise AnsibleFilterError('fabric: %s is in no fabric of the model' % node)
    return {key: found[key] for key in ('name', 'number', 'backend')}


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'fabric': fabric}
