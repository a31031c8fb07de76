#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: network_info
short_description: What namespaces hold, or what of it a fabric does
version_added: 0.1.0
description:
  - Tells what is in the kernel, as a document with the sections of M(clusternet.fabric.network).
  - With O(owner) it is what bears that fabric's mark and nothing else. The same document, applied with the same owner, changes nothing.
  - Left out are links of kinds that the collection does not make (RV(links) has those), learned neighbours and FDB entries, IPv6
    link-local addresses and the routes that the kernel makes for addresses by itself, and, without O(owner), sysctls.
extends_documentation_fragment:
  - clusternet.fabric.engine
options:
  netns:
    description:
      - Names of the network namespaces to look into. The empty string is the one that the module runs in.
      - Left out, it is the one that the module runs in, or with O(owner) every namespace of the node.
    type: list
    elements: str
  owner:
    description: Name of a fabric.
    type: str
  number:
    description: The fabric's number from V(160) to V(175). Left out, it is the one that the fabric's links bear, and 160 where it has none.
    type: int
attributes:
  action_group:
    support: full
    description: The modules whose O(netns) can be set for all of them by C(module_defaults).
    membership:
      - clusternet.fabric.kernel
  diff_mode:
    support: N/A
    description: It changes nothing.
  check_mode:
    support: full
    description: It changes nothing.
seealso:
  - module: clusternet.fabric.network
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: What a fabric holds on this node
  clusternet.fabric.network_info:
    owner: fabric
  register: held

- name: Which nodes it has a tunnel to
  ansible.builtin.debug:
    msg: "{{ held.document | community.general.json_query('vxlan_fdb[?dev==`flannel.1`].dst') }}"

- name: Two namespaces, whoever made what is in them
  clusternet.fabric.network_info:
    netns:
      - web
      - db
"""

RETURN = r"""
---
document:
  description: Sections by kind, each a list of entries with the options of the module of that name. Empty sections are left out.
  returned: success
  type: dict
  sample:
    bridge: [{name: br-blue, mtu: 1500, mac: "02:00:5e:10:00:01", up: true, stp: false, ageing_time: 300, multicast_snooping: true}]
    address: [{dev: br-blue, address: 192.0.2.1/24, scope: global}]
links:
  description: Every device but the loopbacks, of whatever kind. With O(owner) those of the fabric.
  returned: success
  type: list
  elements: dict
  contains:
    netns:
      description: Namespace it is in; the empty string is the one that the module runs in.
      type: str
    name:
      description: Its name.
      type: str
    kind:
      description: What the kernel calls its kind; empty for a physical device.
      type: str
    fabric:
      description: The fabric that it belongs to, or none.
      type: str
    up:
      description: Whether it is up.
      type: bool
    mtu:
      description: Its MTU in bytes.
      type: int
    mac:
      description: Its MAC address.
      type: str
    master:
      description: The bridge that it is a port of; empty where it is no port.
      type: str
    public_key:
      description: The public key of a WireGuard device that has a private one, for its peers. Other devices have no such field.
      type: str
  sample: [{netns: "", name: br-blue, kind: bridge, fabric: blue, up: true, mtu: 1500, mac: "02:00:5e:10:00:01", master: ""}]
fabrics:
  description: The fabrics whose links were seen in the namespaces looked into, or whose namespaces are on the node.
  returned: success
  type: list
  elements: dict
  contains:
    owner:
      description: Name of the fabric.
      type: str
    number:
      description: Its number.
      type: int
  sample: [{owner: blue, number: 160}]
namespaces:
  description: Every named namespace of the node.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    fabric:
      description: The fabric that it belongs to, or none.
      type: str
  sample: [{name: web, fabric: blue}, {name: mine, fabric: null}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import fabric_of_link
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect


def main():
    module = AnsibleModule(
        argument_spec={
            "netns": {"type": "list", "elements": "str"},
            "owner": {"type": "str"},
            "number": {"type": "int"},
        },
        required_by={"number": "owner"},
        supports_check_mode=True,
    )
    try:
        report = inspect(module.params["netns"], module.params["owner"], module.params["number"])
    except (FabricError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=False,
        document=report.document,
        links=[
            dict({field: item[field] for field in ("kind", "up", "mtu", "mac", "master")},
                 netns=key[0], name=key[1], fabric=fabric_of_link(item),
                 **{field: item[field] for field in ("public_key",) if item.get(field)})
            for key, item in sorted(report.links.items())
        ],
        fabrics=[{"owner": name, "number": number} for name, number in sorted(report.fabrics.items())],
        namespaces=[{"name": name, "fabric": fabric} for name, fabric in sorted(report.namespaces.items())],
    )


if __name__ == "__main__":
    main()
