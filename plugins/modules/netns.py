#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns
short_description: Network namespaces
version_added: 0.1.0
description:
  - Makes or removes a named network namespace, as C(ip netns) does, with its loopback device up.
  - Removing takes all links in it. What runs in it keeps the namespace alive without its name, so stop that first.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.state
options:
  name:
    description: Name of the namespace under C(/run/netns), up to 255 characters without white space or C(/).
    type: str
    required: true
seealso:
  - module: clusternet.fabric.veth
  - module: clusternet.fabric.network
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A namespace
  clusternet.fabric.netns:
    name: web

- name: No such namespace
  clusternet.fabric.netns:
    name: web
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {netns: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip netns add web
    - ip -n web link set dev lo up
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {netns: [{name: web}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("netns")


if __name__ == "__main__":
    main()
