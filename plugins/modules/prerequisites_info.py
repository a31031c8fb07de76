#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prerequisites_info
short_description: Find out what a node lacks
version_added: 0.1.0
description:
  - Looks which Python modules, commands and kernel modules are there, all in one task and without changing anything, so that
    the tasks that would provide them run only where they have something to do.
  - Says what the node knows of the leases of a fabric.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  python:
    description: Python modules, looked for by the interpreter that runs Ansible's modules on the node.
    type: list
    elements: str
    default: []
  commands:
    description: Commands, looked for in the usual folders for system commands too.
    type: list
    elements: str
    default: []
  kernel_modules:
    description: Kernel modules.
    type: list
    elements: str
    default: []
  lease_copy:
    description: The node's copy of a fabric's leases.
    type: dict
    suboptions:
      path:
        description: Where it is.
        type: path
        required: true
      sha256:
        description:
          - Digest of the copy that the node is meant to have. Where it has that one, nothing more is said of it.
          - Left out, the copy is returned as it is.
        type: str
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
seealso:
  - module: ansible.builtin.package
  - module: community.general.modprobe
"""

EXAMPLES = r"""
- name: See what is missing
  clusternet.fabric.prerequisites_info:
    python: [pyroute2]
    commands: [iptables]
    kernel_modules: [br_netfilter]
  register: found

- name: Install packages
  ansible.builtin.package:
    name: [python3-pyroute2, iptables]
  when: found.python or found.commands
"""

RETURN = r"""
python:
  description: Python modules that are missing.
  type: list
  elements: str
  returned: success
commands:
  description: Commands that are missing.
  type: list
  elements: str
  returned: success
kernel_modules:
  description: The kernel modules by what can be said of them.
  type: dict
  returned: success
  contains:
    present:
      description: Built into the kernel, or loaded.
      type: list
      elements: str
    loadable:
      description: Not loaded, but there to be loaded.
      type: list
      elements: str
    missing:
      description: Neither built in nor there to be loaded.
      type: list
      elements: str
    unknown:
      description: The node does not say what its kernel has. Using it will tell.
      type: list
      elements: str
lease_copy:
  description: The node's copy of the leases.
  type: dict
  returned: when O(lease_copy) is given
  contains:
    state:
      description: V(absent), V(same) as meant, V(other), or V(unreadable).
      type: str
      sample: same
    nodes:
      description: Subnet and address of each node, when it is another than O(lease_copy.sha256) says.
      type: dict
      sample: {node1: {subnet: 10.244.1.0/24, address: 198.51.100.11}}
    sha256:
      description: Digest of the copy, with RV(lease_copy.nodes).
      type: str
    text:
      description: The copy, when O(lease_copy.sha256) is left out.
      type: str
"""

import importlib.util
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _kernel_modules, _lease_copy


def main():
    names = {"type": "list", "elements": "str", "default": []}
    copy = {"type": "dict", "options": {"path": {"type": "path", "required": True}, "sha256": {"type": "str"}}}
    spec = {"python": names, "commands": names, "kernel_modules": names, "lease_copy": copy}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    states = _kernel_modules.states(module.params["kernel_modules"], os.uname().release)
    copy = module.params["lease_copy"]
    try:
        more = {"lease_copy": _lease_copy.look(copy["path"], copy["sha256"])} if copy else {}
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename, error.strerror))
    module.exit_json(
        changed=False,
        python=[name for name in module.params["python"] if importlib.util.find_spec(name) is None],
        commands=[name for name in module.params["commands"] if not module.get_bin_path(name, opt_dirs=["/sbin", "/usr/sbin"])],
        kernel_modules={
            state: [name for name, found in states.items() if found == state] for state in ("present", "loadable", "missing", "unknown")
        },
        **more
    )


if __name__ == "__main__":
    main()
