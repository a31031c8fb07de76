#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dummy
short_description: Dummy devices
version_added: 0.1.0
description:
  - Makes, changes or removes a dummy device, a link that leads nowhere and is always there, for addresses and routes that belong to no other.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.state
seealso:
  - module: clusternet.fabric.address
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A device for the node's service addresses
  clusternet.fabric.dummy:
    name: services

- name: No such device
  clusternet.fabric.dummy:
    name: services
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {dummy: 1}, change: {dummy: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name services type dummy
    - ip link set dev services up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {dummy: [{name: services, up: true}]}
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
    granular("dummy")


if __name__ == "__main__":
    main()
