#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: route
short_description: Routes
version_added: 0.1.0
description:
  - Makes, changes or removes a route with one next hop, one with several, or one that drops.
  - A route is named by O(dst), O(table) and O(metric). O(state=absent) removes it whatever its next hop is.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dst:
    description:
      - Prefix without host bits, or V(default).
      - V(default) is of the family of O(via) or O(src), and IPv4 where neither is given; V(::/0) is IPv6 by itself.
    type: str
    required: true
  via:
    description: Address of the gateway. One of IPv6 can serve an IPv4 route.
    type: str
  dev:
    description:
      - The device. It must exist.
      - With O(via) it may be left out, and the kernel chooses the device that reaches the gateway.
    type: str
  onlink:
    description: Whether the gateway counts as reachable by O(dev) though no address there says so. Needs O(via) and O(dev).
    type: bool
    default: false
  nexthops:
    description:
      - The ways of a route with several, instead of O(via), O(dev) and O(onlink). Their order does not count.
      - While the device of one is down, the kernel sends by the others.
    type: list
    elements: dict
    suboptions:
      via:
        description: Address of the gateway. Required in IPv6.
        type: str
      dev:
        description: The device. It must exist. With O(nexthops[].via) it may be left out, and the kernel chooses the device that reaches the gateway.
        type: str
      onlink:
        description: Whether the gateway counts as reachable by the device. Needs O(nexthops[].via) and O(nexthops[].dev).
        type: bool
        default: false
      weight:
        description: Share of the packets that go this way, from 1 to 256.
        type: int
        default: 1
  table:
    description: Number of the routing table, from 1 to 4294967295. V(254) is the main one.
    type: int
    default: 254
  metric:
    description: Metric, from 0 to 4294967295; of several routes to a prefix the lowest is used. Left out, 0 for IPv4 and 1024 for IPv6.
    type: int
  src:
    description: Source address that is preferred. It must be one of the namespace's own.
    type: str
  mtu:
    description: MTU of packets by this route in bytes, from 68 to 65520. Left out, that of the device.
    type: int
  advmss:
    description: Segment size that TCP announces to the other end, in bytes, from 1 to 65495. Left out, it follows from the MTU.
    type: int
  scope:
    description: How far away the destination is. Left out, V(link) for an IPv4 route by O(dev) alone, else V(global). Of no meaning in IPv6.
    type: str
    choices:
      - global
      - link
      - host
  type:
    description:
      - V(unicast) routes go by O(via), O(dev) or both, or by O(nexthops). The others take none of them.
      - V(blackhole) drops in silence, V(unreachable) and V(prohibit) say so to the sender, V(throw) leaves the table for the next rule.
    type: str
    default: unicast
    choices:
      - unicast
      - blackhole
      - unreachable
      - prohibit
      - throw
  protocol:
    description:
      - Routing protocol number from 1 to 255 that says who made the route.
      - Left out, it is not looked at, and a new route gets 4, C(static).
    type: int
seealso:
  - module: clusternet.fabric.address
  - module: clusternet.fabric.rule
  - module: clusternet.fabric.neighbour
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A route by a gateway
  clusternet.fabric.route:
    dst: 198.51.100.0/24
    via: 192.0.2.1

- name: A gateway at the far end of a tunnel, which no address of the device covers
  clusternet.fabric.route:
    dst: 198.51.100.0/24
    via: 198.51.100.0
    dev: vxlan42
    onlink: true

- name: Two gateways, one of which takes three packets of four
  clusternet.fabric.route:
    dst: 198.51.100.0/24
    nexthops:
      - {via: 192.0.2.1, weight: 3}
      - {via: 192.0.2.2, dev: eth0}

- name: What is not routed elsewhere is dropped
  clusternet.fabric.route:
    dst: 203.0.113.0/24
    type: blackhole
    metric: 65535

- name: No default route in a namespace
  clusternet.fabric.route:
    netns: web
    dst: default
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {route: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip route add 198.51.100.0/24 via 192.0.2.1 proto 4 scope global
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {route: [{dst: 198.51.100.0/24, via: 192.0.2.1, table: 254, metric: 0, onlink: false, scope: global, type: unicast}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("route")


if __name__ == "__main__":
    main()
