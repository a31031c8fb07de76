# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwarding database, routes and neighbours, beside `bridge` and `ip`."""

from __future__ import annotations

import subprocess

from isolated import Case, made_and_unchanged, run

UNDERLAY = """
link set dev lo up
link add name under type bridge
address add 198.18.0.1/15 dev under
link set dev under up
"""
VXLAN = "link add name vx type vxlan id 1 dstport 8472 local 198.18.0.1 dev under nolearning\nlink set dev vx up\n"
NODES, PREFIXES = 198 << 24 | 18 << 16 | 256, 10 << 24  # the first address of the peers, of what lies behind them


def mac(number):
    return "66:00:" + ":".join("%02x" % byte for byte in number.to_bytes(4, "big"))


def address(number):
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def fdb_entry(n):
    return {"dev": "vx", "mac": mac(n), "dst": address(NODES + n % 1000)}


# The fabric's own device: entries of any other are not its to make.
FDB_BASE = {"vxlan": [{"name": "vx", "vni": 1, "port": 8472, "local": "198.18.0.1", "dev": "under", "learning": False}]}

TABLES = {  # section: (its entry of number n, the tool's line, what is there before ours and theirs, the tools that write and read)
    "vxlan_fdb": (
        fdb_entry, lambda n: "fdb add {mac} dev vx dst {dst} self permanent".format(**fdb_entry(n)), FDB_BASE, UNDERLAY + VXLAN,
        ["bridge", "-batch", "-"], ["bridge", "-j", "fdb", "show"]),
    "route": (
        lambda n: {"dst": "%s/32" % address(PREFIXES + n), "via": address(NODES + n % 1000), "dev": "under", "onlink": True},
        lambda n: "route add %s/32 via %s dev under onlink" % (address(PREFIXES + n), address(NODES + n % 1000)), {}, UNDERLAY,
        ["ip", "-batch", "-"], ["ip", "-j", "route", "show"]),
    "neighbour": (
        lambda n: {"dev": "under", "address": address(NODES + n), "mac": mac(n)},
        lambda n: "neighbour add %s lladdr %s dev under nud permanent" % (address(NODES + n), mac(n)), {}, UNDERLAY,
        ["ip", "-batch", "-"], ["ip", "-j", "neighbour", "show"]),
}


def underlay(lines=UNDERLAY):
    subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)


def fdb_document(count):
    return dict(FDB_BASE, vxlan_fdb=[fdb_entry(n) for n in range(count)])


def ours(section, count):
    underlay()
    entry, dummy, base = TABLES[section][:3]
    return made_and_unchanged(dict(base, **{section: [entry(n) for n in range(count)]}), count, base)


def theirs(section, count):
    dummy, line, dummy, before, write, read = TABLES[section]
    underlay(before)
    lines = "".join(line(n) + "\n" for n in range(count))
    return {"made": run(write, input=lines, text=True), "unchanged": run(read)}


def _case(section, count, limits):
    write, read = (" ".join(command) for command in TABLES[section][4:])
    return Case(section, count, "%s; %s" % (write, read), lambda n: ours(section, n), lambda n: theirs(section, n), limits)


CASES = [_case("vxlan_fdb", 10000, {"made": 1.0, "unchanged": 3.0}),
         _case("route", 5000, {"made": 1.0}), _case("neighbour", 5000, {"made": 1.0})]
