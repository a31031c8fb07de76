#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vlan
short_description: VLAN devices
version_added: 0.1.0
description:
  - Makes, changes or removes a VLAN device, which takes part in one VLAN of O(parent).
  - O(id) and O(protocol) cannot be changed in place. Where they differ the device is made anew, with the addresses, routes and neighbours it had.
  - It cannot be up while its parent is down. A parent that goes down takes it down, and one that comes up brings it up.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.link.parent
  - clusternet.fabric.state
options:
  id:
    description:
      - VLAN ID, from 1 to 4094.
      - Required with O(state=present).
    type: int
  protocol:
    description: Tag. V(802.1ad) is the outer one of a provider.
    type: str
    choices: [802.1Q, 802.1ad]
    default: 802.1Q
seealso:
  - module: clusternet.fabric.macvlan
  - module: clusternet.fabric.ipvlan
  - module: clusternet.fabric.address
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: VLAN 42 of a link
  clusternet.fabric.vlan:
    name: eth0.42
    parent: eth0
    id: 42

- name: No such device
  clusternet.fabric.vlan:
    name: eth0.42
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {vlan: 1}, change: {vlan: 1}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["vlan eth0.42: id cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add link eth0 name eth0.42 type vlan protocol 802.1Q id 42
    - ip link set dev eth0.42 up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {vlan: [{name: eth0.42, parent: eth0, id: 42, protocol: 802.1Q, up: true}]}
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
    granular("vlan")


if __name__ == "__main__":
    main()
