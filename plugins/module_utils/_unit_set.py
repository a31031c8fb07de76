# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of systemd services with one owner: what module unit_set does.

What a service runs is not what its file says: the file may have been written by a run that died before the restart. So each start is put
on record with the revision started and systemd's own id of that start, and a service is restarted when what runs is
not what is wanted, whoever changed what and when.
"""

from __future__ import annotations

import json
import os

from ansible_collections.clusternet.fabric.plugins.module_utils._files import Refused, make_folder, missing_folders, replace

STATE = "/var/lib/clusternet"
PROPERTIES = ["Id", "LoadState", "ActiveState", "MainPID", "InvocationID", "NeedDaemonReload"]
_RUNNING = ("active", "activating", "reloading")


class Record:
    """Which revision of each unit was started, and as which invocation.

    It outlives a restart of the machine: units that are started then without a run are still of the set, and are others' invocations.
    """

    def __init__(self, state, owner):
        self.state = state
        self.path = os.path.join(state, owner, "units.json")
        self.units = {}
        try:
            with open(self.path, encoding="utf-8") as file:
                self.units = dict(json.load(file))
        except FileNotFoundError:
            pass
        except (ValueError, TypeError) as error:
            raise Refused("%s: is not a record of unit_set: %s; remove it" % (self.path, error)) from error

    def save(self, units):
        """Write the record, or remove it where there are no units."""
        if units == self.units:
            return
        self.units = units
        if units:
            for folder in missing_folders(self.path):
                make_folder(folder)
            replace(self.path, (json.dumps(units, indent=2, sort_keys=True) + "\n").encode(), 0o644)
            return
        os.unlink(self.path)
        for folder in (os.path.dirname(self.path), self.state):
            try:
                os.rmdir(folder)
            except OSError:
                # The engine keeps files there too.
                break


def parse(text):
    """What C(systemctl show) prints for several units: {Id: {property: value}}."""
    result = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            result[values["Id"]] = values
    return result


class Plan:
    """What has to be started, restarted and stopped, found without doing any of it."""

    def __init__(self, record, wanted, shown, same_netns):
        """C(wanted): entries with name, revision and netns; C(shown): see C(parse); C(same_netns(pid, name)) compares namespaces."""
        self.wanted = {unit["name"]: unit for unit in wanted}
        self.start, self.restart, self.stop, self.why = [], [], [], {}
        self.reload = False
        known = record.units
        for name, unit in self.wanted.items():
            state = shown.get(name, {})
            if state.get("ActiveState") not in _RUNNING:
                self.start.append(name)
                self.why[name] = "is not running"
                continue
            why = self._stale(unit, state, known.get(name), same_netns)
            if why:
                self.restart.append(name)
                self.why[name] = why
        gone = [name for name in known if name not in self.wanted]
        self.stop = [name for name in gone if shown.get(name, {}).get("ActiveState", "inactive") != "inactive"]
        self.forget = gone
        self.reload = bool(self.start or self.restart or gone or any(state.get("NeedDaemonReload") == "yes" for state in shown.values()))

    @property
    def changed(self):
        return bool(self.start or self.restart or self.stop)

    @staticmethod
    def _stale(unit, state, known, same_netns):
        if known and known["invocation"] == state.get("InvocationID"):
            if known["revision"] != unit["revision"]:
                return "runs an earlier revision"
        elif known and not known["revision"]:
            # A run died after it had decided to restart this one.
            return "was to be restarted"
        elif state.get("NeedDaemonReload") == "yes":
            # Somebody else started it, from what systemd had loaded.
            return "runs an earlier revision"
        if unit["netns"] and state.get("MainPID", "0") != "0" and not same_netns(state["MainPID"], unit["netns"]):
            return "runs in a namespace that is gone"
        return None


def same_netns(pid, name):
    """Whether a process is in the network namespace of that name; so it is taken to be where one of the two has just gone."""
    try:
        held, named = os.stat("/proc/%s/ns/net" % pid), os.stat("/run/netns/" + name)
    except OSError:
        return True
    return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)
