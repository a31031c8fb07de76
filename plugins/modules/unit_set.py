#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_set
short_description: Keep a set of systemd services running what it should
version_added: 0.1.0
description:
  - Starts the services of a set, restarts those that run something else than they should, and stops those of the set that are no
    longer listed. One task for what would be a task a service.
  - Whether a service is restarted does not depend on a notification - each start is recorded with its revision in
    C(/var/lib/clusternet/<owner>/units.json), and what runs is compared with that.
  - Unit files are not its concern; write them with M(clusternet.fabric.file_set). systemd is told to read them where that is needed.
  - Services are not enabled. Whatever brings back what they need after a restart of the machine also starts them.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  owner:
    description: Whose services these are, the name of a fabric for example.
    type: str
    required: true
  units:
    description: The services that run. An empty list stops all of the set.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Full name of the unit, with its suffix.
        type: str
        required: true
      revision:
        description: Any text that changes whenever the service has to be restarted, such as a digest of its files.
        type: str
        required: true
      netns:
        description: Network namespace that the service runs in. It is restarted when the namespace of this name is another than its own.
        type: str
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
seealso:
  - module: clusternet.fabric.file_set
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Run a web server in a pod
  clusternet.fabric.unit_set:
    owner: fabric
    units:
      - name: clusternet-fabric-web.service
        revision: 8f14e45fceea167a
        netns: web

- name: Stop all of them
  clusternet.fabric.unit_set:
    owner: fabric
    units: []
"""

RETURN = r"""
started:
  description: Services that were not running.
  type: list
  elements: str
  returned: success
restarted:
  description: Services that ran something else.
  type: list
  elements: str
  returned: success
stopped:
  description: Services of the set that are no longer listed.
  type: list
  elements: str
  returned: success
commands:
  description: The equivalent command lines.
  type: list
  elements: str
  returned: success
  sample: [systemctl daemon-reload, systemctl start clusternet-fabric-web.service]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _files, _unit_set

# A service may take its time to stop, and another run waits for it.
LOCK_SECONDS = 180


class UnitSet:
    """The plan, carried out by systemctl."""

    def __init__(self, module):
        self.module = module
        self.record = _unit_set.Record(_unit_set.STATE, module.params["owner"])
        names = sorted({unit["name"] for unit in module.params["units"]} | set(self.record.units))
        self.plan = _unit_set.Plan(self.record, module.params["units"], self.show(names), _unit_set.same_netns)

    def systemctl(self, *arguments):
        """Its output; fails the task with what systemctl said."""
        path = self.module.get_bin_path("systemctl", required=True)
        code, out, err = self.module.run_command([path] + list(arguments), check_rc=False)
        if code:
            said = (err or out).strip()
            # "See journalctl": the one who reads this is on another machine.
            for name in [name for name in arguments[1:] if not name.startswith("-")]:
                journal = self.module.run_command(["journalctl", "-u", name, "-n", "5", "-o", "cat", "--no-pager"], check_rc=False)
                said += "\n%s: %s" % (name, journal[1].strip()) if journal[0] == 0 and journal[1].strip() else ""
            self.module.fail_json(msg="systemctl %s: %s" % (" ".join(arguments), said))
        return out

    def show(self, names):
        if not names:
            return {}
        return _unit_set.parse(self.systemctl("show", "--property=" + ",".join(_unit_set.PROPERTIES), "--", *names))

    def commands(self):
        """In order; a list of argument lists."""
        plan = self.plan
        lines = [["stop"] + plan.stop] if plan.stop else []
        if plan.reload:
            lines.append(["daemon-reload"])
        lines += [[verb] + names for verb, names in (("start", plan.start), ("restart", plan.restart)) if names]
        return lines

    def apply(self):
        plan, units = self.plan, dict(self.record.units)
        # Beforehand: a run that dies in the middle leaves word of what it was about to do.
        for name in plan.start + plan.restart:
            units[name] = {"revision": "", "invocation": ""}
        self.record.save(units)
        for line in self.commands():
            if line[0] != "daemon-reload":
                # One that failed too often is not started again otherwise, and one that failed stays listed.
                self.module.run_command(["systemctl", "reset-failed"] + line[1:], check_rc=False)
            self.systemctl(*line)
        shown = self.show(sorted(plan.wanted))
        self.record.save(
            {
                name: {"revision": unit["revision"], "invocation": shown.get(name, {}).get("InvocationID", "")}
                for name, unit in plan.wanted.items()
            }
        )

    def states(self):
        """Before and after, a line a service."""
        plan = self.plan
        before, after = [], []
        for name in sorted(set(plan.wanted) | set(plan.stop)):
            before.append("%s: %s\n" % (name, plan.why.get(name, "runs")))
            after.append("%s: %s\n" % (name, "is stopped" if name in plan.stop else "runs"))
        return {"before": "".join(before), "after": "".join(after)}


def main():
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "units": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "revision": {"type": "str", "required": True},
                    "netns": {"type": "str"},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        with _files.lock("/run", LOCK_SECONDS):
            units = UnitSet(module)
            if not module.check_mode:
                units.apply()
    except _files.Refused as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or module.params["owner"], error.strerror))
    plan = units.plan
    commands = [" ".join(["systemctl"] + line) for line in units.commands()]
    result = {"changed": plan.changed, "started": plan.start, "restarted": plan.restart, "stopped": plan.stop, "commands": commands}
    if module._diff:
        result["diff"] = units.states()
    module.exit_json(**result)


if __name__ == "__main__":
    main()
