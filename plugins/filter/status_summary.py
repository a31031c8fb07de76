# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: status_summary
short_description: What all nodes hold against what they should hold
version_added: 0.1.0
description:
  - Gathers what modules M(clusternet.fabric.status_info) and M(clusternet.fabric.file_set) returned on each node of a play.
author:
  - clusternet.fabric contributors (@clusternet)
positional: hostvars, model, register, files, daemon
options:
  _input:
    description: Names of the nodes that were asked.
    type: list
    elements: str
    required: true
  hostvars:
    description: Variables of all hosts. They are walked once, so do this once in a play and not on each host.
    type: dict
    required: true
  model:
    description: The cluster model, as M(clusternet.fabric.cluster) makes it in C(fabric_model).
    type: dict
    required: true
  register:
    description: Name of the variable in which each node registered what M(clusternet.fabric.status_info) returned.
    type: str
    required: true
  files:
    description: Names of the variables in which it registered what M(clusternet.fabric.file_set) returned in check mode.
    type: list
    elements: str
    default: []
  daemon:
    description: Names of the two variables in which a node with a routing daemon registered what M(clusternet.fabric.bird_info) and, in check mode,
      M(clusternet.fabric.bird) returned.
    type: list
    elements: str
    default: []
'''

EXAMPLES = r'''
- name: Put it together
  ansible.builtin.set_fact:
    found: "{{ ansible_play_hosts_all | clusternet.fabric.status_summary(hostvars, fabric_model, 'status') }}"
  run_once: true

- name: Which nodes are not as they should be, and what it would take
  ansible.builtin.debug:
    msg: "{{ found | community.general.json_query('nodes[?state!=`in_sync`].{node: name, state: state, commands: commands}') }}"
  run_once: true
'''

RETURN = r'''
_value:
  description:
    - C(ok) is whether all nodes asked are in sync, and the sessions and routes of routing daemons there; C(states) counts them by state;
      C(nodes) are the nodes by name; C(not_asked) names the nodes of the model that were not among them; C(leases_pending) is whether some have no lease yet.
    - A node has its C(name), C(fabric), C(state) (V(in_sync), V(differs), V(not_built), V(refused), V(failed), V(unreachable)), and in
      C(detail) why.
    - What it would take is in C(operations), their C(total), C(commands), C(files), C(units) and C(missing); C(peers_differ) names the
      peers these have to do with, of C(peers) in all.
    - C(ip), C(networks) (its subnet or its blocks), C(mtu), C(dev), C(pods) and C(devices) say what it is and has counted.
    - C(sessions) are the BGP sessions of a node with a routing daemon, as M(clusternet.fabric.bird_info) returns them; C(connections)
      are the neighbours of one that speaks Babel, likewise; C(routing) what is expected of it, with C(ok) for each.
    - C(fabrics) have in C(overview) what their backend tells of itself, text by title.
    - C(others) are texts about other software on the node that has to do with its network.
  type: dict
'''

from ansible_collections.clusternet.fabric.plugins.filter.cluster import lease_conflicts
from ansible_collections.clusternet.fabric.plugins.plugin_utils import status
from ansible_collections.clusternet.fabric.plugins.plugin_utils.text import gathered


def status_summary(nodes, hostvars, model, register, files=(), daemon=()):
    def look(node):
        found = hostvars[node].get(register) or {}
        conflicts = lease_conflicts(model, node, found['lease_copy']) if 'lease_copy' in found else []
        return found, [hostvars[node].get(name) for name in files], conflicts, [hostvars[node].get(name) for name in daemon]

    answers = {node: (fabric,) + said for node, (fabric, said) in gathered(nodes, model, look).items()}
    return status.summary(answers, model)


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'status_summary': status_summary}
