#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bridge
short_description: Bridges
version_added: 0.1.0
description:
  - Makes, changes or removes a bridge. Its ports say themselves that they are, with O(master), and are let go of when it is removed.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.state
options:
  stp:
    description: Whether the spanning tree protocol runs. A new bridge has none.
    type: bool
  priority:
    description: The bridge's priority in the spanning tree, from 0 to 65535; the lowest is the root. A new bridge has 32768.
    type: int
  forward_delay:
    description: Seconds, from 2 to 30, that a port listens, and then learns, before it forwards, with O(stp). A new bridge has 15.
    type: int
  hello_time:
    description: Seconds, from 1 to 10, between BPDUs of the root. A new bridge has 2.
    type: int
  max_age:
    description: Seconds, from 6 to 40, after which a root that is not heard of is given up. A new bridge has 20.
    type: int
  ageing_time:
    description: Seconds, up to 1000000, for which a learned MAC address is remembered. A new bridge has 300.
    type: int
  multicast_snooping:
    description: Whether the bridge listens who wants which multicast group. A new bridge does.
    type: bool
  group_fwd_mask:
    description:
      - Mask of the link-local groups C(01:80:c2:00:00:0x) that are forwarded, bit x for each, such as V(0x4000) for LLDP. A new bridge has 0.
      - The lowest three bits, which are STP, pause frames and LACP, cannot be set.
    type: int
  vlan_filtering:
    description: Whether the bridge tells VLANs apart, by the entries of M(clusternet.fabric.bridge_vlan). A new bridge does not.
    type: bool
  vlan_protocol:
    description: Whose tags they are, those of customers or of providers. A new bridge has V(802.1Q).
    type: str
    choices: [802.1Q, 802.1ad]
  vlan_default_pvid:
    description:
      - VLAN ID, from 1 to 4094, that the bridge and each port have as PVID and untagged to begin with; V(0) for none. A new bridge has V(1).
      - Another one moves that VLAN of every port that still has it so.
    type: int
notes:
  - A kernel without VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING) takes O(vlan_protocol) and O(vlan_default_pvid), and forgets them. That is an
    error here, as is to filter.
seealso:
  - module: clusternet.fabric.bridge_port
  - module: clusternet.fabric.bridge_vlan
  - module: clusternet.fabric.veth
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A bridge
  clusternet.fabric.bridge:
    name: br-blue
    mtu: "1450"

- name: The same within a namespace, without spanning tree
  clusternet.fabric.bridge:
    name: br-blue
    netns: switch
    stp: false

- name: One that filters VLANs, and whose ports have those that they are given
  clusternet.fabric.bridge:
    name: br-blue
    vlan_filtering: true
    vlan_default_pvid: 0

- name: One with a spanning tree that settles faster
  clusternet.fabric.bridge:
    name: br-blue
    stp: true
    forward_delay: 4
    hello_time: 1
    max_age: 6

- name: No such bridge
  clusternet.fabric.bridge:
    name: br-blue
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {bridge: 1}, change: {bridge: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name br-blue type bridge
    - ip link set dev br-blue mtu 1450
    - ip link set dev br-blue up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {bridge: [{name: br-blue, mtu: 1450, up: true}]}
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
    granular("bridge")


if __name__ == "__main__":
    main()
