#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Build the model of a cluster from its inventory
version_added: 0.1.0
description:
  - Reads the variables of roles P(clusternet.fabric.fabric#role) and of the backend from every host of a group, validates them and gives
    each node its subnet or its blocks and each pod its address. Works on the controller; no node is contacted.
  - Hosts beyond C(--limit) are read too, because a node's peers are part of its state.
  - What is allotted is kept in the lease file (O(clusternet.fabric.fabric#role:main:fabric_lease_file)); what the file holds does not change.
  - Every node keeps a copy of the leases. A lease file that is missing is rebuilt from them, and a pin (O(clusternet.fabric.fabric#role:main:fabric_subnet))
    that differs from a node's lease is taken only where the node no longer holds that. For both, run the module with O(ask), and where RV(ask)
    names a fabric, give O(copies) to a second run; P(clusternet.fabric.fabric#role) does so. With neither it takes the inventory's word.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  group:
    description: Group of the inventory whose hosts are the nodes. Hosts of the same C(fabric_name) in it are one cluster.
    type: str
    default: fabric
  ask:
    description: Return in RV(ask) the fabrics whose nodes have to be asked for their copies, and leave those out of RV(fabrics).
    type: bool
    default: false
  copies:
    description:
      - Per host what M(clusternet.fabric.prerequisites_info) returned, given O(clusternet.fabric.prerequisites_info#module:lease_copy) without a digest.
        Hosts that did not answer have something else.
    type: dict
  without:
    description:
      - Hosts that are left out of the model though they may be in the inventory, and whose records in the lease file are freed.
      - A name that neither the inventory nor a lease file knows is an error.
    type: list
    elements: str
    default: []
  public_keys:
    description: Per host the public key that it has told, for its record in the lease file. Those of other hosts stay as they are.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Leases are allotted in memory, as a run would write them.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
    details:
      - Shows the lease file.
notes:
  - Use it with C(run_once), which gives the registered result to all hosts of the play. Don't make a fact of it - Ansible copies facts for
    every host and task, which a cluster of a thousand nodes would feel.
"""

EXAMPLES = r"""
- name: Read the inventory
  clusternet.fabric.cluster:
  run_once: true
  register: fabric_model

- name: Build this node's part
  clusternet.fabric.network:
    owner: fabric
    number: 160
    document: "{{ fabric_model | clusternet.fabric.document(inventory_hostname) }}"
"""

RETURN = r"""
fabrics:
  description: The fabrics of the inventory by name.
  type: dict
  returned: success
  contains:
    name:
      description:
        - Name of the fabric, as its key. All other variables of the role stand beside it without their prefix.
        - With O(clusternet.fabric.fabric#role:main:fabric_pod_cidr6) nodes have C(ip6), C(blocks6) and C(borrowed6), pods C(address6).
        - With C(pools) of a pod its further addresses are in C(more), each with its C(pool) and C(address).
      type: str
      sample: fabric
    options:
      description: The variables of the backend, without their prefix.
      type: dict
      sample: {type: vxlan, vni: 1, port: 8472}
    nodes:
      description: The nodes by name.
      type: dict
      sample:
        node1:
          ip: 198.51.100.11
          ip6: null
          subnet: 10.244.1.0/24
          blocks: []
          networks: [10.244.1.0/24]
          labels: {}
          pods:
            - name: web
              address: 10.244.1.2
              address6: null
              pool: null
              more: []
              labels: {}
              unit: null
    leases:
      description: Text of the copy of the leases that nodes keep.
      type: str
ask:
  description: Names of fabrics whose nodes have to be asked first.
  type: list
  elements: str
  returned: success
removed:
  description: What became of the hosts in O(without).
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the host.
      type: str
    fabric:
      description: Name of its fabric.
      type: str
    subnet:
      description: Subnet or blocks that it held, separated by commas; null where it held none any more.
      type: str
    in_inventory:
      description: Whether it is still in the inventory, from where the next run without O(without) takes it.
      type: bool
"""
