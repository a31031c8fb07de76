#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard
short_description: WireGuard devices and their peers
version_added: 0.1.0
description:
  - Makes, changes or removes a WireGuard device with its keys and peers. Nothing but the kernel is needed for it.
  - The private key lies in a file on the node and is made there, where there is none. It is read and compared on the node, and never
    part of a result, a difference, a command, or anything that is stored. M(clusternet.fabric.network_info) tells the public key.
  - Peers that stay as they are keep their sessions. Routes to what peers may send are up to M(clusternet.fabric.route).
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  name:
    description: Name of the device, 1 to 15 characters without white space, C(/) or C(:).
    type: str
    required: true
  mtu:
    description:
      - MTU in bytes, from 68 to 65535, or V(auto) in a document for M(clusternet.fabric.network) that says what the underlay is.
      - Left out, it is not looked at, and a new device gets the kernel's, 1420.
    type: str
  up:
    description: Whether the device is up.
    type: bool
    default: true
  listen_port:
    description:
      - UDP port, from 1 to 65535.
      - Left out, it is not looked at, and a new device gets one from the kernel.
    type: int
  fwmark:
    description:
      - Mark of the packets that the device sends, V(0) for none.
      - Left out, it is not looked at, and a new device has none.
    type: int
  private_key_file:
    description:
      - Absolute path of a file on the node with the private key in base64, as C(wg genkey) writes it.
      - Where there is no such file, a key is made, readable for root alone (0400). Its folder must exist. The file stays when the device goes.
      - Left out, the key is not looked at, and a new device has none.
    type: str
  peers:
    description: All peers of the device; others are taken away. Left out, they are not looked at.
    type: list
    elements: dict
    suboptions:
      public_key:
        description: The peer's public key in base64.
        type: str
        required: true
      endpoint:
        description:
          - Address and UDP port of the peer, such as V(192.0.2.1:51820) or V([2001:db8::1]:51820).
          - Left out, it is not looked at, and it is wherever the peer was last heard from.
        type: str
      allowed_ips:
        description: Prefixes that the peer may send from, and packets to which go to it. A prefix can be one peer's only.
        type: list
        elements: str
        default: []
      persistent_keepalive:
        description: Seconds between packets that keep a mapping on the way open, from 0 to 65535. V(0) means none.
        type: int
        default: 0
      preshared_key_file:
        description:
          - Absolute path of a file on the node with a key that both peers share, as C(wg genpsk) writes it. It must exist.
          - The empty string takes such a key away. Left out, it is not looked at, and a new peer has none.
        type: str
notes:
  - When such a device comes up, the kernel sets the sysctl C(net/ipv4/conf/all/send_redirects) of the namespace to 0, and nothing sets it back.
    In a document of M(clusternet.fabric.network) it is put back when the fabric's last such device goes.
seealso:
  - module: clusternet.fabric.route
  - module: clusternet.fabric.network_info
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A device with a peer
  clusternet.fabric.wireguard:
    name: wg0
    listen_port: 51820
    private_key_file: /etc/wireguard/wg0.key
    peers:
      - public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
        endpoint: 192.0.2.12:51820
        allowed_ips: [198.51.100.0/24]

- name: Its public key, for the peers
  clusternet.fabric.network_info:
  register: told

- name: Show it
  ansible.builtin.debug:
    msg: "{{ told.links | selectattr('name', 'eq', 'wg0') | map(attribute='public_key') | first }}"

- name: No such device
  clusternet.fabric.wireguard:
    name: wg0
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {wireguard: 1}, change: {wireguard: 1}}
commands:
  description: The same operations as shell commands. Keys are named by their files. C(wg) is only needed to type them.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name wg0 type wireguard
    - "test -e /etc/wireguard/wg0.key || wg genkey | (umask 0277 && cat > /etc/wireguard/wg0.key)"
    - wg set wg0 listen-port 51820 private-key /etc/wireguard/wg0.key
    - ip link set dev wg0 up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {wireguard: [{name: wg0, up: true, listen_port: 51820, private_key_file: /etc/wireguard/wg0.key}]}
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
  description: Whether everything done before the failure was put back, a file made for a key included.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("wireguard")


if __name__ == "__main__":
    main()
