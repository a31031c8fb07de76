#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bridge_vlan
short_description: VLANs of bridges and their ports
version_added: 0.1.0
description:
  - Adds VLANs to a port of a bridge, or to the bridge itself as a device of the machine, changes their flags, or removes them. They count where
    the bridge has O(clusternet.fabric.bridge#module:vlan_filtering).
  - The kernel gives a new bridge and each new port the bridge's default PVID (O(clusternet.fabric.bridge#module:vlan_default_pvid)), and takes a
    port's VLANs when it leaves its bridge. In a document, a device of the fabric has the VLANs of its entries and that default, as a new port has it
    unless an entry names its number. With a default of V(0) it has those of its entries alone.
  - Whether it is a VLAN of a port or of the bridge itself (C(master), C(self) of C(bridge vlan)) follows from O(dev).
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dev:
    description: A bridge, or a port of one. It must exist.
    type: str
    required: true
  vid:
    description: VLAN ID from 1 to 4094, or a range of them such as V(100-199).
    type: str
    required: true
  pvid:
    description:
      - Whether frames that come in without a tag are of this VLAN. A device has one such, and another one loses it.
      - Not with a range.
    type: bool
    default: false
  untagged:
    description: Whether frames of this VLAN go out without a tag.
    type: bool
    default: false
notes:
  - A kernel without VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING) is an error that says so.
seealso:
  - module: clusternet.fabric.bridge
  - module: clusternet.fabric.vlan
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A port for a machine that knows nothing of VLANs
  clusternet.fabric.bridge_vlan:
    dev: veth-web
    vid: "10"
    pvid: true
    untagged: true

- name: A trunk
  clusternet.fabric.bridge_vlan:
    dev: uplink
    vid: 100-199

- name: The machine itself takes part in VLAN 10, by a VLAN device on the bridge
  clusternet.fabric.bridge_vlan:
    dev: br-blue
    vid: "10"

- name: No longer
  clusternet.fabric.bridge_vlan:
    dev: uplink
    vid: 100-149
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {bridge_vlan: 100}}
commands:
  description: The same operations as shell commands, one for VLANs that follow one another and differ in nothing else.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - bridge vlan add dev uplink vid 100-199
before:
  description: The objects before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The objects now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {bridge_vlan: [{dev: uplink, vid: 100-199, pvid: false, untagged: false}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("bridge_vlan")


if __name__ == "__main__":
    main()
