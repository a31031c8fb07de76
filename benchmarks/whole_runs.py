# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a whole run costs: site.yml on a converged lab beside a play of pings, and the controller's part of a thousand nodes.

The lab of NODES nodes has a name of its own, and goes at the end. Of the thousand none is contacted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "benchmarks", "playbooks")
TASKS, PINGS = 12, 24  # tasks of a node that may run a module; pings that may take as long
SECONDS_PER_HOST, MEBIBYTES = 0.15, 1024
ENVIRONMENT = dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"),
                   ANSIBLE_COLLECTIONS_PATH=os.path.join(ROOT, ".ansible", "collections"),
                   PATH=os.path.join(ROOT, ".venv", "bin") + ":" + os.environ["PATH"], ANSIBLE_CALLBACK_PLUGINS=FOLDER)


def play(*words, environment=None):
    """(seconds, {host: module tasks}) of ansible-playbook."""
    with tempfile.NamedTemporaryFile("r") as counts:
        given = dict(ENVIRONMENT, ANSIBLE_CALLBACKS_ENABLED="module_tasks", MODULE_TASKS_FILE=counts.name, **(environment or {}))
        start = time.perf_counter()
        done = subprocess.run(("ansible-playbook",) + words, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            sys.exit("%s failed:\n%s%s" % (" ".join(words), done.stdout[-4000:], done.stderr[-4000:]))
        return seconds, json.load(counts)


def converged(nodes, runs):
    lab = {"CLUSTERNET_LAB_NODES": str(nodes), "CLUSTERNET_LAB_NAME": "bench"}
    inventory = ("-i", "inventory/lab")
    play(*inventory, "playbooks/lab_up.yml", environment=lab)
    try:
        play(*inventory, "playbooks/site.yml", environment=lab)
        site, pings, tasks = [], [], {}
        for dummy in range(runs):
            seconds, tasks = play(*inventory, "playbooks/site.yml", environment=lab)
            site.append(seconds)
            pings.append(play(*inventory, os.path.join(FOLDER, "pings.yml"), environment=lab)[0])
    finally:
        play(*inventory, "playbooks/lab_down.yml", environment=lab)
    return {"nodes": nodes, "tasks": max(count for host, count in tasks.items() if host != "localhost"), "site": statistics.median(site),
            "pings": statistics.median(pings)}


def resident(pid, peak, done):
    """The largest sum of what a process and its descendants have in memory by themselves (PSS, MiB), into `peak`."""
    while not done.wait(0.5):
        total, waiting = 0, [pid]
        while waiting:
            one = waiting.pop()
            try:
                with open("/proc/%d/smaps_rollup" % one, encoding="ascii") as file:
                    total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
                with open("/proc/%d/task/%d/children" % (one, one), encoding="ascii") as file:
                    waiting += map(int, file.read().split())
            except (OSError, StopIteration):
                continue
        peak.append(total / 1024)


def thousand(hosts):
    """Validate an inventory, allot its leases and make each node's document."""
    with tempfile.TemporaryDirectory() as folder:
        inventory = {"fabric": {
            "hosts": {"node%d" % n: {"ansible_connection": "local", "fabric_node_ip": "172.16.%d.%d" % divmod(n + 256, 256)} for n in range(hosts)},
            "vars": {"fabric_name": "bench", "fabric_backend": "flannel", "fabric_pod_cidr": "10.128.0.0/9",
                     "fabric_pods": [{"name": "a"}, {"name": "b"}]}}}
        path = os.path.join(folder, "hosts.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump(inventory, file)
        peak, done = [0], threading.Event()
        start = time.perf_counter()
        with subprocess.Popen(["ansible-playbook", "-i", path, os.path.join(FOLDER, "documents.yml")], cwd=ROOT, env=ENVIRONMENT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            watcher = threading.Thread(target=resident, args=(process.pid, peak, done))
            watcher.start()
            said = process.communicate()[0]
            seconds = time.perf_counter() - start
            done.set()
            watcher.join()
        if process.returncode:
            sys.exit("documents.yml failed:\n%s" % said[-4000:])
    return {"hosts": hosts, "seconds": seconds, "seconds a host": seconds / hosts, "MiB": max(peak)}


def line(words, value, limit, form):
    print(("%-60s " + form + "  of at most " + form + "%s") % (words, value, limit, "" if value <= limit else "  MISSED"), flush=True)
    return value <= limit


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("converged", "thousand"))
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    figures, met = {}, []
    if arguments.only != "thousand":
        found = figures["converged"] = converged(arguments.nodes, arguments.runs)
        met.append(line("site.yml again on %d nodes: tasks of a node that run a module" % arguments.nodes, found["tasks"], TASKS, "%d"))
        met.append(line("site.yml again, seconds, beside %d pings" % PINGS, found["site"], found["pings"], "%.2f"))
    if arguments.only != "converged":
        found = figures["thousand"] = thousand(arguments.hosts)
        met.append(line("%d hosts validated, leased and documented: seconds a host" % arguments.hosts,
                        found["seconds a host"], SECONDS_PER_HOST, "%.3f"))
        met.append(line("the same: MiB of all its processes", found["MiB"], MEBIBYTES, "%d"))
    os.makedirs(os.path.join(ROOT, ".ansible", "bench"), exist_ok=True)
    with open(os.path.join(ROOT, ".ansible", "bench", "site.json"), "w", encoding="ascii") as file:
        json.dump(figures, file, indent=2)
    sys.exit(0 if all(met) else "a limit is missed")


if __name__ == "__main__":
    main()
