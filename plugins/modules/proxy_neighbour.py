#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: proxy_neighbour
short_description: Proxy neighbours
version_added: 0.1.0
description:
  - Makes or removes an entry that has a device answer ARP requests (IPv4) or neighbour solicitations (IPv6) for an address of somebody else's,
    as C(ip neighbour add proxy) does.
  - An entry is named by O(dev) and O(address).
  - The kernel answers IPv6 solicitations only where C(net/ipv6/conf/<dev>/proxy_ndp) is V(1), and, for either, only where it forwards packets and
    the address is reached by another device. See M(clusternet.fabric.sysctl).
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dev:
    description: The device that answers. It must exist.
    type: str
    required: true
  address:
    description: IPv4 or IPv6 address to answer for, without a prefix length.
    type: str
    required: true
  protocol:
    description:
      - Routing protocol number from 1 to 255 that says who made the entry.
      - Left out, it is not looked at, and a new entry gets none.
    type: int
seealso:
  - module: clusternet.fabric.neighbour
  - module: clusternet.fabric.sysctl
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A pod with an address of the node's own segment, reached by way of the node
  clusternet.fabric.proxy_neighbour:
    dev: eth0
    address: 192.0.2.77

- name: No longer
  clusternet.fabric.proxy_neighbour:
    dev: eth0
    address: 192.0.2.77
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {proxy_neighbour: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip neighbour add proxy 192.0.2.77 dev eth0
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {proxy_neighbour: [{dev: eth0, address: 192.0.2.77}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("proxy_neighbour")


if __name__ == "__main__":
    main()
