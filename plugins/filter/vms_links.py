# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: vms_links
short_description: How virtual machines are connected
version_added: 0.1.0
description:
  - Computes from each machine's address on the underlay which segment it is on and what it is told of its link.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  _input:
    description: Addresses of the machines by their names.
    type: dict
    required: true
'''

EXAMPLES = r'''
- name: One machine's links
  ansible.builtin.debug:
    msg: "{{ {'node1': '198.18.0.11'} | clusternet.fabric.vms_links }}"
'''

RETURN = r'''
_value:
  description:
    - By name, C(segment), C(address) with its prefix length, C(gateway), C(mac), and C(port), on which the machine's SSH is reached at
      127.0.0.1 in the switch's namespace.
  type: dict
'''

import ipaddress

from ansible.errors import AnsibleFilterError
from ansible_collections.clusternet.fabric.plugins.plugin_utils import lab_underlay

FIRST_PORT = 22000


def vms_links(addresses):
    links = {}
    for name, address in addresses.items():
        try:
            link = lab_underlay.machine_link(address)
        except ValueError as exc:
            raise AnsibleFilterError('vms_addresses.%s: %s' % (name, exc)) from exc
        # The last 13 bits of the two segments together tell every address of them apart.
        links[name] = dict(link, port=FIRST_PORT + int(ipaddress.ip_address(address)) % 0x2000)
    macs = [link['mac'] for link in links.values()]
    twice = sorted(name for name, link in links.items() if macs.count(link['mac']) > 1)
    if twice:
        raise AnsibleFilterError('vms_addresses: %s have the same address: expected one for each machine' % ', '.join(twice))
    return links


class FilterModule(object):
    """The filter."""

    def filters(self):
        return {'vms_links': vms_links}
