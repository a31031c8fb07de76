#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sysctl
short_description: Network sysctls of a namespace
version_added: 0.1.0
description:
  - Sets a sysctl below C(net), in any namespace. It has a value always, so there is nothing to make absent.
  - The value lasts as long as the kernel or the namespace. What is to hold after a reboot is for C(ansible.posix.sysctl).
  - Where a fabric wants another value of the key, the module refuses.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
options:
  key:
    description:
      - The key as a path below C(/proc/sys), beginning with C(net/).
      - Dots for slashes are taken too, but then the name of a device in it cannot have one.
    type: str
    required: true
  value:
    description: The value. Several fields are parted by blanks.
    type: str
    required: true
seealso:
  - module: ansible.posix.sysctl
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: Forwarding
  clusternet.fabric.sysctl:
    key: net/ipv4/ip_forward
    value: "1"

- name: A device with a dot in its name, in a namespace
  clusternet.fabric.sysctl:
    netns: web
    key: net/ipv4/conf/eth0.42/rp_filter
    value: "2"
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {change: {sysctl: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - sysctl -w net/ipv4/ip_forward=1
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {sysctl: [{key: net/ipv4/ip_forward, value: "0"}]}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {sysctl: [{key: net/ipv4/ip_forward, value: "1"}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("sysctl")


if __name__ == "__main__":
    main()
