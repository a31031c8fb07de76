#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rule
short_description: Routing policy rules
version_added: 0.1.0
description:
  - Makes or removes a rule that says by which table packets are routed, as C(ip rule) does.
  - A rule is named by all that it says but O(invert) and O(goto), which are the only options that can be changed. One with another O(table) is
    another rule, which stands beside the first until that is removed.
  - Rules of one O(priority) are tried in the order in which they were made. Where that matters, give each a priority of its own.
  - The rules that the kernel makes by itself (those of the priorities 0, 32766 and 32767) are left alone.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  priority:
    description: Rules are tried from the lowest priority, 0, to the highest, 4294967295. The table C(main) is looked up at 32766.
    type: int
    required: true
  ip_version:
    description: Which packets the rule is for. Left out, it follows from O(from) and O(to), and is V(4) where neither is given.
    type: int
    choices:
      - 4
      - 6
  from:
    description: Prefix of the source, without host bits. Left out, any source.
    type: str
  to:
    description: Prefix of the destination, without host bits. Left out, any destination.
    type: str
  iif:
    description: The device by which the packet came in; V(lo) for what the node itself sends. It need not be there.
    type: str
  oif:
    description: The device to which the sending socket is bound. It need not be there.
    type: str
  fwmark:
    description: The packet's mark, or the mark and its mask, such as V(0x7) or V(0x7/0xff).
    type: str
  tos:
    description: Type of service, a multiple of 4 from 0 to 252. V(0) stands for any.
    type: int
    default: 0
  ipproto:
    description: IP protocol, by its number from 1 to 255, or one of V(icmp), V(tcp), V(udp), V(gre), V(esp), V(ah), V(ipv6-icmp) and V(sctp).
    type: str
  sport:
    description: Source port, or a range such as V(1000-1999).
    type: str
  dport:
    description: Destination port, or a range of them.
    type: str
  uidrange:
    description: Number of the user whose socket sends, or a range of them such as V(0-999).
    type: str
  invert:
    description: Whether the rule is for the packets that do not match.
    type: bool
    default: false
  action:
    description:
      - V(lookup) looks the destination up in O(table), and goes on with the next rule where there is no route.
      - V(goto) goes on with the rule of the priority O(goto), V(nop) with the next one.
      - V(blackhole) drops in silence, V(unreachable) and V(prohibit) say so to the sender.
    type: str
    default: lookup
    choices:
      - lookup
      - goto
      - nop
      - blackhole
      - unreachable
      - prohibit
  table:
    description: Number of the routing table, from 1 to 4294967295. Required with the action V(lookup), and only with it.
    type: int
  goto:
    description: Priority to go on with, larger than O(priority). Required with the action V(goto), and only with it.
    type: int
  suppress_prefixlength:
    description: Routes of the table with a prefix of this length or a shorter one do not count; V(0) leaves out default routes.
    type: int
  protocol:
    description:
      - Routing protocol number from 1 to 255 that says who made the rule. Rules that differ in nothing else stand side by side.
      - Left out, it is not looked at, and a new rule gets 4, C(static); O(state=absent) removes them all.
    type: int
seealso:
  - module: clusternet.fabric.route
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: What comes from a second uplink's address goes back by it
  clusternet.fabric.rule:
    priority: 1000
    from: 198.51.100.7
    table: 100

- name: Marked packets by a table of their own, but for its default route
  clusternet.fabric.rule:
    priority: 1001
    fwmark: 0x10/0xff
    table: 101
    suppress_prefixlength: 0

- name: Nobody but the node itself reaches this network
  clusternet.fabric.rule:
    priority: 1002
    to: 2001:db8::/32
    iif: lo
    invert: true
    action: prohibit

- name: No longer
  clusternet.fabric.rule:
    priority: 1000
    from: 198.51.100.7
    table: 100
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {rule: 1}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - ip rule add from 198.51.100.7/32 priority 1000 protocol 4 lookup 100
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {rule: [{priority: 1000, ip_version: 4, from: 198.51.100.7/32, table: 100, action: lookup, invert: false, protocol: 4}]}
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible_collections.clusternet.fabric.plugins.module_utils._face import granular


def main():
    granular("rule")


if __name__ == "__main__":
    main()
