# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: lab_underlay
short_description: The network around the nodes of a lab
version_added: 0.1.0
description:
  - Computes what module M(clusternet.fabric.network) applies on this machine so that a lab's nodes have something to be
    connected to.
  - Two node segments (C(198.18.0.0/20) and C(198.18.16.0/20), every third node on the second) and an outside one
    (C(198.18.32.0/24)) meet in a router. All of it is in network namespaces whose names begin with the lab's.
  - Each link has an IPv6 address beside it, written with the same numbers - C(198.18.16.13) is C(fd00:198:18:16::13) too.
author:
  - clusternet.fabric contributors (@clusternet)
positional: nodes, segments
options:
  _input:
    description: Name of the lab.
    type: str
    required: true
  nodes:
    description: How many nodes it has.
    type: int
    required: true
  segments:
    description: Segments that they are on. With V(1) all are on the first.
    type: int
    default: 2
'''

EXAMPLES = r'''
- name: The underlay of three nodes
  ansible.builtin.debug:
    msg: "{{ 'lab' | clusternet.fabric.lab_underlay(3) }}"
'''

RETURN = r'''
_value:
  description: The parameters C(owner), C(number) and C(document) of module M(clusternet.fabric.network).
  type: dict
'''

from ansible.errors import AnsibleFilterError
from ansible_collections.clusternet.fabric.plugins.plugin_utils import lab_underlay as underlay


def lab_underlay(lab, nodes, segments=2):
    try:
        return underlay.lab_underlay(lab, nodes, segments)
    except ValueError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule(object):
    """The lab's filter."""

    def filters(self):
        return {'lab_underlay': lab_underlay}
