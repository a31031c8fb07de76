#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wireguard_key
short_description: A private key for WireGuard, made on the node where it lives
version_added: 0.1.0
description:
  - Makes a private key where there is none, in a file that root alone may read (C(0400)), and tells its public key.
  - The private key never leaves the node. It is in no result, no difference and no log.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  path:
    description: Absolute path of the file. Folders above it are made where they are missing.
    type: path
    required: true
  state:
    description:
      - V(present) makes the key where it is missing; one that is there stays as it is.
      - V(absent) removes the file, and its folder and the one above that where nothing else is in them.
    type: str
    default: present
    choices:
      - present
      - absent
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Of a key that is yet to be made there is no public key.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
seealso:
  - module: clusternet.fabric.wireguard
"""

EXAMPLES = r"""
- name: Have a key
  clusternet.fabric.wireguard_key:
    path: /etc/clusternet/fabric/wireguard.key
  register: key

- name: What peers need to know
  ansible.builtin.debug:
    msg: "{{ key.public_key }}"
"""

RETURN = r"""
public_key:
  description: The public key in base64; none where there is no key.
  type: str
  returned: success
"""

import base64
import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _files, _x25519


def read(path):
    """The public key of the one that is there, or None."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise _files.Refused("%s: others than its owner may read it: make a new key, or set its mode to 0400" % path)
            return _x25519.public(file.read(1024).strip())
    except FileNotFoundError:
        return None
    except ValueError:
        raise _files.Refused("%s: expected a WireGuard key, 32 bytes in base64, or no such file" % path) from None


def make(path):
    """A new one."""
    for folder in _files.missing_folders(path):
        _files.make_folder(folder)
    _files.replace(path, base64.b64encode(os.urandom(32)) + b"\n", 0o400)


def remove(path):
    """With its folders, where those are empty then."""
    os.unlink(path)
    folder = os.path.dirname(path)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
        os.rmdir(os.path.dirname(folder))


def main():
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "state": {"type": "str", "default": "present", "choices": ["present", "absent"]}},
        supports_check_mode=True,
    )
    path, wanted = module.params["path"], module.params["state"] == "present"
    try:
        if not os.path.isabs(path):
            raise _files.Refused("path: %s: expected an absolute path" % path)
        changed = os.path.lexists(path) != wanted
        if changed and not module.check_mode:
            (make if wanted else remove)(path)
        found = read(path) if wanted else None
    except _files.Refused as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or path, error.strerror))
    module.exit_json(changed=changed, public_key=found)


if __name__ == "__main__":
    main()
