#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bird
short_description: Have a running BIRD use its configuration
version_added: 0.1.0
description:
  - Asks a running BIRD 2 which configuration it uses, and has it take another where that differs. It is never restarted, and sessions that
    stay as they are stay up.
  - A configuration says which it is by C(define CLUSTERNET_REVISION = "<text>";). What BIRD runs is asked for it, so it does not matter who
    wrote the file and when.
  - Where no BIRD runs there is nothing to do; its service will take the file when it starts.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  socket:
    description: Path of BIRD's control socket.
    type: path
    required: true
  config:
    description: Path of its configuration. Write it with M(clusternet.fabric.file_set), which can have it checked by C(bird -p).
    type: path
    required: true
  content:
    description: The text that the file is to have.
    type: str
    required: true
  bridge:
    description:
      - Text of a configuration to use before the file is written, where BGP sessions of the file go or begin anew with O(content).
      - It has the sessions of O(content), and routes that stand in until these have told theirs. Where no session is disturbed there is nothing to do.
    type: str
  keep_sessions:
    description:
      - With O(bridge), whether sessions stay as they are for now, and only the routes that stand in come.
      - A session that ends takes its routes from both its sides, so all nodes need theirs before any of them changes a session.
        Call it on all of them with V(true), and then on all of them without.
      - Where a password of theirs is gone already, nothing comes.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
seealso:
  - module: clusternet.fabric.bird_info
  - module: clusternet.fabric.file_set
"""

EXAMPLES = r"""
- name: Write it, if BIRD would take it
  clusternet.fabric.file_set:
    owner: fabric
    name: bird
    files:
      - path: /etc/clusternet/fabric/bird.conf
        content: "{{ text }}"
        validate: /usr/sbin/bird -p -c %s

- name: Have it used
  clusternet.fabric.bird:
    socket: /run/clusternet-bird-fabric/bird.ctl
    config: /etc/clusternet/fabric/bird.conf
    content: "{{ text }}"
"""

RETURN = r"""
running:
  description: Whether a BIRD runs.
  type: bool
  returned: success
before:
  description: The revision that it ran; none where none runs.
  type: str
  returned: success
after:
  description: The revision that it runs now.
  type: str
  returned: success
pending:
  description: With O(bridge), whether sessions of what the file holds so far go or begin anew.
  type: bool
  returned: success
commands:
  description: The equivalent command lines.
  type: list
  elements: str
  returned: success
  sample: ["birdc -s /run/clusternet-bird-fabric/bird.ctl configure"]
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _bird, _files

# BIRD takes a configuration at once where no protocol has to go down, and else in a second or two.
SECONDS = 15


def use(control, command, content):
    """Tell BIRD to use a file, and wait until it does."""
    revision = _bird.revision(content)
    _bird.ask(control, command)
    wait(lambda: _bird.running(control) == revision and not _bird.secrets_differ(control, content), "%s: BIRD does not run %s yet" % (command, revision))


def wait(there, otherwise):
    until = time.monotonic() + SECONDS
    while not there():
        if time.monotonic() > until:
            raise _bird.BirdError("%s after %d s" % (otherwise, SECONDS))
        time.sleep(0.1)


def stand_in(control, path, text):
    """Use a configuration in which routes stand in for others', and wait until they do."""
    _files.replace(path, text.encode(), 0o600)
    use(control, 'configure "%s"' % path, text)
    wait(lambda: _bird.stand_ins(control, text), "the routes that stand in for others' are not there")


def main():
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "config": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
            "bridge": {"type": "str"},
            "keep_sessions": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    control, content = params["socket"], params["content"]
    before = _bird.running(control)
    result = {"changed": False, "running": before is not None, "before": before, "after": before, "pending": False, "commands": []}
    command = "configure"
    try:
        if params["bridge"] and before is not None:
            with open(params["config"], encoding="utf-8") as file:
                old = file.read()
            result["pending"] = _bird.disturbed(params["bridge"], old)
            content = params["bridge"] if result["pending"] else None
            # Unless an earlier run died after it had changed them.
            if content and params["keep_sessions"] and before != _bird.revision(content):
                content = _bird.with_sessions(content, old)
                if _bird.lacks_passwords(content):
                    module.exit_json(**result)
            beside = os.path.join(os.path.dirname(control), "bridge.conf")
            command = 'configure "%s"' % beside
        there = before is not None and content and before == _bird.revision(content) and not _bird.secrets_differ(control, content)
        if before is None or not content or there:
            module.exit_json(**result)
        result.update(changed=True, after=_bird.revision(content), commands=["birdc -s %s %s" % (control, command)])
        if not module.check_mode:
            if params["bridge"]:
                stand_in(control, beside, content)
            else:
                use(control, command, content)
    except _bird.BirdError as error:
        module.fail_json(msg="%s: %s. It goes on with what it ran" % (params["config"], error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or control, error.strerror or error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
