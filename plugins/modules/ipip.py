#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ipip
short_description: IPIP tunnels
version_added: 0.1.0
description:
  - Makes, changes or removes a tunnel for IPv4 in IPv4. Without O(remote) the routes over it say where packets go, by their gateways.
  - O(local), O(remote), O(dev) and O(ttl) are not changed in place. Where they differ the tunnel is made anew, with the addresses, routes and neighbours
    it had.
  - The kernel module puts a tunnel C(tunl0) without addresses into every namespace. It can be changed, but not made or removed.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link.device
  - clusternet.fabric.state
options:
  local:
    description: IPv4 address that packets are sent from. It is not looked at where it is left out. A new tunnel needs this or O(remote).
    type: str
  remote:
    description: IPv4 address that packets are sent to. It is not looked at where it is left out, and a new tunnel has none.
    type: str
  dev:
    description:
      - Underlay device, in the same namespace. V(auto) is the one that holds O(local).
      - Left out, it is not looked at, and a new tunnel takes the route to O(remote).
    type: str
  ttl:
    description: TTL of the outer packets, from 0 to 255. V(0), which a new tunnel has, takes that of the inner ones.
    type: int
seealso:
  - module: clusternet.fabric.vxlan
  - module: clusternet.fabric.route
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A tunnel to one other machine
  clusternet.fabric.ipip:
    name: to-b
    local: 192.0.2.11
    remote: 192.0.2.12
    mtu: auto

- name: No such tunnel
  clusternet.fabric.ipip:
    name: to-b
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {ipip: 1}, change: {ipip: 1}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["ipip to-b: remote cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name to-b mtu 1480 type ipip local 192.0.2.11 remote 192.0.2.12
    - ip link set dev to-b up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {ipip: [{name: to-b, local: 192.0.2.11, remote: 192.0.2.12, mtu: 1480, up: true}]}
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
    granular("ipip")


if __name__ == "__main__":
    main()
