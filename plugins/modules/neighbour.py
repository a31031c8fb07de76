#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: neighbour
short_description: Permanent neighbours
version_added: 0.1.0
description:
  - Makes, changes or removes a permanent neighbour entry, which says which MAC address an IP address has on a device.
  - An entry is named by O(dev) and O(address). Learned entries do not count; a permanent one takes their place.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dev:
    description: The device. It must exist.
    type: str
    required: true
  address:
    description: IPv4 or IPv6 address of the neighbour, without a prefix length.
    type: str
    required: true
  mac:
    description:
      - Unicast MAC address of the neighbour.
      - Required with O(state=present).
    type: str
  protocol:
    description:
      - Routing protocol number, up to 255, that says who made the entry.
      - Left out, it is not looked at, and a new entry gets none.
    type: int
seealso:
  - module: clusternet.fabric.route
  - module: clusternet.fabric.vxlan_fdb
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A neighbour that nobody has to ask for
  clusternet.fabric.neighbour:
    dev: vxlan42
    address: 198.51.100.0
    mac: 02:00:5e:10:00:2b

- name: No longer
  clusternet.fabric.neighbour:
    dev: vxlan42
    address: 198.51.100.0
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {neighbour: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip neighbour replace 198.51.100.0 lladdr 02:00:5e:10:00:2b dev vxlan42 nud permanent
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {neighbour: [{dev: vxlan42, address: 198.51.100.0, mac: "02:00:5e:10:00:2b"}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("neighbour")


if __name__ == "__main__":
    main()
