#!/usr/bin/python
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Make a node hold exactly one fabric's network document
version_added: 0.1.0
description:
  - Applies a document, the whole of what one fabric wants on one node, as one transaction.
  - What the document asks for and the node lacks is made, what differs is changed, and what bears the fabric's mark and is not in
    the document is removed. An empty document is the teardown.
  - If an operation is refused by the kernel, everything done before it is put back.
  - Foreign objects are never touched. A name or prefix that something foreign holds is an error that names it.
extends_documentation_fragment:
  - clusternet.fabric.engine
options:
  owner:
    description:
      - Name of the fabric. It is written to the alias of its links and the comments of its rules.
    type: str
    required: true
  number:
    description:
      - The fabric's number from V(160) to V(175), its routing protocol and link group. Fabrics that share a node have different numbers.
    type: int
    default: 160
  document:
    description:
      - Sections by kind (RV(after) shows one), each a list of entries with the options of the module of that name.
      - The section C(underlay) with C(address) and C(overhead) (bytes) says what C(dev=auto) and C(mtu=auto) mean on this node, namely the device
        that holds the address, and that device's MTU less the overhead, or C(mtu_limit) where that is less.
      - An entry can also have one of C(if_onlink), C(unless_onlink) and C(needs_onlink) with the address of a peer. It counts where the peer is on a segment
        of the underlay device, where it is not, or always, with the document refused where it is not.
      - With C(if_kernel) or C(unless_kernel), which take C(wireguard), it counts where the kernel has that, or has it not.
    type: dict
    required: true
  stage:
    description:
      - How far to go. A network that spans nodes moves over without a gap when every node has taken a stage before any takes the next.
      - V(add) makes only what can be made beside what stands, V(change) also changes what differs, V(purge) also removes what bears the fabric's
        mark and is not in the document.
    type: str
    choices: [add, change, purge]
    default: purge
  persist:
    description:
      - Whether the node keeps O(document) and builds it again by itself, see C(clusternet-fabric --help) on the node. It lies in
        C(/var/lib/clusternet/<owner>/document.json), for root alone, and counts from when all of it stands. The command
        C(/usr/local/sbin/clusternet-fabric) comes with the first such document and goes with the last.
      - Otherwise, and with an empty O(document), one that was kept goes.
    type: bool
    default: false
  confirm:
    description:
      - Seconds after which the node goes back to the document that it kept before, or to none, unless M(clusternet.fabric.network_confirm)
        ran. V(0) means never. It takes O(persist).
      - Run that over a new connection, and a run that locks everybody out undoes itself.
    type: int
    default: 0
notes:
  - A run that would cut the SSH connection that it came by (its address, the device that has it, the route to the other end) is refused before
    anything is touched. Packet filters and routing rules are not looked at; O(confirm) is for those.
seealso:
  - module: clusternet.fabric.network_info
  - module: clusternet.fabric.network_confirm
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
- name: A bridge with one namespace on it
  clusternet.fabric.network:
    owner: blue
    document:
      netns:
        - name: web
      bridge:
        - name: br-blue
      veth:
        - name: veth-web
          master: br-blue
          peer: {name: eth0, netns: web}
      address:
        - {dev: br-blue, address: 192.0.2.1/24}
        - {dev: eth0, netns: web, address: 192.0.2.2/24}
      route:
        - {dst: default, via: 192.0.2.1, netns: web}

- name: Take it away again
  clusternet.fabric.network:
    owner: blue
    document: {}
"""

RETURN = r"""
operations:
  description: Number of operations by verb (C(add), C(change), C(remove)) and kind.
  returned: always
  type: dict
  sample: {add: {route: 2, neighbour: 2}}
replaced:
  description: The links that are made anew because something of them cannot be changed in place, and what that is. What stood on them is put back.
  returned: when there are any
  type: list
  elements: str
  sample: ["vxlan vxlan42: vni cannot be changed in place"]
commands:
  description: The same operations as shell commands, which give the same result from the same starting state.
  returned: with C(--diff), in check mode or with C(-v)
  type: list
  elements: str
  sample: ["ip route add 192.0.2.0/24 dev br-blue proto 160 scope link"]
before:
  description: What the fabric held of this before, as a document.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
after:
  description: What it holds now, or would hold, as a document.
  returned: with C(--diff), in check mode or with C(-v)
  type: dict
resolved:
  description: What C(auto) meant on this node, C(dev) and C(mtu) in bytes.
  returned: always
  type: dict
pending:
  description: The stages after this one that have something to do.
  returned: always
  type: list
  elements: str
  sample: [change, purge]
stored:
  description: Whether what the node keeps is now another.
  returned: always
  type: bool
unconfirmed:
  description: Whether the node goes back unless M(clusternet.fabric.network_confirm) comes.
  returned: always
  type: bool
missing:
  description: Packages that this node lacks; the prediction does without what needs them.
  returned: in check mode, where something is missing
  type: list
  elements: str
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

from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.keeping import Keeping
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.stages import PURGE, STAGES
from ansible_collections.clusternet.fabric.plugins.module_utils._face import conclude


def main():
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "number": {"type": "int", "default": 160},
            "document": {"type": "dict", "required": True},
            "stage": {"type": "str", "default": PURGE, "choices": list(STAGES)},
            "persist": {"type": "bool", "default": False},
            "confirm": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params

    def work():
        owner = Owner(params["owner"], params["number"])
        keeping = Keeping(owner, params["document"] if params["persist"] else None, params["confirm"])
        return engine.apply_document(params["document"], owner, params["stage"], module.check_mode, keeping)

    conclude(module, work)


if __name__ == "__main__":
    main()
