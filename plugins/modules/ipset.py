#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ipset
short_description: Sets of addresses, networks and ports for packet filters
version_added: 0.1.0
description:
  - Makes, changes or removes a set that rules of M(clusternet.fabric.iptables) match on with C(-m set --match-set).
  - Members are compared in the form in which C(ipset save) tells them, so it does not matter how they are written.
    Of a thousand members the one that differs is written; those that stay keep their counters and the time that they have left.
  - What a set is made with cannot be changed in the kernel. A new set is then filled and swapped with the old one, so that rules which use it
    always find one or the other. Only for another O(type) or O(family), which cannot be swapped, the old set goes first.
    With M(clusternet.fabric.network) the rules of the fabric that use it are out in the meantime; with this module no rule may use it.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  name:
    description: Name of the set, 1 to 31 characters without white space and quotes, not beginning with C(-) or C(:).
    type: str
    required: true
  type:
    description:
      - What its members are, see C(ipset help <type>). The kernel may lack some types.
      - Required with O(state=present).
    type: str
    choices:
      - bitmap:ip
      - bitmap:ip,mac
      - bitmap:port
      - hash:ip
      - hash:ip,mac
      - hash:ip,mark
      - hash:ip,port
      - hash:ip,port,ip
      - hash:ip,port,net
      - hash:mac
      - hash:net
      - hash:net,iface
      - hash:net,net
      - hash:net,port
      - hash:net,port,net
      - list:set
  family:
    description: V(inet) or V(inet6), with most hash types. Left out, V(inet).
    type: str
    choices:
      - inet
      - inet6
  range:
    description: First and last member of a bitmap, such as V(192.0.2.0/24) or V(1024-2047). Required with the bitmap types.
    type: str
  netmask:
    description: Prefix length to which V(hash:ip) and V(bitmap:ip) cut addresses, from 1 to 128.
    type: int
  markmask:
    description: Bits of a mark that count with V(hash:ip,mark).
    type: str
  hashsize:
    description:
      - Buckets that a hash is made with. The kernel rounds it up, and gives a set that fills more, so only a smaller one differs.
      - Left out, it is not looked at, and a new set gets 1024.
    type: int
  maxelem:
    description: How many members a hash can have. Left out, 65536.
    type: int
  size:
    description: How many sets a V(list:set) can have. Left out, 8.
    type: int
  timeout:
    description:
      - Seconds after which a member goes by itself, from 0 to 2147483, where the member says nothing else. V(0) means never.
      - Left out, members of the set have no timeouts.
    type: int
  counters:
    description: Whether packets and bytes are counted for each member.
    type: bool
    default: false
  comment:
    description: Whether members can have comments. They can, if one of O(members) has one.
    type: bool
    default: false
  members:
    description:
      - All members of the set. What else is in it is taken out. Left out, they are not looked at.
      - Each is a string, such as V(192.0.2.0/24), V(192.0.2.1,tcp:80) or a range that stands for several, or a mapping with C(member) and
        any of C(timeout) (seconds, V(0) means never, left out the set's own), C(comment), C(nomatch) (an exception from a larger network) and
        C(wildcard) (an interface by the beginning of its name).
      - A member that is there already keeps the time it has left. One whose time was up is put in again.
      - In a V(list:set) they are names of sets, and their order counts.
    type: list
    elements: raw
notes:
  - It takes the tool C(ipset). Names of hosts are refused, since the tool would have them resolved.
seealso:
  - module: clusternet.fabric.iptables
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: Networks that may come in, and one that may not
  clusternet.fabric.ipset:
    name: peers
    type: hash:net
    members:
      - 192.0.2.0/24
      - 198.51.100.0/24
      - {member: 198.51.100.128/25, nomatch: true}

- name: A rule that uses it
  clusternet.fabric.iptables:
    chain: INPUT
    rule: -m set --match-set peers src -j ACCEPT

- name: A set that something else fills, with members that go after ten minutes
  clusternet.fabric.ipset:
    name: seen
    type: hash:ip,port
    timeout: 600
    maxelem: 200000

- name: Away with it
  clusternet.fabric.ipset:
    name: seen
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind. Members are changes of their set.
  returned: always
  type: dict
  sample: {add: {ipset: 1}, change: {ipset: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ipset create peers hash:net family inet maxelem 65536
    - ipset add peers 192.0.2.0/24 -exist
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {ipset: [{name: peers, type: "hash:net", family: inet, maxelem: 65536, members: [192.0.2.0/24]}]}
missing:
  description: Packages that this node lacks.
  returned: in check mode, where something is missing
  type: list
  elements: str
  sample: [ipset]
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
    granular("ipset")


if __name__ == "__main__":
    main()
