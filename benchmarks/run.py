# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the engine takes beside the tools that do the same, in one run, as medians of the turns' ratios.

Each measurement has a process, a namespace and a /run of its own; ours and the tool's take turns. Ours is the time inside the module
after its imports, the tool's that of its process. Figures are printed, and written as JSON and as a plot to .ansible/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys

import filters
import memory
import others
import plot
import pods
import tables
from isolated import ROOT, isolated

CASES = {case.name: case for case in tables.CASES + filters.CASES + pods.CASES + others.CASES}
SIZES = (1000, 2000, 5000, 10000, 20000, 50000, 100000)
GROWTH, MEMORY = "growth", "memory"
VERSIONS = (["bridge", "-V"], ["iptables", "--version"], ["ipset", "--version"], [others.IFSTATE, "--version"],
            ["dpkg-query", "-W", "-f", "containernetworking-plugins ${Version}", "containernetworking-plugins"])


def about():
    """The machine and the versions."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.partition(": ")[2].strip() for line in file if line.startswith("model name")), platform.machine())
    said = [subprocess.run(command, capture_output=True, text=True, check=False) for command in VERSIONS if shutil.which(command[0])]
    return {"kernel": platform.release(), "processor": model, "processors": os.cpu_count(), "load": os.getloadavg()[0],
            "memory MiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20, "python": platform.python_version(),
            "tools": [" ".join((one.stdout or one.stderr).split()) for one in said]}


def medians(measured):
    """{step: the median} of a list of {step: seconds}."""
    return {step: statistics.median(one[step] for one in measured) for step in measured[0]}


def spread(measured, step):
    """How far the slowest run was from the quickest, as a part of the median."""
    seconds = [one[step] for one in measured]
    return (max(seconds) - min(seconds)) / statistics.median(seconds)


def compare(case, count, runs):
    """[figures of a step], measured by turns."""
    both = [(isolated(case.name, "ours", count), isolated(case.name, "theirs", count)) for dummy in range(runs)]
    ours, theirs = ([pair[side] for pair in both] for side in (0, 1))
    engine, tool = medians(ours), medians(theirs)
    figures = []
    for step, seconds in engine.items():
        other = tool[step] * case.scale if step in tool else None
        limit = case.limits.get(step)
        # Of each turn: what slows the machine for a while slows both.
        ratio = None if other is None else statistics.median(mine[step] / (its[step] * case.scale) for mine, its in both)
        figures.append({"case": case.name, "count": count, "step": step, "engine": seconds, "spread": spread(ours, step), "tool": other,
                        "tool_name": case.tool, "ratio": ratio, "limit": limit, "note": case.note, "met": None if limit is None else ratio <= limit})
    return figures


HEAD = "%-14s %7s %-9s %9s %7s %9s %7s %7s  %s"


def shown(figure):
    def number(value, form):
        return "-" if value is None else form % value

    verdict = {None: "", True: "", False: "  MISSED"}[figure["met"]]
    note = "  (%s)" % figure["note"] if figure["note"] else ""
    return HEAD % (figure["case"], figure["count"], figure["step"], "%.4f" % figure["engine"], "%.0f%%" % (100 * figure["spread"]),
                   number(figure["tool"], "%.4f"), number(figure["ratio"], "%.2f"), number(figure["limit"], "%.1f"),
                   figure["tool_name"] + note + verdict)


def growth(sizes, runs, folder):
    """Seconds of FDB entries against their number, as a plot."""
    case, curves = CASES["vxlan_fdb"], {}
    figures = []
    for size in sizes:
        measured = [(isolated(case.name, "ours", size), isolated(case.name, "theirs", size)) for dummy in range(runs)]
        for who, side in (("engine", 0), ("bridge", 1)):
            for step, seconds in medians([pair[side] for pair in measured]).items():
                curves.setdefault("%s, %s" % (who, step), []).append((size, seconds))
                figures.append({"who": who, "step": step, "count": size, "seconds": seconds, "microseconds each": 1e6 * seconds / size})
        print("%-14s %7d  " % (GROWTH, size) + "   ".join("%s %.3f s (%.1f us each)" % (
            figure["who"] + " " + figure["step"], figure["seconds"], figure["microseconds each"]) for figure in figures[-4:]), flush=True)
    with open(os.path.join(folder, "growth.svg"), "w", encoding="utf-8") as file:
        file.write(plot.svg("Forwarding database: cost against size", curves, "entries"))
    return figures


def inner(words):
    name, *rest = words
    if name == MEMORY:
        return memory.peak(int(rest[0]))
    case = CASES[name]
    return {"ours": case.ours, "theirs": case.theirs}[rest[0]](int(rest[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(CASES) + [GROWTH, MEMORY], help="these alone")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts (default: 5)")
    parser.add_argument("--part", type=int, default=1, help="a part of the counts: 10 is a tenth, for a quick look")
    parser.add_argument("--output", default=os.path.join(ROOT, ".ansible", "bench"), help="folder of the JSON and the plot")
    parser.add_argument("--inner", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inner:
        print(json.dumps(inner(arguments.inner)))
        return
    os.makedirs(arguments.output, exist_ok=True)
    chosen = arguments.only or list(CASES) + [MEMORY, GROWTH]
    figures = dict(about(), runs=arguments.runs, cases=[])
    for name, value in figures.items():
        if name != "cases":
            print("%-11s %s" % (name, "; ".join(value) if isinstance(value, list) else value))
    print("\n" + HEAD % ("case", "count", "step", "engine s", "spread", "tool s", "ratio", "limit", "tool"))
    for case in [CASES[name] for name in CASES if name in chosen]:
        for figure in compare(case, max(1, case.count // arguments.part), arguments.runs):
            figures["cases"].append(figure)
            print(shown(figure), flush=True)
    if MEMORY in chosen:
        figures[MEMORY] = isolated(MEMORY, memory.ENTRIES // arguments.part)
        for step, peak in figures[MEMORY].items():
            print("%-14s %7d %-9s %5.0f MiB of at most %d  whole process of module network%s" % (
                MEMORY, memory.ENTRIES // arguments.part, step, peak, memory.LIMIT, "" if peak < memory.LIMIT else "  MISSED"), flush=True)
    if GROWTH in chosen:
        figures[GROWTH] = growth([size // arguments.part for size in SIZES], arguments.runs, arguments.output)
    with open(os.path.join(arguments.output, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)
    missed = [figure for figure in figures["cases"] if figure["met"] is False] + [
        step for step, peak in figures.get(MEMORY, {}).items() if peak >= memory.LIMIT]
    print("\nwritten: %s" % arguments.output)
    sys.exit("%d limits are missed" % len(missed) if missed else 0)


if __name__ == "__main__":
    main()
