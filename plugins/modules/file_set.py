#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: file_set
short_description: Keep a set of text files that belong together
version_added: 0.1.0
description:
  - Writes all files of a set, and removes those of the set that are no longer listed, with the folders that were made for them.
    One task for what would be a task a file.
  - What belongs to the set is remembered in C(/var/lib/clusternet/<owner>/<name>.json), which goes with the last of its files.
  - Files of others are never overwritten or removed. One that is listed here and stands already exactly as wanted is left to whoever made it.
  - Each file is replaced in one step; whoever reads it sees the old or the new content whole. Symbolic links are not followed but refused.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  owner:
    description: Whose files these are, the name of a fabric for example.
    type: str
    required: true
  name:
    description: Name of the set, where an owner has several.
    type: str
    default: files
  files:
    description: The files. An empty list removes all of the set.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path of the file. Folders above it are made where they are missing.
        type: path
        required: true
      content:
        description:
          - Content of the file.
          - Exactly one of O(files[].content) and O(files[].copy_of) is required.
        type: str
      copy_of:
        description: Paths on the node; the first of them that exists gives the content. None of them existing, the file is empty.
        type: list
        elements: path
      validate:
        description:
          - Command that has to end well before any file of the set is written, with C(%s) in place of the path of a file with the new content.
            It is run where the content is another. In check mode it is left out where the command is not there yet.
        type: str
      mode:
        description: Permissions, as an octal number in quotes. Owner and group are those of the user who runs the module.
        type: str
        default: "0644"
  validate:
    description:
      - Whether the commands in O(files[].validate) are run. V(false) is for a look in check mode at files that others, not written yet, belong to.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
    details:
      - The content of files that not everybody may read is not shown.
"""

EXAMPLES = r"""
- name: Give a pod a name server
  clusternet.fabric.file_set:
    owner: fabric
    files:
      - path: /etc/netns/web/resolv.conf
        content: "nameserver 192.0.2.53\n"

- name: Remove the files again
  clusternet.fabric.file_set:
    owner: fabric
    files: []
"""

RETURN = r"""
created:
  description: Paths of files that were not there.
  type: list
  elements: str
  returned: success
updated:
  description: Paths of files whose content or mode was another.
  type: list
  elements: str
  returned: success
removed:
  description: Paths of files that were of the set and are gone.
  type: list
  elements: str
  returned: success
"""

import os
import re
import shlex
import tempfile

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _file_set, _files


def wanted(files):
    """The entries in normal form; raises Refused for what makes no sense, with its place in the list."""
    result, seen = [], {}
    for index, entry in enumerate(files):
        field, path = "files[%d]" % index, entry["path"]
        if not os.path.isabs(path) or os.path.normpath(path) != path:
            raise _files.Refused("%s.path: %s: expected an absolute path without ., .. and double slashes" % (field, path))
        if path in seen:
            raise _files.Refused("%s.path: %s: files[%d] has it already: expected each file once" % (field, path, seen[path]))
        seen[path] = index
        if not re.match(r"0?[0-7]{3,4}\Z", entry["mode"]):
            raise _files.Refused('%s.mode: %s: expected an octal number such as "0644"' % (field, entry["mode"]))
        content = entry["content"].encode() if entry["content"] is not None else copied(entry["copy_of"])
        if entry.get("validate") and "%s" not in entry["validate"]:
            raise _files.Refused("%s.validate: %s: expected %%s in place of the file's path" % (field, entry["validate"]))
        result.append({"path": path, "content": content, "mode": int(entry["mode"], 8)})
    return result


def copied(paths):
    """The content of the first file there is."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            continue
    return b""


def validate(module, plan):
    """Have what is to be written looked at by what will read it."""
    commands = {entry["path"]: entry["validate"] for entry in module.params["files"] if entry.get("validate") and module.params["validate"]}
    for path, content, dummy, dummy in plan.writes:
        if path not in commands:
            continue
        words = shlex.split(commands[path])
        if module.check_mode and not module.get_bin_path(words[0]):
            continue
        handle, name = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        code, out, err = module.run_command([word.replace("%s", name) for word in words], check_rc=False)
        if code:
            said = (err or out).strip().replace(name, path)
            raise _files.Refused("%s: is refused and nothing is written: %s" % (path, said))


def main():
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "name": {"type": "str", "default": "files"},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str"},
                    "copy_of": {"type": "list", "elements": "path"},
                    "validate": {"type": "str"},
                    "mode": {"type": "str", "default": "0644"},
                },
                "mutually_exclusive": [("content", "copy_of")],
                "required_one_of": [("content", "copy_of")],
            },
            "validate": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    for key in ("owner", "name"):
        if not re.match(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", module.params[key]):
            expected = "expected 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit"
            module.fail_json(msg="%s: %s: %s" % (key, module.params[key], expected))
    if module.params["name"] + ".json" in _file_set.NO_LEDGERS:
        module.fail_json(msg="name: %s: expected another name: the file of this one is not a set's" % module.params["name"])
    try:
        files = wanted(module.params["files"])
        with _files.lock(os.path.dirname(_file_set.STATE)):
            plan = _file_set.Plan(_file_set.Ledger(_file_set.STATE, module.params["owner"], module.params["name"]), files)
            validate(module, plan)
            if not module.check_mode:
                plan.apply()
    except _files.Refused as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or module.params["owner"], error.strerror))
    result = {"changed": plan.changed, "created": plan.created, "updated": plan.updated, "removed": plan.removed}
    if module._diff:
        result["diff"] = list(plan.diff())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
