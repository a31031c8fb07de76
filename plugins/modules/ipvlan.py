#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ipvlan
short_description: ipvlan devices
version_added: 0.1.0
description:
  - Makes, changes or removes an ipvlan device, which shares the MAC address and the MTU of O(parent) and has addresses of its own.
  - Mode and flag are the same for all ipvlan devices of a parent. Where somebody else's would change with them, the module refuses.
  - The machine itself cannot reach it through O(parent), nor the other way round. A link that is a port of a bridge, or bears macvlan devices, cannot
    be the parent of one.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link.without_mac
  - clusternet.fabric.link.parent
  - clusternet.fabric.state
options:
  mode:
    description:
      - V(l2) is a segment, with ARP and broadcasts. V(l3) routes by the parent's namespace, without either, and past its packet filter.
        V(l3s) is the same through the packet filter.
    type: str
    choices: [l2, l3, l3s]
    default: l2
  flag:
    description: V(bridge) lets the devices of a parent talk, V(private) does not, V(vepa) sends everything out and leaves it to the switch.
    type: str
    choices: [bridge, private, vepa]
    default: bridge
seealso:
  - module: clusternet.fabric.macvlan
  - module: clusternet.fabric.vlan
  - module: clusternet.fabric.address
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A namespace that is routed to, behind the machine's one MAC address
  clusternet.fabric.ipvlan:
    name: eth0
    netns: web
    parent: eth0
    mode: l3s

- name: No such device
  clusternet.fabric.ipvlan:
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
  sample: {add: {ipvlan: 1}, change: {ipvlan: 1}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["ipvlan eth0 in namespace web: parent cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add link eth0 name tmpc8692498 netns web type ipvlan mode l3s bridge
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
  sample: {ipvlan: [{name: eth0, netns: web, parent: eth0, mode: l3s, flag: bridge, up: true}]}
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
    granular("ipvlan")


if __name__ == "__main__":
    main()
