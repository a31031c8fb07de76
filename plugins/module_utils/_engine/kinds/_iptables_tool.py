# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iptables-save tells and iptables-restore takes: the rules that there are, and the normal form of those that are wanted."""

from __future__ import annotations

import re

from ..errors import FabricError, Invalid, OperationFailed
from . import _ipset_tool
from ._base import place

BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
TOOL = {4: "iptables", 6: "ip6tables"}


def split(line):
    """The words of a line of iptables-save: only double quotes count, and in them a backslash takes the next character as it is."""
    words = re.findall(r'(?:"(?:\\.|[^"\\])*"|\S)+', line)
    return [re.sub(r"\\(.)", r"\1", word[1:-1]) if len(word) > 1 and word[0] == word[-1] == '"' else word for word in words]


def quoted(word):
    """A word as iptables-restore reads it."""
    return word if re.match(r"[^\s\"\\']+\Z", word) else '"%s"' % re.sub(r'([\\"])', r"\\\1", word)


SET_OPTIONS = ("--match-set", "--add-set", "--del-set", "--map-set")


def sets_named(rule):
    """The sets that a rule matches on or writes to."""
    words = split(rule) if "-set" in rule else ()
    return [name for option, name in zip(words, words[1:]) if option in SET_OPTIONS]


def begin_to_read(kernel, netns, version):
    """{key: {rules, policy}} of every chain of every table that there is, to be waited for: a function that does. Reading loads no table."""
    saved = kernel.start(netns, [TOOL[version] + "-save"])

    def told():
        try:
            return {(netns, version) + where: item for where, item in _parse(saved()).items()}
        except OperationFailed as error:
            # a rule that it shows as a weaker one is no obstacle: it keeps its place among the others
            raise FabricError("the rules%s cannot be read: %s. Where that is about a rule which `nft` made in one of iptables' tables: "
                              "move it to a table of its own" % (place(netns), error.reason)) from None
    return told


def _parse(text):
    found, table = {}, None
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            found[(table, name)] = {"rules": [], "policy": policy}
        elif line.startswith("-A "):
            dummy, name, rule = (line + " ").split(" ", 2)
            found[(table, name)]["rules"].append(rule.strip())
    return found


def normalise(kernel, chains, rules, found):
    """Put the rules of the wanted chains and single rules into the tool's normal form.

    chains  {chain key: {rules, path}}, rules  {rule key: {position, path}}, found  the chains there are (jump targets)
    Returns the same two with normal rules.
    """
    wanted = {}  # (version) -> table -> chain -> [(rule, path, put)]
    normal_chains = {key: dict(item, rules=[None] * len(item["rules"])) for key, item in chains.items()}
    normal_rules = []
    for key, item in chains.items():
        for i, rule in enumerate(item["rules"]):
            wanted.setdefault(key[1], {}).setdefault(key[:4], []).append(
                (rule, "%s[%d]" % (item["path"], i), normal_chains[key]["rules"], i))
    for key, item in rules.items():
        slot = [None]
        normal_rules.append((key, item, slot))
        wanted.setdefault(key[1], {}).setdefault(key[:4], []).append((key[4], item["path"], slot, 0))
    for version, by_chain in wanted.items():
        _normalise(kernel, version, by_chain, [key for key in list(chains) + list(found) if key[1] == version])
    return normal_chains, {key[:4] + (slot[0],): item for key, item, slot in normal_rules}


def _normalise(kernel, version, by_chain, known):
    # one throw-away namespace for each real one: their chains may share names
    for netns in dict.fromkeys(key[0] for key in by_chain):
        lines, origin = [], {}
        here = {key: rules for key, rules in by_chain.items() if key[0] == netns}
        for table in dict.fromkeys(key[2] for key in here):
            lines.append("*" + table)
            names = {key[3] for key in list(known) + list(here) if key[0] == netns and key[2] == table}
            lines += [":%s - [0:0]" % name for name in sorted(names - set(BUILT_IN[table]))]
            for key, rules in here.items():
                if key[2] == table:
                    for rule, path, dummy, dummy in rules:
                        lines.append("-A %s %s" % (key[3], rule))
                        origin[len(lines)] = (path, rule)
            lines.append("COMMIT")
        sets = sorted({name for rules in here.values() for rule in rules for name in sets_named(rule[0])})
        try:
            with kernel.throwaway():
                if sets:
                    kernel.run("", list(_ipset_tool.RESTORE), "".join("create %s %s\n" % (name, _ipset_tool.LIST) for name in sets))
                kernel.run("", [TOOL[version] + "-restore"], "\n".join(lines) + "\n")
                saved = _parse(kernel.run("", [TOOL[version] + "-save"]))
        except OperationFailed as error:
            raise _refused(error.reason, origin) from None
        for key, rules in here.items():
            normal = saved[key[2:]]["rules"]
            if len(normal) != len(rules):
                raise Invalid(rules[0][1], [rule[0] for rule in rules], "rules that each stand for one rule",
                              "write lists of addresses as a rule each")
            for text, (dummy, dummy, place_, i) in zip(normal, rules):
                place_[i] = text


def _refused(reason, origin):
    line = re.search(r"line:? (\d+)", reason)
    words = reason.splitlines()[0].split(": ", 1)[-1]
    place_ = origin.get(int(line.group(1))) if line else None
    if place_ is None:  # refused as a whole table; at most the tool quotes the word that it does not like
        quoted = re.search(r"'([^']+)'", words)
        named = [place for place in origin.values() if quoted and quoted.group(1) in place[1]]
        place_ = named[0] if named else ("iptables", "\n".join(rule for dummy, rule in origin.values()))
    path, rule = place_
    return Invalid(path, rule, "a rule that iptables takes", words)
