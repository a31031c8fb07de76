#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vxlan
short_description: VXLAN devices
version_added: 0.1.0
description:
  - Makes, changes or removes a VXLAN device (a VTEP). Where the other VTEPs are, entries of M(clusternet.fabric.vxlan_fdb) say.
  - O(vni), O(port), O(local) and O(dev) cannot be changed in place. Where they differ the device is made anew, with the addresses, routes,
    neighbours and FDB entries it had.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.state
options:
  vni:
    description:
      - VXLAN network identifier, from 1 to 16777215.
      - Required with O(state=present).
    type: int
  port:
    description: UDP port, from 1 to 65535. The default is IANA's; the kernel's own, which flannel uses, is 8472.
    type: int
    default: 4789
  local:
    description: Address that packets are sent from. It is not looked at where it is left out.
    type: str
  dev:
    description:
      - Underlay device, in the same namespace. V(auto) is the one that holds O(local).
      - Left out, it is not looked at, and a new device has none.
    type: str
  learning:
    description: Whether the device learns from arriving packets behind which VTEP a MAC address is.
    type: bool
    default: true
seealso:
  - module: clusternet.fabric.vxlan_fdb
  - module: clusternet.fabric.neighbour
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A VTEP over the device that holds its address, with what is left of that device's MTU
  clusternet.fabric.vxlan:
    name: vxlan42
    vni: 42
    local: 192.0.2.11
    dev: auto
    mtu: auto
    mac: 02:00:5e:10:00:2a
    learning: false

- name: No such VTEP
  clusternet.fabric.vxlan:
    name: vxlan42
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {vxlan: 1}, change: {vxlan: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name vxlan42 mtu 1450 address 02:00:5e:10:00:2a type vxlan id 42 dstport 4789 local 192.0.2.11 dev eth0 nolearning
    - ip link set dev vxlan42 up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {vxlan: [{name: vxlan42, vni: 42, port: 4789, local: 192.0.2.11, dev: eth0, mtu: 1450, learning: false, up: true}]}
missing:
  description: Packages that this node lacks.
  returned: in check mode, where something is missing
  type: list
  elements: str
  sample: [python3-pyroute2]
prediction:
  description: V(partial) where something is missing.
  returned: in check mode, where something is missing
  type: str
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("vxlan")


if __name__ == "__main__":
    main()
