#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vxlan
short_description: VXLAN devices
version_added: 0.1.0
description:
  - Makes, changes or removes a VXLAN device (a VTEP). Where the other VTEPs are, entries of M(clusternet.fabric.vxlan_fdb) say.
  - Only O(learning), O(ageing_time), O(ttl), O(tos) and what every link has can be changed in place. Where anything else differs the device is
    made anew, with the addresses, routes, neighbours and FDB entries it had, and RV(replaced) says so.
  - Several devices can share a UDP port, each with its VNI.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.state
options:
  vni:
    description:
      - VXLAN network identifier, from 1 to 16777215.
      - Required with O(state=present), unless the device is O(external).
    type: int
  external:
    description:
      - Whether each packet brings its VNI and destination with it, from a route, from an eBPF program, or from its VLAN. Entries of the
        forwarding database are then by the VNI too (O(clusternet.fabric.vxlan_fdb#module:src_vni)).
      - It cannot share its UDP port with devices that are not.
    type: bool
    default: false
  port:
    description: UDP port, from 1 to 65535. The default is IANA's; the kernel's own, which flannel uses, is 8472.
    type: int
    default: 4789
  local:
    description: Address that packets are sent from. It is not looked at where it is left out.
    type: str
  dev:
    description:
      - Underlay device, in the same namespace. V(auto) is the one that holds O(local).
      - Left out, it is not looked at, and a new device has none.
    type: str
  group:
    description:
      - Multicast address, of IPv4 or IPv6, that frames without an entry go to, and that is joined on O(dev), which it takes.
      - The empty string is none. Left out, it is not looked at.
      - The kernel keeps it in the flood list, where it needs no entry. Unicast destinations are entries of M(clusternet.fabric.vxlan_fdb).
    type: str
  learning:
    description: Whether the device learns from arriving packets behind which VTEP a MAC address is.
    type: bool
    default: true
  ageing_time:
    description: Seconds, from 1, for which what was learned is remembered. A new device has 300.
    type: int
  ttl:
    description: TTL of the outer packets, from 1 to 255; V(0) is the system's, and 1 for multicast. A new device has 0.
    type: int
  tos:
    description: TOS byte of the outer packets, from 0 to 255; V(1) is that of the inner packet. A new device has 0.
    type: int
  srcport:
    description: Range of UDP ports to send from, such as V(49152-65535). A new device takes the system's.
    type: str
  proxy:
    description: Whether the device answers ARP and neighbour solicitations from the neighbours that it has. A new one does not.
    type: bool
  l2miss:
    description: Whether user space is told of frames to MAC addresses without an entry. A new device does not tell.
    type: bool
  l3miss:
    description: Whether user space is told of packets to addresses without a neighbour. A new device does not tell.
    type: bool
  udpcsum:
    description: Whether outer packets over IPv4 have a UDP checksum. Those of a new device have.
    type: bool
  udp6zerocsumtx:
    description: Whether outer packets over IPv6 go without a UDP checksum. Those of a new device have one.
    type: bool
  udp6zerocsumrx:
    description: Whether outer packets over IPv6 without a UDP checksum are taken. A new device drops them.
    type: bool
seealso:
  - module: clusternet.fabric.vxlan_fdb
  - module: clusternet.fabric.neighbour
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A VTEP over the device that holds its address, with what is left of that device's MTU
  clusternet.fabric.vxlan:
    name: vxlan42
    vni: 42
    local: 192.0.2.11
    dev: auto
    mtu: auto
    mac: 02:00:5e:10:00:2a
    learning: false

- name: VTEPs that find each other by a multicast group, over IPv6
  clusternet.fabric.vxlan:
    name: vxlan43
    vni: 43
    local: 2001:db8::11
    dev: eth0
    group: ff05::43
    ttl: 8
    mtu: auto

- name: One device for many VNIs
  clusternet.fabric.vxlan:
    name: vxlan-ext
    external: true
    port: 4790
    learning: false

- name: No such VTEP
  clusternet.fabric.vxlan:
    name: vxlan42
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {vxlan: 1}, change: {vxlan: 1}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["vxlan vxlan42: vni cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name vxlan42 mtu 1450 address 02:00:5e:10:00:2a type vxlan id 42 dstport 4789 local 192.0.2.11 dev eth0 nolearning
    - ip link set dev vxlan42 up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {vxlan: [{name: vxlan42, vni: 42, port: 4789, local: 192.0.2.11, dev: eth0, mtu: 1450, learning: false, up: true}]}
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
    granular("vxlan")


if __name__ == "__main__":
    main()
