# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules and sets, beside iptables-restore and `ipset restore`."""

from __future__ import annotations

from isolated import Case, made_and_unchanged, run
from tables import address, PREFIXES


def rules(count):
    return ["-s %s/32 -p tcp -m tcp --dport %d -j ACCEPT" % (address(PREFIXES + n), n % 60000 + 1) for n in range(count)]


def rules_ours(count):
    return made_and_unchanged({"iptables_chain": [{"chain": "MANY", "rules": rules(count)}]}, count + 1)


def rules_theirs(count):
    """The same rules, a fabric's comment included; unchanged is a restore and a save, which is the least that tells whether they are."""
    marked = ['-A MANY -m comment --comment "clusternet:bench" %s\n' % rule for rule in rules(count)]
    made = run(["iptables-restore"], input="*filter\n:MANY - [0:0]\n%sCOMMIT\n" % "".join(marked), text=True)
    return {"made": made, "unchanged": made + run(["iptables-save"])}


def members(count):
    return [address(PREFIXES + n) for n in range(count)]


def set_ours(count):
    return made_and_unchanged({"ipset": [{"name": "many", "type": "hash:ip", "maxelem": 1 << 17, "members": members(count)}]}, 2)


def set_theirs(count):
    lines = ["create many hash:ip maxelem %d\n" % (1 << 17)] + ["add many %s\n" % member for member in members(count)]
    return {"made": run(["ipset", "restore"], input="".join(lines), text=True), "unchanged": run(["ipset", "save"])}


CASES = [Case("iptables_chain", 10000, "iptables-restore; the same and iptables-save", rules_ours, rules_theirs,
              {"made": 4.0, "unchanged": 2.0}),
         Case("ipset", 50000, "ipset restore; ipset save", set_ours, set_theirs, {"made": 1.5})]
