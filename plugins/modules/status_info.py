#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: status_info
short_description: What a node holds of a fabric, against what it should hold
version_added: 0.1.0
description:
  - Compares the node with a document, as M(clusternet.fabric.network) does in check mode, and the services of pods with what
    M(clusternet.fabric.unit_set) would have running; adds what the fabric's devices have counted. One task, and nothing is changed.
  - Where M(clusternet.fabric.network) would refuse, this tells why in RV(refused) instead of failing.
extends_documentation_fragment:
  - clusternet.fabric.engine
options:
  owner:
    description: Name of the fabric.
    type: str
    required: true
  number:
    description: The fabric's number from V(160) to V(175).
    type: int
    default: 160
  document:
    description: The whole of what the fabric wants on the node, as for M(clusternet.fabric.network).
    type: dict
    required: true
  units:
    description: The services that should run, as for M(clusternet.fabric.unit_set).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Full name of the unit, with its suffix.
        type: str
        required: true
      revision:
        description: The text that changes whenever the service has to be restarted.
        type: str
        required: true
      netns:
        description: Network namespace that the service runs in.
        type: str
  lease_copy:
    description: The node's copy of the fabric's leases, as for M(clusternet.fabric.prerequisites_info).
    type: dict
    suboptions:
      path:
        description: Where it is.
        type: path
        required: true
      sha256:
        description: Digest of the copy that the node is meant to have.
        type: str
        required: true
  max_commands:
    description: How many commands are returned at most. The numbers in RV(operations) are always those of all.
    type: int
    default: 50
attributes:
  diff_mode:
    support: N/A
    description: It changes nothing.
  check_mode:
    support: full
    description: It changes nothing.
seealso:
  - module: clusternet.fabric.network
  - module: clusternet.fabric.unit_set
  - module: clusternet.fabric.network_info
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
---
- name: Does this node hold what it should
  clusternet.fabric.status_info:
    owner: fabric
    document: "{{ fabric_model | clusternet.fabric.document(inventory_hostname) }}"
    units: "{{ fabric_model | clusternet.fabric.node_units(inventory_hostname) }}"
  register: found

- name: Name what it lacks
  ansible.builtin.debug:
    msg: "{{ found | community.general.json_query('commands') }}"
"""

RETURN = r"""
---
held:
  description: Whether the node holds anything of the fabric.
  returned: success
  type: bool
refused:
  description: Why M(clusternet.fabric.network) would refuse the document on this node; none where it would not.
  returned: success
  type: str
operations:
  description: Number of operations that would give the node what it should hold, by verb (C(add), C(change), C(remove)) and kind.
  returned: success
  type: dict
  sample: {add: {vxlan_fdb: 1}}
commands:
  description: The first O(max_commands) of these operations as shell commands.
  returned: success
  type: list
  elements: str
  sample: ["bridge fdb append 66:f5:16:3f:a7:ff dev flannel.1 dst 192.0.2.12 self permanent"]
missing:
  description: Packages that the node lacks; what needs them is not in the comparison.
  returned: success
  type: list
  elements: str
resolved:
  description: What C(auto) means on this node, C(dev) and C(mtu) in bytes; none where it was refused.
  returned: success
  type: dict
pods:
  description: The namespaces of the document, and the services that should run in them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the namespace.
      type: str
    present:
      description: Whether it is there.
      type: bool
    unit:
      description: Its service, or none.
      type: str
    active:
      description: What systemd says of the service, C(active) for one that runs.
      type: str
    why:
      description: Why the service would be started or restarted; none where it would not.
      type: str
timers:
  description: Units of O(units) that belong to no pod, such as the timer that mends the network, as RV(pods) has them.
  returned: success
  type: list
  elements: dict
  sample: [{unit: clusternet-heal@fabric.timer, active: active, why: null}]
stop:
  description: Services of the fabric that run and would be stopped.
  returned: success
  type: list
  elements: str
lease_copy:
  description: The node's copy of the leases, as M(clusternet.fabric.prerequisites_info) returns it.
  returned: when O(lease_copy) is given
  type: dict
  sample: {state: same}
others:
  description: What is to be known of other software on the node that has to do with its network, such as a firewall that is active.
  returned: success
  type: list
  elements: str
  sample: ["firewalld is active: it rejects what its zones do not let through, forwarded packets too, whatever iptables accepts"]
devices:
  description:
    - The fabric's devices in the node's own namespace, except for the pods' veths, and the underlay's device. Packets and bytes since the
      device was made.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: cni0, kind: bridge, rx_bytes: 8120, rx_packets: 96, rx_errors: 0, rx_dropped: 0, tx_bytes: 9002, tx_packets: 101, tx_errors: 0, tx_dropped: 0}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _devices, _files, _lease_copy, _others, _unit_set
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.missing import to_provide
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect


def compare(params):
    """The network's part: what the engine would do."""
    name, number = params["owner"], params["number"]
    try:
        outcome = engine.apply_document(params["document"], Owner(name, number), check=True)
    except FabricError as error:
        found = {"refused": str(error), "operations": {}, "commands": [], "missing": [], "resolved": None}
        return inspect(None, name, number).document, found
    # What is wanted and there may still be somebody else's, a sysctl's value for example.
    held = inspect(None, name, number).document if outcome.changed else outcome.before
    return held, {
        "refused": None,
        "operations": outcome.counts(),
        "commands": outcome.commands()[: params["max_commands"]],
        "missing": to_provide(outcome.missing),
        "resolved": outcome.resolved,
    }


def devices(held, resolved):
    """Counters of what packets pass between pods and nodes: not those of every pod."""
    kinds = {entry["name"]: kind for kind, entries in held.items() if KINDS[kind].table == "link" and kind != "veth"
             for entry in entries if not entry.get("netns")}
    if resolved and resolved.get("dev"):
        kinds.setdefault(resolved["dev"], "underlay")
    counted = _devices.counters()
    return [dict(counted[name], name=name, kind=kind) for name, kind in sorted(kinds.items()) if name in counted]


def services(module):
    """The plan for the services and what systemd says of them."""
    record = _unit_set.Record(_unit_set.STATE, module.params["owner"])
    names = sorted({unit["name"] for unit in module.params["units"]} | set(record.units))
    shown = {}
    if names:
        command = [module.get_bin_path("systemctl", required=True), "show", "--property=" + ",".join(_unit_set.PROPERTIES), "--"]
        shown = _unit_set.parse(module.run_command(command + names, check_rc=True)[1])
    return _unit_set.Plan(record, module.params["units"], shown, _unit_set.same_netns), shown


def pods(names, units, plan, shown):
    """Each namespace that should be there, with its service."""
    of_pod = {unit["netns"]: unit["name"] for unit in units if unit["netns"]}
    found = []
    for name in names:
        found.append(dict(state(of_pod.get(name), plan, shown), name=name, present=os.path.ismount("/run/netns/" + name)))
    return found


def state(unit, plan, shown):
    return {"unit": unit, "active": shown.get(unit, {}).get("ActiveState"), "why": plan.why.get(unit)}


def others(module, operations):
    def run(argv):
        path = module.get_bin_path(argv[0])
        return module.run_command([path] + argv[1:], check_rc=False)[:2] if path else (127, "")

    return _others.notes(_others.active(run), _others.forward_policy(run), operations)


def main():
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "number": {"type": "int", "default": 160},
            "document": {"type": "dict", "required": True},
            "units": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "revision": {"type": "str", "required": True},
                    "netns": {"type": "str"},
                },
            },
            "lease_copy": {
                "type": "dict",
                "options": {"path": {"type": "path", "required": True}, "sha256": {"type": "str", "required": True}},
            },
            "max_commands": {"type": "int", "default": 50},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        held, found = compare(params)
        plan, shown = services(module)
        if params["lease_copy"]:
            found["lease_copy"] = _lease_copy.look(params["lease_copy"]["path"], params["lease_copy"]["sha256"])
    except (FabricError, _files.Refused) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or params["owner"], error.strerror))
    names = [entry.get("name") for entry in params["document"].get("netns") or [] if isinstance(entry, dict)]
    module.exit_json(
        changed=False,
        held=bool(held),
        devices=devices(held, found["resolved"]),
        pods=pods(names, params["units"], plan, shown),
        timers=[state(unit["name"], plan, shown) for unit in params["units"] if not unit["netns"]],
        stop=plan.stop,
        others=others(module, found["operations"]),
        **found
    )


if __name__ == "__main__":
    main()
