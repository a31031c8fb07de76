# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook's run in a lab did, asked of the JSON callback's account of it; and what a node is like."""

import copy
import json
import time

import snapshot

SITE, TEARDOWN, VERIFY = ("playbooks/%s.yml" % name for name in ("site", "teardown", "verify"))
NODES = ("node1", "node2", "node3")
# The tasks that apply a fabric's document (roles/fabric/tasks/network.yml).
NETWORK = ("Build the network", "Move over to it", "Remove what is left of what was")


def tasks(run, part):
    """{host: result} of the task whose name contains `part`."""
    found = [task["hosts"] for play in run["plays"] for task in play["tasks"] if part in task["task"]["name"]]
    assert found, [task["task"]["name"] for play in run["plays"] for task in play["tasks"]]
    return found[0]


def stats(run, what, nodes=NODES):
    return {host: run["stats"][host][what] for host in nodes if host in run["stats"]}


def failures(run):
    """What failed, {host: message}; of the last task that did."""
    return {host: str(result.get("msg")) for play in run["plays"] for task in play["tasks"] for host, result in task["hosts"].items()
            if result.get("failed") or result.get("unreachable")}


def succeeded(run, nodes=NODES):
    assert not failures(run), failures(run)
    assert set(stats(run, "failures", nodes).values()) == {0}


def operations(run):
    """{host: [the commands of all its network tasks]}; asks for a run with -v."""
    commands = {}
    for play in run["plays"]:
        for task in play["tasks"]:
            if any(task["task"]["name"].endswith(name) for name in NETWORK):
                for host, result in task["hosts"].items():
                    if not result.get("skipped"):
                        commands.setdefault(host, []).extend(result["commands"])
                        counted = sum(number for kinds in result["operations"].values() for number in kinds.values())
                        # A command line for each operation, some for two.
                        assert (counted == 0) == (not result["commands"]), result
    return commands


def differences(before, after):
    lines, dummy = snapshot.diff(copy.deepcopy(before), copy.deepcopy(after))
    return lines


def same(before, after):
    lines = differences(before, after)
    assert not lines, "\n".join(lines)


def on(lab, node, script):
    """What a script prints on a node; it has to end well."""
    done = lab.shell(node, "--", "sh", "-ec", script)
    assert done.returncode == 0, done.stdout
    return done.stdout


def pods(lab, nodes=NODES, of=None, family=4):
    """{(node, pod): address} of the pods that stand, or only of those whose names are in `of`."""
    script = 'for path in /run/netns/*; do name=${path##*/}; echo "[\\"$name\\", $(ip -n $name -%d -j address show dev eth0)]"; done' % family
    found = {}
    for node in nodes:
        for line in on(lab, node, script).splitlines():
            name, links = json.loads(line)
            if of is None or name in of:
                found[node, name] = next(entry["local"] for entry in links[0]["addr_info"] if entry["scope"] == "global")
    return found


def eventually(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within %d s" % seconds
        time.sleep(0.2)
