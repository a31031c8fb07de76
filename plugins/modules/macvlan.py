#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: macvlan
short_description: macvlan devices
version_added: 0.1.0
description:
  - Makes, changes or removes a macvlan device, which has a MAC address of its own on the segment of O(parent).
  - The machine itself cannot reach it through O(parent), nor the other way round. A link that is a port of a bridge, or bears ipvlan devices, cannot
    be the parent of one.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.link.parent
  - clusternet.fabric.state
options:
  mode:
    description:
      - What the macvlan devices of one parent are to one another. V(bridge) lets them talk, V(private) does not, V(vepa) sends
        everything out and leaves it to the switch. V(source) gets only frames of the addresses in O(source_macs). V(passthru) is alone on
        O(parent), has its MAC address, which O(mac) cannot change, and gets all its frames.
      - Into V(passthru) and out of it, the device is made anew.
    type: str
    choices: [private, vepa, bridge, passthru, source]
    default: bridge
  source_macs:
    description: Set of MAC addresses whose frames the device gets in mode V(source), where it is all of them. Left out, it is empty.
    type: list
    elements: str
  bcqueuelen:
    description: Broadcast frames, from 1, that may wait on O(parent) for this device; the parent takes the largest. A new device has 1000.
    type: int
seealso:
  - module: clusternet.fabric.ipvlan
  - module: clusternet.fabric.vlan
  - module: clusternet.fabric.address
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A namespace with a place of its own on the machine's segment
  clusternet.fabric.macvlan:
    name: eth0
    netns: web
    parent: eth0

- name: Only what two machines send
  clusternet.fabric.macvlan:
    name: tap0
    parent: eth0
    mode: source
    source_macs: [02:00:5e:10:00:0a, 02:00:5e:10:00:0b]

- name: No such device
  clusternet.fabric.macvlan:
    name: eth0
    netns: web
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {macvlan: 1}, change: {macvlan: 1}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["macvlan eth0 in namespace web: parent cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add link eth0 name tmpc8692498 netns web type macvlan mode bridge
    - ip -n web link set dev tmpc8692498 name eth0
    - ip -n web link set dev eth0 up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {macvlan: [{name: eth0, netns: web, parent: eth0, mode: bridge, up: true}]}
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
    granular("macvlan")


if __name__ == "__main__":
    main()
