# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: verify_targets
short_description: What a node has to measure to prove its container network
version_added: 0.1.0
description:
  - Computes the probes that module M(clusternet.fabric.probe) runs on one node. All nodes together cover the cluster.
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
  checks:
    description: What to measure.
    type: list
    elements: str
    choices: [pod_pod, pod_node, node_pod, outside, hairpin, mtu]
    default: [pod_pod, pod_node, node_pod, outside, hairpin, mtu]
  max_pairs:
    description: About how many probes of one check the whole cluster makes at most. Beyond that it is a sample, the same each time.
    type: int
    default: 1000
  outside_address:
    description: Address outside the cluster, of a TCP service that answers with the address it saw. Empty leaves the check out.
    type: str
  outside_address6:
    description: The same of IPv6, where pods have that.
    type: str
  outside_port:
    description: Port of that service.
    type: int
  wait:
    description: Seconds in which what is not answered is asked again, where nodes agree on keys of a tunnel when the first packet comes.
    type: int
    default: 0
'''

EXAMPLES = r'''
- name: Measure from each node
  clusternet.fabric.probe:
    probes: "{{ fabric_model | clusternet.fabric.verify_targets(inventory_hostname, max_pairs=200) }}"
'''

RETURN = r'''
_value:
  description: The probes, for option O(clusternet.fabric.probe#module:probes).
  type: list
  elements: dict
'''

from ansible.errors import AnsibleFilterError
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, verify


def verify_targets(model, node, **options):
    fabric = cluster.of_node(model, node)
    if fabric is None:
        raise AnsibleFilterError('verify_targets: %s is in no fabric of the model' % node)
    try:
        return verify.targets(fabric, node, **options)
    except (TypeError, ValueError) as exc:
        raise AnsibleFilterError('verify_targets: %s' % exc) from exc


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'verify_targets': verify_targets}
