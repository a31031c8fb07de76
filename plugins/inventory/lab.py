# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: lab
short_description: The nodes of the lab
version_added: 0.1.0
description:
  - Names the nodes that role P(clusternet.fabric.lab#role) boots on this machine, and how Ansible enters them.
  - Looks at nothing; the same options always give the same hosts.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  plugin:
    description: Name of this plugin.
    type: str
    required: true
    choices: [clusternet.fabric.lab]
  name:
    description: Name of the lab.
    type: str
    default: lab
    env:
      - name: CLUSTERNET_LAB_NAME
  nodes:
    description: How many nodes it has.
    type: int
    default: 3
    env:
      - name: CLUSTERNET_LAB_NODES
  segments:
    description: Segments that they are on. With V(1) all are side by side, with V(2) every third is behind a router.
    type: int
    default: 2
    env:
      - name: CLUSTERNET_LAB_SEGMENTS
  group:
    description: The group that the nodes are in.
    type: str
    default: fabric
'''

EXAMPLES = r'''
# lab.yml
plugin: clusternet.fabric.lab
nodes: 3
'''

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

from ansible_collections.clusternet.fabric.plugins.module_utils import _lab
from ansible_collections.clusternet.fabric.plugins.plugin_utils import lab_underlay


class InventoryModule(BaseInventoryPlugin):
    """Hosts node1 to nodeN, entered by connection plugin lab."""

    NAME = 'clusternet.fabric.lab'

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(('lab.yml', 'lab.yaml'))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        name = self.get_option('name')
        if not _lab.NAME_PATTERN.match(name):
            raise AnsibleParserError('name: "%s" is no usable name for a lab: %s' % (name, _lab.NAME_EXPECTED))
        try:
            nodes = lab_underlay.node_names(self.get_option('nodes'))
            segments = lab_underlay.segment_count(self.get_option('segments'))
        except ValueError as exc:
            raise AnsibleParserError(str(exc)) from exc
        group = inventory.add_group(self.get_option('group'))
        # The role acts on localhost and learns here which lab this inventory means.
        inventory.set_variable('all', 'clusternet_lab_name', name)
        inventory.set_variable('all', 'clusternet_lab_nodes', len(nodes))
        inventory.set_variable('all', 'clusternet_lab_segments', segments)
        for index, node in enumerate(nodes, 1):
            inventory.add_host(node, group=group)
            inventory.set_variable(node, 'ansible_connection', 'clusternet.fabric.lab')
            inventory.set_variable(node, 'clusternet_lab_node', node)
            inventory.set_variable(node, 'ansible_python_interpreter', '/usr/bin/python3')
            address = lab_underlay.node_address(index, segments)
            inventory.set_variable(node, 'fabric_node_ip', str(address))
            inventory.set_variable(node, 'fabric_node_ip6', str(lab_underlay.address6(address)))
