#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: xfrm_policy
short_description: IPsec policies
version_added: 0.1.0
description:
  - Makes, changes or removes a policy of the kernel, which says of packets between two prefixes that they have to be encrypted, and by which tunnel.
  - States with their keys are made by others, such as an IKE daemon. Until there is one, packets for which O(template) asks for it are dropped.
  - Policies that are narrowed further, by a port, a protocol, a mark or an interface, are left alone.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  dir:
    description: Whether it is for packets that the node sends (V(out)), receives for itself (V(in)) or receives to send them on (V(fwd)).
    type: str
    required: true
    choices:
      - in
      - out
      - fwd
  src:
    description: Prefix that packets come from, without host bits.
    type: str
    required: true
  dst:
    description: Prefix that packets go to, without host bits, of the same family.
    type: str
    required: true
  priority:
    description: Of policies that fit a packet that of the smallest number counts.
    type: int
    default: 0
  action:
    description: Whether packets may pass.
    type: str
    default: allow
    choices:
      - allow
      - block
  template:
    description: What is asked of packets. Left out, nothing is, and they pass as they are.
    type: dict
    suboptions:
      src:
        description: Address of the end that sends. Required with a tunnel; left out in transport mode, any.
        type: str
      dst:
        description: Address of the end that receives, as for C(src).
        type: str
      proto:
        description: The protocol.
        type: str
        default: esp
        choices:
          - esp
          - ah
      mode:
        description: Whether packets are put into others or only their content is encrypted.
        type: str
        default: tunnel
        choices:
          - transport
          - tunnel
      reqid:
        description: Number that the states have which may be used. V(0) means any.
        type: int
        default: 0
      level:
        description: Whether packets may pass unencrypted where there is no state (V(use)).
        type: str
        default: required
        choices:
          - required
          - use
seealso:
  - module: clusternet.fabric.wireguard
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: What goes to another site is encrypted
  clusternet.fabric.xfrm_policy:
    dir: out
    src: 198.51.100.0/24
    dst: 203.0.113.0/24
    template: {src: 192.0.2.11, dst: 192.0.2.12, reqid: 11}

- name: And what comes from there to be sent on has to be
  clusternet.fabric.xfrm_policy:
    dir: fwd
    src: 203.0.113.0/24
    dst: 198.51.100.0/24
    template: {src: 192.0.2.12, dst: 192.0.2.11, reqid: 11}

- name: No longer
  clusternet.fabric.xfrm_policy:
    dir: fwd
    src: 203.0.113.0/24
    dst: 198.51.100.0/24
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {xfrm_policy: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip xfrm policy add src 198.51.100.0/24 dst 203.0.113.0/24 dir out priority 0 tmpl src 192.0.2.11 dst 192.0.2.12 proto esp reqid 11 mode tunnel
      level required
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {xfrm_policy: [{dir: out, src: 198.51.100.0/24, dst: 203.0.113.0/24, priority: 0, action: allow}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("xfrm_policy")


if __name__ == "__main__":
    main()
