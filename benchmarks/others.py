# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that declare as this collection does: ifstate for a forwarding database, ansible.builtin.iptables for rules.

Both go one by one, so what they are given is less, and their time is scaled up to ours.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time

import filters
import tables
from isolated import ROOT, Case, run

IFSTATE = os.path.join(ROOT, ".ansible", "venv-bench", "bin", "ifstatecli")
ENTRIES, ENTRIES_OF_IFSTATE = 10000, 2000
RULES, RULES_OF_ANSIBLE = 10000, 20


def ifstate(count):
    """As a process; what it takes to start is taken off, by a run without entries. It repeats port and state of each entry, as its reader does."""
    tables.underlay(tables.UNDERLAY + tables.VXLAN)
    count = count * ENTRIES_OF_IFSTATE // ENTRIES
    link = {"kind": "vxlan", "state": "up", "vxlan_id": 1, "vxlan_port": 8472, "vxlan_local": "198.18.0.1", "vxlan_link": "under",
            "vxlan_learning": 0}
    times = {}
    for step, entries in (("start", 0), ("made", count), ("unchanged", count)):
        listed = [{"lladdr": tables.mac(n), "dst": tables.fdb_entry(n)["dst"], "state": ["permanent", "noarp"]} for n in range(entries)]
        with open("/run/ifstate.yml", "w", encoding="ascii") as file:
            json.dump({"interfaces": {"vx": {"link": link, "fdb": listed}}}, file)  # JSON is YAML
        times[step] = run([IFSTATE, "-q", "-c", "/run/ifstate.yml", "apply"])
    found = subprocess.run(["bridge", "fdb", "show", "dev", "vx"], check=True, capture_output=True, text=True).stdout.count(" dst ")
    if found != count:
        sys.exit("ifstate made %d entries, not %d" % (found, count))
    return {step: times[step] - times["start"] for step in ("made", "unchanged")}


def builtin_iptables(count):
    """A module call for each rule, in a process of its own, its time taken after the imports as ours is."""
    from ansible.module_utils import basic  # pylint: disable=import-outside-toplevel
    from ansible.modules import iptables  # pylint: disable=import-outside-toplevel
    subprocess.run(["iptables", "-N", "MANY"], check=True)
    times = {}
    for step in ("made", "unchanged"):
        times[step] = 0
        for n in range(max(1, count * RULES_OF_ANSIBLE // RULES)):
            arguments = {"chain": "MANY", "source": tables.address(tables.PREFIXES + n) + "/32", "protocol": "tcp", "match": ["tcp"],
                         "destination_port": str(n % 60000 + 1), "comment": "bench", "jump": "ACCEPT"}
            times[step] += _child(basic, iptables, arguments, changed=step == "made")
    return times


def _child(basic, module, arguments, changed):
    receive, send = os.pipe()
    pid = os.fork()
    if not pid:
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()  # pylint: disable=protected-access
        basic._ANSIBLE_PROFILE = "legacy"  # pylint: disable=protected-access
        sys.stdout = said = io.StringIO()
        start = time.perf_counter()
        try:
            module.main()
        except SystemExit:
            pass
        took = time.perf_counter() - start
        os.write(send, json.dumps([took, json.loads(said.getvalue()).get("changed")]).encode())
        os._exit(0)  # pylint: disable=protected-access
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        took, did = json.load(pipe)
    os.waitpid(pid, 0)
    if did is not changed:
        sys.exit("ansible.builtin.iptables: changed is %s, not %s" % (did, changed))
    return took


CASES = [Case("fdb_ifstate", ENTRIES, "ifstate apply", lambda count: tables.ours("vxlan_fdb", count), ifstate, {},
              scale=ENTRIES / ENTRIES_OF_IFSTATE, note="ifstate: %d entries, scaled" % ENTRIES_OF_IFSTATE),
         Case("rules_builtin", RULES, "ansible.builtin.iptables", filters.rules_ours, builtin_iptables, {},
              scale=RULES / RULES_OF_ANSIBLE, note="ansible.builtin.iptables: %d rules, scaled" % RULES_OF_ANSIBLE)]
