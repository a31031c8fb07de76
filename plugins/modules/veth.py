#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: veth
short_description: Pairs of veth devices
version_added: 0.1.0
description:
  - Makes, changes or removes a veth pair. Both ends are made at once, each in its own namespace.
  - A pair is named by its first end; O(state=absent) removes both.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.link
  - clusternet.fabric.link.peer
  - clusternet.fabric.state
seealso:
  - module: clusternet.fabric.bridge
  - module: clusternet.fabric.address
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A namespace on a bridge, allowed to reach itself through it
  clusternet.fabric.veth:
    name: veth-web
    master: br-blue
    bridge_port:
      hairpin: true
    peer:
      name: eth0
      netns: web

- name: The pair taken away, both ends
  clusternet.fabric.veth:
    name: veth-web
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {veth: 1}, change: {veth: 2}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["veth veth-web: peer cannot be changed in place"]
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip link add name veth-web master br-blue type veth peer name eth0 netns web
    - ip link set dev veth-web up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {veth: [{name: veth-web, master: br-blue, up: true, peer: {name: eth0, netns: web, up: true}}]}
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
    granular("veth")


if __name__ == "__main__":
    main()
