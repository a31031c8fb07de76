#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bridge_port
short_description: Devices such as a NIC as ports of bridges
version_added: 0.1.0
description:
  - Makes a device that this collection did not make, such as a physical NIC, a port of a bridge, changes its settings there, or releases it.
    A device that it makes names its bridge itself (O(clusternet.fabric.veth#module:master)).
  - The device's addresses and routes move to the bridge, which has them before the device loses them. So connections over it live on, that of
    the run itself among them.
  - In a document for M(clusternet.fabric.network), the bridge is one of the document and gets the device's MAC address unless it says another.
    What moved is written down on the node, kept on the bridge, and goes back when the entry goes. V(auto) in the document means the bridge then.
  - The module itself writes nothing down. With O(state=absent) it releases the device, and what is on the bridge stays there.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.link.port
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  name:
    description: The device. It must exist.
    type: str
    required: true
  master:
    description:
      - The bridge, in the same namespace.
      - Required with O(state=present).
    type: str
  move_addresses:
    description:
      - Whether the device's addresses and its routes, of any table, move to the bridge. IPv6 link-local addresses and what comes of router
        advertisements do not; the bridge gets its own.
      - Moved addresses have no end of life. A DHCP client has to be told of the bridge, or it gives the device its address again, and the next run
        moves it once more.
    type: bool
    default: true
notes:
  - Permanent neighbours of the device do not move. A run that would lose some is refused.
  - A bridge with O(clusternet.fabric.bridge#module:stp) keeps a new port from forwarding for twice its
    O(clusternet.fabric.bridge#module:forward_delay), in which connections stand still.
  - Rules of packet filters that name the device do not see the bridge's packets.
seealso:
  - module: clusternet.fabric.bridge
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A bridge for machines that are to be in the network of eth0, with its addresses
  clusternet.fabric.bridge_port:
    name: eth0
    master: br-lan
    bridge_port:
      hairpin: true

- name: The same as a part of a network, which gives everything back when it goes
  clusternet.fabric.network:
    owner: blue
    document:
      bridge:
        - {name: br-blue}
      bridge_port:
        - {name: eth1, master: br-blue}

- name: A port no longer; addresses and routes stay on the bridge
  clusternet.fabric.bridge_port:
    name: eth0
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {change: {bridge_port: 1, route: 1}, add: {address: 1}, remove: {address: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link set dev eth0 master br-lan
    - ip address add 192.0.2.11/24 brd + dev br-lan scope global
    - ip route replace 0.0.0.0/0 via 192.0.2.1 dev br-lan proto 16 scope global
    - ip address delete 192.0.2.11/24 dev eth0
before:
  description: The port before, as a document for M(clusternet.fabric.network); empty where it was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The port now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {bridge_port: [{name: eth0, master: br-lan, bridge_port: {hairpin: true}, move_addresses: true}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("bridge_port")


if __name__ == "__main__":
    main()
