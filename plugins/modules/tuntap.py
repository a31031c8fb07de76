#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tuntap
short_description: tun and tap devices
version_added: 0.1.0
description:
  - Makes, changes or removes a persistent tun or tap device, as C(ip tuntap) does. What is sent into it a process reads that has attached to it,
    such as a virtual machine or a VPN, and the other way round.
  - O(mode), O(owner), O(owner_group), O(pi), O(vnet_hdr) and O(multi_queue) cannot be changed in place. Where they differ the device is made anew, with
    the addresses, routes and neighbours it had, and whoever was attached to it has to attach again.
  - A device that is not persistent belongs to the process that made it, and goes with that.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.state
options:
  mode:
    description:
      - V(tun) devices carry IP packets, V(tap) devices Ethernet frames.
      - With V(tun) there is no O(mac) and no O(master).
    type: str
    default: tun
    choices:
      - tun
      - tap
  owner:
    description: Number of the user who may attach to the device without being root. Left out, it is not looked at, and a new device has none.
    type: int
  owner_group:
    description: Number of the group whose members may. Left out, it is not looked at, and a new device has none.
    type: int
  pi:
    description: Whether four bytes that say what a packet is stand before each.
    type: bool
    default: false
  vnet_hdr:
    description: Whether a header for checksums and segmentation offload stands before each packet, as virtual machines have it.
    type: bool
    default: false
  multi_queue:
    description: Whether several processes or threads can attach at once.
    type: bool
    default: false
  process_headers:
    description:
      - Whether O(pi) and O(vnet_hdr) are left to the process that attaches, which says both anew. A new device has neither until then, and whatever it
        has later is as wanted.
    type: bool
    default: false
seealso:
  - module: clusternet.fabric.bridge
  - module: clusternet.fabric.veth
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A device for a virtual machine that user 1000 runs
  clusternet.fabric.tuntap:
    name: vm1
    mode: tap
    owner: 1000
    vnet_hdr: true

- name: A device for a VPN
  clusternet.fabric.tuntap:
    name: vpn0
    mtu: 1400

- name: No such device
  clusternet.fabric.tuntap:
    name: vm1
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {tuntap: 1}, change: {tuntap: 1}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["tuntap tap-vm1: mode cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip tuntap add dev vm1 mode tap user 1000 vnet_hdr
    - ip link set dev vm1 up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {tuntap: [{name: vm1, mode: tap, up: true, owner: 1000, pi: false, vnet_hdr: true, multi_queue: false}]}
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
    granular("tuntap")


if __name__ == "__main__":
    main()
