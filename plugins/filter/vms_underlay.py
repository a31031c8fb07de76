# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: vms_underlay
short_description: The network around virtual machines
version_added: 0.1.0
description:
  - Computes what module M(clusternet.fabric.network) applies on this machine so that virtual machines have a switch to be plugged
    into, as by filter P(clusternet.fabric.lab_underlay#filter) for a lab.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  _input:
    description: Name of the set of machines.
    type: str
    required: true
'''

EXAMPLES = r'''
- name: The underlay of a set of machines
  ansible.builtin.debug:
    msg: "{{ 'vm' | clusternet.fabric.vms_underlay }}"
'''

RETURN = r'''
_value:
  description: The parameters C(owner), C(number) and C(document) of module M(clusternet.fabric.network).
  type: dict
'''

from ansible_collections.clusternet.fabric.plugins.plugin_utils import lab_underlay


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'vms_underlay': lab_underlay.vms_underlay}
