#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: address
short_description: Addresses of devices
version_added: 0.1.0
description:
  - Makes or removes an IPv4 or IPv6 address of a device.
  - An address is named by O(dev) and O(address) with its prefix length. The scope of one that is there already is left as it is.
  - IPv6 addresses are made without duplicate address detection, so they can be used at once.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dev:
    description: The device. It must exist.
    type: str
    required: true
  address:
    description: Address with its prefix length; without one, the full length.
    type: str
    required: true
  scope:
    description: How far the address is valid.
    type: str
    default: global
    choices:
      - global
      - site
      - link
      - host
seealso:
  - module: clusternet.fabric.route
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: An address on a bridge
  clusternet.fabric.address:
    dev: br-blue
    address: 192.0.2.1/24

- name: One in a namespace
  clusternet.fabric.address:
    netns: web
    dev: eth0
    address: 2001:db8::2/64

- name: No longer
  clusternet.fabric.address:
    dev: br-blue
    address: 192.0.2.1/24
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {address: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip address add 192.0.2.1/24 brd + dev br-blue scope global
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {address: [{dev: br-blue, address: 192.0.2.1/24, scope: global}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("address")


if __name__ == "__main__":
    main()
