#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vxlan_fdb
short_description: Static FDB entries of VXLAN devices
version_added: 0.1.0
description:
  - Makes, changes or removes an entry of a VXLAN device's forwarding database, which says behind which VTEP a MAC address is.
  - The all-zero MAC address is the flood list, where a frame goes that has no entry of its own. It alone may have several destinations,
    so with it O(dst) is part of an entry's name. Any other entry is named by O(dev) and O(mac).
  - Learned entries do not count; a static one takes their place. When an end leaves the flood list, what the device has learned to be behind it
    goes too.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dev:
    description: The VXLAN device. It must exist.
    type: str
    required: true
  mac:
    description: MAC address, V(00:00:00:00:00:00) for the flood list.
    type: str
    required: true
  dst:
    description:
      - Address of the VTEP.
      - Required with O(state=present), and with the all-zero MAC address.
    type: str
  port:
    description: UDP port of the VTEP, from 1 to 65535, where it is not the device's own.
    type: int
  vni:
    description: VNI to send with, from 1 to 16777215, where it is not the device's own.
    type: int
  via:
    description: Device to send by, in the same namespace, where it is not the tunnel's own.
    type: str
  src_vni:
    description:
      - VNI, from 1 to 16777215, of the frames that the entry is for, on a device in external mode. It is part of an entry's name there.
    type: int
seealso:
  - module: clusternet.fabric.vxlan
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: Where a MAC address is
  clusternet.fabric.vxlan_fdb:
    dev: vxlan42
    mac: 02:00:5e:10:00:2b
    dst: 192.0.2.12

- name: Frames without an entry go there too
  clusternet.fabric.vxlan_fdb:
    dev: vxlan42
    mac: 00:00:00:00:00:00
    dst: 192.0.2.13

- name: The same MAC address in another network of a device in external mode
  clusternet.fabric.vxlan_fdb:
    dev: vxlan-ext
    mac: 02:00:5e:10:00:2b
    src_vni: 7
    dst: 192.0.2.13
    via: eth1

- name: No longer
  clusternet.fabric.vxlan_fdb:
    dev: vxlan42
    mac: 00:00:00:00:00:00
    dst: 192.0.2.13
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {vxlan_fdb: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - bridge fdb replace 02:00:5e:10:00:2b dev vxlan42 dst 192.0.2.12 self permanent
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {vxlan_fdb: [{dev: vxlan42, mac: "02:00:5e:10:00:2b", dst: 192.0.2.12}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("vxlan_fdb")


if __name__ == "__main__":
    main()
