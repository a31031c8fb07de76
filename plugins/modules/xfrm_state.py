#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: xfrm_state
short_description: IPsec states
version_added: 0.1.0
description:
  - Makes, replaces or removes a state (security association) of the kernel, ESP with an AEAD such as AES-GCM, which says how packets of one direction
    are encrypted. M(clusternet.fabric.xfrm_policy) says which packets have to be.
  - The key comes from a file on the node, and is never in a result, a difference, a state file or a list of processes. It is compared in memory with
    what the kernel holds.
  - The kernel changes nothing of a state in place, so a change is a new state of the same SPI, whose packet counters begin anew. Where the
    other end checks for replays (O(replay_window) there), rotate keys by a state of another O(spi) and not by a change.
  - States of other protocols or algorithms, and those that are narrowed by a mark or an interface, are left alone.
notes:
  - M(clusternet.fabric.network_info) does not tell which file a key came from.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  src:
    description: Address of the end that encrypts. Required unless O(state=absent).
    type: str
  dst:
    description: Address of the end that decrypts, of the same family.
    type: str
    required: true
  spi:
    description: Number by which the end that decrypts finds the state, from 256 to 4294967295, in decimal.
    type: int
    required: true
  mode:
    description: Whether packets are put into others (V(tunnel)) or only their content is encrypted (V(transport)).
    type: str
    default: tunnel
    choices:
      - transport
      - tunnel
  reqid:
    description: Number by which policies choose states.
    type: int
    default: 0
  algorithm:
    description: Name of the AEAD in the kernel's crypto API.
    type: str
    default: rfc4106(gcm(aes))
  icv:
    description: Length of the integrity check value in bits.
    type: int
    default: 128
    choices:
      - 64
      - 96
      - 128
  key_file:
    description:
      - Absolute path of a file on the node, readable for root alone, with the key in hexadecimal after C(0x). For C(rfc4106(gcm(aes)))
        16, 24 or 32 bytes and a salt of 4 bytes at the end.
      - Required to make a state. Left out, a state that is there keeps its key, and what RV(commands) says of a change cannot be typed.
    type: str
  replay_window:
    description: Number of packets that may come out of order, from 0 (not checked) to 255, or to 4096 with O(esn).
    type: int
    default: 32
  esn:
    description: Whether sequence numbers have 64 bits (RFC 4304). Both ends have to agree. It needs an O(replay_window).
    type: bool
    default: false
seealso:
  - module: clusternet.fabric.xfrm_policy
  - module: clusternet.fabric.wireguard
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: What goes to the other node by ESP
  clusternet.fabric.xfrm_state:
    src: 192.0.2.11
    dst: 192.0.2.12
    spi: 4096
    mode: transport
    key_file: /etc/clusternet/esp-out

- name: And what comes from there
  clusternet.fabric.xfrm_state:
    src: 192.0.2.12
    dst: 192.0.2.11
    spi: 4097
    mode: transport
    key_file: /etc/clusternet/esp-in

- name: No longer
  clusternet.fabric.xfrm_state:
    src: 192.0.2.11
    dst: 192.0.2.12
    spi: 4096
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {xfrm_state: 1}}
commands:
  description: The same operations as shell commands. The key is read from its file.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip xfrm state add src 192.0.2.11 dst 192.0.2.12 proto esp spi 0x00001000 reqid 0 mode transport replay-window 32
      aead 'rfc4106(gcm(aes))' "$(cat /etc/clusternet/esp-out)" 128
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {xfrm_state: [{src: 192.0.2.11, dst: 192.0.2.12, spi: 4096, mode: transport, key_file: /etc/clusternet/esp-out}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("xfrm_state")


if __name__ == "__main__":
    main()
