# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster model, built on the controller from what the inventory says of every host of a group; documented in plugins/modules/cluster.py."""

from __future__ import annotations

import difflib
import os

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, lease_copies, leases, recipes
from ansible_collections.clusternet.fabric.plugins.plugin_utils.spec import Problem

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 all text is

    def trust_as_template(value):
        return value


_ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")


def role_options(role):
    """The options in a role's argument specification, the one place where types, defaults and choices stand."""
    with open(os.path.join(_ROLES, role, "meta", "argument_specs.yml"), encoding="utf-8") as file:
        return yaml.safe_load(file)["argument_specs"]["main"]["options"]


class ActionModule(ActionBase):
    """Reads every host of the group, also those beyond C(--limit): peers are part of each node's state."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        del tmp
        _spec, arguments = self.validate_argument_spec(
            argument_spec={
                "group": {"type": "str", "default": "fabric"},
                "ask": {"type": "bool", "default": False},
                "copies": {"type": "dict"},
                "without": {"type": "list", "elements": "str", "default": []},
                "public_keys": {"type": "dict", "default": {}},
            }
        )
        options = {role: role_options(role) for role in ["fabric"] + recipes.names()}
        result.update(fabrics={}, ask=[], removed=[], diff=[])
        try:
            hosts = self._variables(arguments["group"], task_vars, options, result)
            fabrics = cluster.fabrics(hosts, options)
            run = Leasing(arguments, task_vars, self._task.check_mode, result)
            for name, fabric in fabrics.items():
                held, staying = run.leases(fabric), run.staying(fabric)
                if held is not None and staying["nodes"]:
                    result["fabrics"][name] = cluster.complete(staying, held.nodes, held.former)
            run.check_removed(fabrics)
        except cluster.InvalidCluster as error:
            raise AnsibleActionFail("the inventory does not describe a cluster:\n%s" % error) from error
        except leases.LeaseError as error:
            raise AnsibleActionFail(str(error)) from error
        result["changed"] = bool(result["diff"])
        return result

    # --- what the inventory says

    def _variables(self, group, task_vars, options, result):
        """Per host of the group the variables of our roles, templated, with defaults; and C(ansible_host)."""
        names = task_vars["groups"].get(group) or []
        if not names:
            raise AnsibleActionFail("group %s: has no hosts: expected the cluster's nodes in it" % group)
        wanted = {variable: option for role in options.values() for variable, option in role.items()}
        prefixes = tuple(role + "_" for role in options)
        problems, strange = [], {}
        hosts = {}
        for name in map(str, names):
            # raw: templating all that a host has costs a hundred times what our few variables do.
            raw = task_vars["hostvars"].raw_get(name)
            hosts[name] = self._of_host(name, raw, wanted, task_vars, problems)
            for variable in raw:
                if variable.startswith(prefixes) and variable not in wanted:
                    strange.setdefault(variable, name)
        if problems:
            raise cluster.InvalidCluster(problems)
        for variable, name in strange.items():
            near = difflib.get_close_matches(variable, wanted, n=1, cutoff=0.87)
            if near:
                result.setdefault("warnings", []).append("%s: %s is no variable of these roles; is %s meant?" % (name, variable, near[0]))
        return hosts

    def _of_host(self, name, raw, wanted, task_vars, problems):
        templar = None
        values = {}
        folder = str(raw.get("inventory_dir") or "")
        # A list of hosts in place of an inventory has the text "None" for its folder.
        folder = folder if os.path.isabs(folder) else ""
        for variable in list(wanted) + ["ansible_host"]:
            value = raw.get(variable)
            if value is None and variable in wanted:
                value = wanted[variable].get("default")
                if variable == "fabric_lease_file" and not folder:
                    problems.append(Problem(name, variable, "not set, and this inventory has no folder: set it to an absolute path"))
                    continue
                if isinstance(value, str):
                    value = trust_as_template(value)
            if _may_be_template(value):
                if templar is None:
                    available = dict(raw, hostvars=task_vars["hostvars"])
                    # Defaults may build on one another.
                    for key, option in wanted.items():
                        available.setdefault(key, option.get("default"))
                    templar = self._templar.copy_with_new_env(available_variables=available)
                try:
                    value = templar.template(value)
                except AnsibleError as error:
                    expected = "cannot be templated on the controller, without the hosts' facts: %s" % " ".join(str(error).split())
                    problems.append(Problem(name, variable, expected, value))
                    continue
            values[variable] = value
        if isinstance(values.get("fabric_lease_file"), str):
            # The playbook's folder, from which Ansible would count, may be an installed collection's.
            path = os.path.expanduser(values["fabric_lease_file"])
            values["fabric_lease_file"] = os.path.join(folder, path)
            if not os.path.isabs(values["fabric_lease_file"]):
                problems.append(Problem(name, "fabric_lease_file", "expected an absolute path: this inventory has no folder", path))
        return values


class Leasing:
    """The leases of an inventory's fabrics in one run: from the lease file, or from the nodes' copies where it is missing."""

    def __init__(self, arguments, task_vars, check_mode, result):
        self.ask, self.copies, self.leaving = arguments["ask"], arguments["copies"], arguments["without"]
        self.public_keys = {host: str(key) for host, key in (arguments["public_keys"] or {}).items() if key}
        # All that the play is about, whatever became of them since.
        self.play = set(task_vars.get("ansible_play_hosts_all") or ())
        self.check_mode, self.result = check_mode, result

    def staying(self, fabric):
        return cluster.without(fabric, self.leaving)

    def check_removed(self, fabrics):
        """Each name to be removed is one that somebody knows."""
        if self.result["ask"]:
            return
        strange = [name for name in self.leaving if name not in {entry["name"] for entry in self.result["removed"]}]
        if strange:
            files = ", ".join(sorted({fabric["lease_file"] for fabric in fabrics.values()}))
            raise leases.LeaseError("%s: cannot be removed: neither in the inventory nor in a lease file (%s)" % (", ".join(strange), files))

    def leases(self, fabric):
        """The fabric's leases; what is new in them is in the file when this returns, except in check mode. None: ask the nodes first."""
        path, name = fabric["lease_file"], fabric["name"]
        beyond = [node for node in self.leaving if node in fabric["nodes"] and node not in self.play]
        if beyond:
            raise leases.LeaseError("%s: cannot be removed by a play that leaves it out: run without --limit" % ", ".join(beyond))
        file = leases.read(path, name)
        if file is None and (self.ask or self.copies is not None) and not self.play & set(fabric["nodes"]):
            # Another fabric of the inventory, which this play is not about.
            return None
        if self.ask and file is None:
            self._check_rebuild(fabric)
            self.result["ask"].append(name)
            return None
        held, following = self._following(fabric, file)
        if self.ask and lease_copies.moved(self.staying(fabric), held.nodes, following.nodes):
            self.result["ask"].append(name)
            return None
        if not _same(file, following) and not leases.writable(path):
            self._unwritable(fabric, file, following, "its folder is not there or not writable")
        elif not _same(file, following):
            if not self.check_mode:
                try:
                    with leases.lock(path):
                        # Another run may have allotted meanwhile.
                        file = leases.read(path, name)
                        held, following = self._following(fabric, file)
                        if not _same(file, following):
                            leases.write(path, leases.render(name, *following))
                except OSError as error:
                    self._unwritable(fabric, file, following, error.strerror)
            if not _same(file, following):
                before = leases.render(name, *file) if file else ""
                header = {"before_header": path, "after_header": path}
                self.result["diff"].append(dict(header, before=before, after=leases.render(name, *following)))
        self._note_removed(fabric, held)
        return following

    def _check_rebuild(self, fabric):
        """What can be told before the nodes are asked for their copies."""
        staying = self.staying(fabric)
        problems = leases.certain_problems(staying)
        if problems:
            raise cluster.InvalidCluster(problems)
        beyond = sorted(set(staying["nodes"]) - self.play, key=leases.natural)
        if beyond:
            raise leases.LeaseError(
                "%s: is missing. It is rebuilt from the copies that the nodes keep, which takes all of them, and this play leaves out %s. Nothing "
                "was changed. Run once without --limit, or put the file back."
                % (fabric["lease_file"], ", ".join(beyond[:5]) + (" ..." if len(beyond) > 5 else ""))
            )

    def _following(self, fabric, file):
        """C((held, following)): the leases so far, from the file or, where there is none, from the nodes; and as they are to be."""
        staying = self.staying(fabric)
        answers = None
        if self.copies is not None:
            answers = {host: _answer(copy) for host, copy in self.copies.items() if host in fabric["nodes"]}
        held = file or leases.Leases({}, [])
        if file is None and answers is not None:
            held, warnings = lease_copies.rebuild(fabric, answers, self.leaving)
            known = self.result.setdefault("warnings", [])
            known.extend(warning for warning in warnings if warning not in known)
        kept = {node: record for node, record in held.nodes.items() if node not in self.leaving}
        table, problems = leases.allot(staying, kept)
        if problems:
            raise cluster.InvalidCluster(problems)
        table = {node: dict(record, public_key=self.public_keys[node]) if node in self.public_keys else record for node, record in table.items()}
        if answers is not None:
            lease_copies.check_moves(staying, kept, table, answers)
        return held, leases.Leases(table, leases.given_up(held, table))

    def _note_removed(self, fabric, held):
        gone = dict(held.former)
        for node in self.leaving:
            inventory = node in fabric["nodes"]
            if inventory or node in held.nodes or node in gone:
                subnet = ", ".join(leases.networks(held.nodes[node])) if node in held.nodes else None
                self.result["removed"].append({"name": node, "fabric": fabric["name"], "subnet": subnet, "in_inventory": inventory})

    def _unwritable(self, fabric, file, following, why):
        """Only what has to be remembered must be written: a record that is merely out of date can wait."""
        path, nodes = fabric["lease_file"], file.nodes if file else {}
        missing = cluster.missing_leases(self.staying(fabric), nodes)
        freed = [node for node in self.leaving if node in nodes]
        if not missing and not freed:
            self.result.setdefault("warnings", []).append("%s: cannot be brought up to date: %s" % (path, why))
            return
        what = ("leases are missing for " if missing else "it has to give up ") + ", ".join((missing or freed)[:10])
        more = " ..." if len(missing or freed) > 10 else ""
        raise leases.LeaseError(
            "%s: cannot be written: %s; %s%s. Nothing was changed. Make it writable, or put this into it:\n%s"
            % (path, why, what, more, leases.render(fabric["name"], *following))
        )


def _same(file, following):
    """Whether the file needs no writing. What it has given up changes with the nodes only."""
    return file is not None and file.nodes == following.nodes


def _answer(copy):
    """What a node said of its copy; None where it did not answer."""
    return copy.get("lease_copy") if isinstance(copy, dict) else None


def _may_be_template(value):
    if isinstance(value, str):
        return "{" in value
    if isinstance(value, dict):
        return any(_may_be_template(entry) for pair in value.items() for entry in pair)
    return isinstance(value, (list, tuple)) and any(_may_be_template(entry) for entry in value)
