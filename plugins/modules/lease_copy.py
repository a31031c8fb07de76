#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lease_copy
short_description: Bring a node's copy of the leases up to date
version_added: 0.1.0
description:
  - Replaces the copy of a fabric's leases that a node has, unless it is no longer the one that was looked at. So of two controllers
    that give out leases at the same time, one is refused by the nodes that both of them know, before it has built anything.
  - Has nothing to do on a node without a copy; M(clusternet.fabric.file_set) writes the first one and removes the last.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  path:
    description: Where the copy is.
    type: path
    required: true
  content:
    description: What it is to say.
    type: str
    required: true
  sha256:
    description: Digest of the copy that was looked at, as M(clusternet.fabric.prerequisites_info) returns it.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
seealso:
  - module: clusternet.fabric.prerequisites_info
  - module: clusternet.fabric.file_set
"""

EXAMPLES = r"""
- name: Bring the copy of the leases up to date
  clusternet.fabric.lease_copy:
    path: /var/lib/clusternet/fabric/leases.yml
    content: "{{ (fabric_model | clusternet.fabric.lease_copy(inventory_hostname)).content }}"
    sha256: "{{ found.lease_copy.sha256 }}"
"""

RETURN = r"""# """

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _file_set, _files, _lease_copy


def main():
    text = {"type": "str", "required": True}
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}, "content": text, "sha256": text}, supports_check_mode=True)
    path = module.params["path"]
    try:
        with _files.lock(os.path.dirname(_file_set.STATE)):
            before, changed = _lease_copy.bring_up_to_date(
                path, module.params["content"].encode(), module.params["sha256"], write=not module.check_mode
            )
    except _files.Refused as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or path, error.strerror))
    result = {"changed": changed}
    if module._diff and changed:
        after = module.params["content"]
        result["diff"] = {"before_header": path, "after_header": path, "before": before.decode("utf-8", "replace"), "after": after}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
