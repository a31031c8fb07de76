# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the engine takes beside the stock tool that does the same, in one run, as ratios of medians.

Every measurement happens in a namespace of its own, which goes with the process. Times are those of the engine inside a module,
imports left out, and of the tool as a process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, ".ansible", "collections"))
ENGINE = "ansible_collections.clusternet.fabric.plugins.module_utils._engine"
DEVICE = [["ip", "link", "set", "dev", "lo", "up"],
          ["ip", "link", "add", "name", "under", "type", "bridge"],
          ["ip", "address", "add", "198.18.0.1/15", "dev", "under"],
          ["ip", "link", "set", "dev", "under", "up"],
          ["ip", "link", "add", "name", "vx", "type", "vxlan", "id", "1", "dstport", "8472", "local", "198.18.0.1",
           "dev", "under", "nolearning"],
          ["ip", "link", "set", "dev", "vx", "up"]]


def mac(number):
    return "66:00:" + ":".join("%02x" % byte for byte in number.to_bytes(4, "big"))


def address(base, number):
    return ".".join(str(byte) for byte in (base + number).to_bytes(4, "big"))


NODES, PREFIXES = 198 << 24 | 18 << 16 | 256, 10 << 24

CASES = {  # section: (entry of number n, lines of the tool, the tool, how the tool reads it back)
    "vxlan_fdb": (
        lambda n: {"dev": "vx", "mac": mac(n), "dst": address(NODES, n % 1000)},
        lambda n: "fdb add %s dev vx dst %s self permanent" % (mac(n), address(NODES, n % 1000)),
        ["bridge", "-batch"], ["bridge", "-j", "fdb", "show"]),
    "route": (
        lambda n: {"dst": "%s/32" % address(PREFIXES, n), "via": address(NODES, n % 1000), "dev": "under", "onlink": True},
        lambda n: "route add %s/32 via %s dev under onlink" % (address(PREFIXES, n), address(NODES, n % 1000)),
        ["ip", "-batch"], ["ip", "-j", "route", "show"]),
    "neighbour": (
        lambda n: {"dev": "under", "address": address(NODES, n), "mac": mac(n)},
        lambda n: "neighbour add %s lladdr %s dev under nud permanent" % (address(NODES, n), mac(n)),
        ["ip", "-batch"], ["ip", "-j", "neighbour", "show"]),
}


def prepare():
    for command in DEVICE:
        subprocess.run(command, check=True)


def engine_times(section, count):
    """(seconds from nothing, seconds unchanged) of one document."""
    from importlib import import_module
    engine, document, owner = (import_module(ENGINE + "." + name) for name in ("engine", "document", "owner"))
    fabric = owner.Owner("bench", 160)
    base = {"vxlan": [{"name": "vx", "vni": 1, "port": 8472, "local": "198.18.0.1", "dev": "under", "learning": False}]}
    if section == "vxlan_fdb":  # the device has to be the fabric's own
        subprocess.run(["ip", "link", "del", "dev", "vx"], check=True)
        engine.apply(document.parse(base, fabric), fabric, purge=True)
    else:
        base = {}
    entries = [CASES[section][0](n) for n in range(count)]
    times = []
    for expected in (count, 0):
        start = time.perf_counter()
        outcome = engine.apply(document.parse(dict(base, **{section: entries}), fabric), fabric, purge=True)
        times.append(time.perf_counter() - start)
        assert len(outcome.operations) == expected, (len(outcome.operations), expected)
    return times


def tool_times(section, count):
    dummy, line, batch, show = CASES[section]
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(line(n) + "\n" for n in range(count)))
        file.flush()
        times = []
        for command in (batch + [file.name], show):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        return times


def isolated(which, section, count):
    """One measurement in a process, a namespace and a /run of its own."""
    inner = "mount -t tmpfs none /run && exec %s %s --inner %s %s %d" % (
        sys.executable, os.path.abspath(__file__), which, section, count)
    done = subprocess.run(["unshare", "-n", "-m", "sh", "-c", inner], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000, help="entries of each kind (default: 5000)")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts (default: 5)")
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument("--inner", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inner:
        which, section, count = arguments.inner
        prepare()
        print(json.dumps((engine_times if which == "engine" else tool_times)(section, int(count))))
        return
    figures = {"machine": platform.platform(), "processors": os.cpu_count(), "python": platform.python_version(),
               "count": arguments.count, "runs": arguments.runs, "cases": []}
    print("%d entries, median of %d runs; %s, %d processors, Python %s" % (
        arguments.count, arguments.runs, figures["machine"], figures["processors"], figures["python"]))
    print("%-12s %-10s %10s %10s %8s   %s" % ("kind", "case", "engine s", "tool s", "ratio", "tool"))
    for section, (dummy, dummy, batch, show) in CASES.items():
        ours = [isolated("engine", section, arguments.count) for dummy in range(arguments.runs)]
        theirs = [isolated("tool", section, arguments.count) for dummy in range(arguments.runs)]
        for position, (case, tool) in enumerate((("made", batch), ("unchanged", show))):
            mine = statistics.median(run[position] for run in ours)
            other = statistics.median(run[position] for run in theirs)
            figures["cases"].append({"kind": section, "case": case, "engine": mine, "tool": other, "ratio": mine / other})
            print("%-12s %-10s %10.3f %10.3f %8.2f   %s" % (section, case, mine, other, mine / other, " ".join(tool)), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
