# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: verify_summary
short_description: What the measurements of all nodes say together
version_added: 0.1.0
description:
  - Gathers what module M(clusternet.fabric.probe) returned on each node of a play.
author:
  - clusternet.fabric contributors (@clusternet)
positional: hostvars, model, register, daemon
options:
  _input:
    description: Names of the nodes that were to be measured.
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
    description: Name of the variable in which each node registered what the module returned.
    type: str
    required: true
  daemon:
    description: Name of the variable in which each node with a routing daemon registered what M(clusternet.fabric.bird_info) returned.
    type: str
'''

EXAMPLES = r'''
- name: Put it together
  ansible.builtin.set_fact:
    found: "{{ ansible_play_hosts_all | clusternet.fabric.verify_summary(hostvars, fabric_model, 'probed') }}"
  run_once: true

- name: Who does not reach whom
  ansible.builtin.debug:
    msg: "{{ found | community.general.json_query('failed[].[from, to, detail]') }}"
  run_once: true
'''

RETURN = r'''
_value:
  description:
    - C(ok) is whether all is well; C(probes) how many there were; C(failed) those that went wrong; C(not_built) names what
      should be a source and does not exist yet; C(unmeasured) the nodes that returned nothing.
    - C(results) are all of them, as the module returns them, with the name of the C(fabric) added.
    - C(converged_after) has by node the seconds that BGP took, of nodes where it was waited for.
  type: dict
'''

from ansible_collections.clusternet.fabric.plugins.plugin_utils import verify
from ansible_collections.clusternet.fabric.plugins.plugin_utils.text import gathered


def verify_summary(nodes, hostvars, model, register, daemon=None):
    answers = gathered(nodes, model, lambda node: (hostvars[node].get(register), hostvars[node].get(daemon) if daemon else None))
    return verify.summary({node: (fabric['name'],) + returned for node, (fabric, returned) in answers.items()})


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'verify_summary': verify_summary}
