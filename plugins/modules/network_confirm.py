#!/usr/bin/python
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_confirm
short_description: Keep what a network document changed
version_added: 0.1.0
description:
  - Ends the time that option O(clusternet.fabric.network#module:confirm) set - what was changed stays, and is what a restart builds.
  - Run it over a new connection, as the example does. That it arrives is the proof that the node can still be reached.
  - Where nothing waits for it, because the time was up and the change is put back, it fails.
options:
  owner:
    description: Name of the fabric.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Says whether something awaits it. Nothing does in a play that is only predicted.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
seealso:
  - module: clusternet.fabric.network
author:
  - clusternet.fabric contributors (@clusternet)
"""

EXAMPLES = r"""
- name: A change that undoes itself after a minute
  clusternet.fabric.network:
    owner: blue
    document: "{{ blue_document }}"
    persist: true
    confirm: 60

- name: Connect anew
  ansible.builtin.meta: reset_connection

- name: Unless the node can still be reached
  clusternet.fabric.network_confirm:
    owner: blue
"""

RETURN = r"""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.replay import awaits, confirm


def main():
    module = AnsibleModule(argument_spec={"owner": {"type": "str", "required": True}}, supports_check_mode=True)
    try:
        if module.check_mode:  # nothing awaits what a run in check mode did not change
            module.exit_json(changed=awaits(module.params["owner"]))
        confirm(module.params["owner"])
    except (FabricError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
