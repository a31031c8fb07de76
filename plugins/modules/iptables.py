#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iptables
short_description: A chain of iptables as a whole, or one rule in a chain
version_added: 0.1.0
description:
  - With O(rules), a chain of one's own holds exactly these rules, in this order.
  - With O(rule), a chain, built in or somebody's, holds this one rule. The other rules of the chain are left alone.
  - Rules are compared in the form in which the tool itself prints them, so it does not matter how they are written.
  - Chains are edited rule by rule. Rules that stay keep their counters.
extends_documentation_fragment:
  - clusternet.fabric.engine
  - clusternet.fabric.netns
  - clusternet.fabric.state
options:
  table:
    description: The table.
    type: str
    default: filter
    choices:
      - filter
      - nat
      - mangle
      - raw
      - security
  chain:
    description:
      - Name of the chain, up to 28 characters.
      - With O(rules) it is made where it is missing and must not be built in. With O(rule) it must exist.
      - With O(state=absent) and without O(rule) the chain is removed with all its rules. No other chain may jump to it then.
    type: str
    required: true
  ip_version:
    description: V(4) for C(iptables), V(6) for C(ip6tables).
    type: int
    default: 4
    choices:
      - 4
      - 6
  rules:
    description:
      - All rules of the chain, each as after C(iptables -A <chain>).
      - Each must stand for one rule; of lists of addresses write a rule each.
      - Exactly one of O(rules) and O(rule) is required with O(state=present).
    type: list
    elements: str
  rule:
    description: One rule, written as in O(rules).
    type: str
  position:
    description:
      - Where O(rule) goes if it is missing. Where it is there already it stays in its place.
      - Left out, V(last). Only with O(rule).
    type: str
    choices:
      - first
      - last
seealso:
  - module: ansible.builtin.iptables
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: A chain of one's own
  clusternet.fabric.iptables:
    table: nat
    chain: BLUE-POSTROUTING
    rules:
      - -d 192.0.2.0/24 -j RETURN
      - -s 192.0.2.0/24 ! -d 224.0.0.0/4 -j MASQUERADE

- name: A jump to it, before whatever else is there
  clusternet.fabric.iptables:
    table: nat
    chain: POSTROUTING
    rule: -j BLUE-POSTROUTING
    position: first

- name: The jump taken away
  clusternet.fabric.iptables:
    table: nat
    chain: POSTROUTING
    rule: -j BLUE-POSTROUTING
    state: absent

- name: And the chain
  clusternet.fabric.iptables:
    table: nat
    chain: BLUE-POSTROUTING
    state: absent
"""

RETURN = r"""
---
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {iptables_chain: 1, iptables_rule: 2}}
commands:
  description: The same operations as shell commands.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample:
    - iptables -t nat -N BLUE-POSTROUTING
    - iptables -t nat -A BLUE-POSTROUTING -d 192.0.2.0/24 -j RETURN
    - "iptables -t nat -A BLUE-POSTROUTING -s 192.0.2.0/24 ! -d 224.0.0.0/4 -j MASQUERADE"
before:
  description: The object before, as a document for M(clusternet.fabric.network); empty where there was none.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {}
after:
  description: The object now, or, in check mode, after a real run.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
  sample: {iptables_chain: [{table: nat, chain: BLUE-POSTROUTING, ip_version: 4, rules: ["-d 192.0.2.0/24 -j RETURN"]}]}
missing:
  description: Packages that this node lacks.
  returned: in check mode, where something is missing
  type: list
  elements: str
  sample: [iptables]
prediction:
  description: V(partial) where something is missing.
  returned: in check mode, where something is missing
  type: str
rolled_back:
  description: Whether everything done before the failure was put back.
  returned: when an operation failed
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils._engine import fields
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds.iptables import CHAIN, RULE
from ansible_collections.clusternet.fabric.plugins.module_utils._face import STATE, settle


def main():
    spec = fields.argument_spec(dict(CHAIN.schema, **RULE.schema))
    for option in ("rules", "rule", "position"):  # each goes with one of the two kinds, so none is required, and none is filled in
        spec[option].pop("required", None)
        spec[option].pop("default", None)
    module = AnsibleModule(
        argument_spec=dict(spec, state=STATE),
        mutually_exclusive=[("rules", "rule")],
        required_if=[("state", "present", ("rules", "rule"), True)],
        required_by={"position": "rule"},
        supports_check_mode=True,
    )
    kind, other = (CHAIN, RULE) if module.params["rule"] is None else (RULE, CHAIN)
    settle(module, kind.name, {name: value for name, value in module.params.items() if name in kind.schema or name not in other.schema},
           "iptables")


if __name__ == "__main__":
    main()
