# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iptables: whole chains of ours, and single rules of ours in somebody's chain. IPv4 and IPv6.

Rules are compared in the tool's own normal form, which loading them in a throw-away namespace gives, whatever the extension.
Changes are edits by position in one `iptables-restore --noflush` for all tables of a namespace, so that the rules which stay
keep their counters and foreign rules are never written.
"""

from __future__ import annotations

import difflib
import functools
import re
import shlex

from ..errors import Conflict, Invalid
from ..fields import Option
from ..owner import COMMENT
from ._base import NETNS, Kind, Operation, inside, place
from ._iptables_tool import BUILT_IN, TOOL, quoted, sets_named, split


def _chain_name(value, path):
    if not 1 <= len(value) <= 28 or re.search(r"[\s]", value) or value[0] in "-!":
        raise Invalid(path, value, "a chain name of 1 to 28 characters without white space, not beginning with '-' or '!'")
    return value


_UNQUOTED = re.compile(r"""[^\s"'\\]+( [^\s"'\\]+)*""")


def _one_rule(value, path):
    try:
        # Most need none of what a shell's rules take to read.
        words = value.split(" ") if _UNQUOTED.fullmatch(value) else shlex.split(value)
    except ValueError as error:
        raise Invalid(path, value, "a rule with balanced quotes (%s)" % error) from None
    if not words or "\n" in value:
        raise Invalid(path, value, "one rule on one line, such as '-s 192.0.2.0/24 -j ACCEPT'")
    if words[0] in ("-A", "-I", "-D", "-t", "--append", "--insert", "--delete", "--table"):
        raise Invalid(path, value, "a rule without %s: table, chain and position are options of their own" % words[0])
    return value if _UNQUOTED.fullmatch(value) else " ".join(quoted(word) for word in words)


WHERE = {
    "netns": NETNS,
    "table": Option("str", "filter", choices=tuple(BUILT_IN)),
    "chain": Option("str", required=True, check=_chain_name),
    "ip_version": Option("int", 4, choices=(4, 6)),
}


def _where(entry):
    return (entry["netns"], entry["ip_version"], entry["table"], entry["chain"])


# What the comment of a single rule ends in: somebody's chain that holds no other rule is not one of ours.
SINGLE = ":rule"


def is_ours(rule, owner):
    return _mark_of(owner.comment).search(rule) is not None


@functools.lru_cache(maxsize=None)
def _mark_of(comment):
    return re.compile(r'--comment "?%s(%s)?"?(\s|$)' % (re.escape(comment), SINGLE))


def chain_of(item):
    """The fabric whose chain this is: a user's chain in which every rule bears that fabric's mark for whole chains. Or None."""
    said = {_mark(rule) for rule in item["rules"]} if item["policy"] == "-" else ()
    mark = said.pop() if len(said) == 1 else None
    return None if mark is None or mark.endswith(SINGLE) else mark


_ANY_MARK = re.compile(r'--comment "?%s([\w.:-]+)' % COMMENT)


def _mark(rule):
    said = _ANY_MARK.search(rule)
    return said.group(1) if said else None


def fabric_of_rule(rule):
    mark = _mark(rule)
    return mark and mark.partition(":")[0]


def marked(rule, owner, kind=""):
    return '-m comment --comment "%s%s" %s' % (owner.comment, kind, rule) if owner.fabric else rule


def unmarked(rule, owner):
    """The rule as a document writes it."""
    return re.sub(r'(^| )-m comment --comment "?%s(%s)?"?(?=\s|$)' % (re.escape(owner.comment), SINGLE), "", rule, count=1).strip()


class _Iptables(Kind):
    table = "chain"

    def requests(self, transaction, operation):
        netns, version, table = operation.key[:3]
        for line in self.lines(operation):
            transaction.restore(netns, version, table, line)

    def commands(self, operation):
        netns, version, table = operation.key[:3]
        return [inside(netns, TOOL[version], "-t", table, *split(line)) for line in self.lines(operation)]

    def lines(self, operation):
        raise NotImplementedError

    def describe(self, key):
        return "%s chain %s of table %s%s" % (TOOL[key[1]], key[3], key[2], place(key[0]))


class IptablesChain(_Iptables):
    name = "iptables_chain"
    schema = dict(WHERE, rules=Option("list", required=True, elements="str"))

    identity = ("chain",)

    def key(self, entry, path):
        if entry["chain"] in BUILT_IN[entry["table"]]:
            raise Invalid(path + ".chain", entry["chain"], "a chain that is not built in",
                          "built-in chains are shared: name single rules of theirs (iptables_rule; the module's option rule)")
        return _where(entry)

    def objects(self, entry, owner, path):
        rules = [marked(_one_rule(rule, "%s.rules[%d]" % (path, i)), owner) for i, rule in enumerate(entry["rules"])]
        if owner.fabric and not rules:
            raise Invalid(path + ".rules", [], "at least one rule: a chain's mark is on its rules")
        return [(self.key(entry, path), {"rules": rules, "path": path + ".rules"})]

    def owned(self, state, key, item, owner):
        # somebody may have emptied it (`iptables -F`); that it was ours is written down
        return chain_of(item) == owner.name or not item["rules"] and item.get("noted") == owner.name

    def check(self, state, key, wanted, owner):
        found = state["chain"].get(key)
        if owner.fabric and found and not found["rules"] and found.get("noted") != owner.name:
            raise Conflict("%s exists, is empty, and was not made by this fabric; delete it (iptables -X), or rename the chain"
                           % self.describe(key))
        for rule in found["rules"] if found else ():
            if owner.fabric and not is_ours(rule, owner):
                raise Conflict("%s holds a rule that is not this fabric's: %s; move or delete it, or rename the chain"
                               % (self.describe(key), rule))
            if not owner.fabric and fabric_of_rule(rule):
                raise Conflict("%s belongs to fabric %s; change it in that fabric's document"
                               % (self.describe(key), fabric_of_rule(rule)))

    def simulate(self, state, operation):
        if operation.verb == "add":
            state["chain"][operation.key] = {"rules": [], "policy": "-"}
        elif operation.verb == "change":
            state["chain"][operation.key] = {"rules": [], "policy": "-"}
        else:
            del state["chain"][operation.key]

    def lines(self, operation):
        return ["%s %s" % ({"add": "-N", "change": "-F", "remove": "-X"}[operation.verb], operation.key[3])]

    def build(self, work, wanted, owner):
        """Make the missing chains, then edit each into its wanted rules."""
        for key in wanted:
            if key not in work["chain"]:
                yield Operation(self, "add", key, after=wanted[key])
        for key, item in wanted.items():
            yield from edits(work, key, item["rules"])

    def purge(self, work, wanted, owner):
        gone = [key for key, item in work["chain"].items() if key not in wanted and self.owned(work, key, item, owner)]
        yield from self.remove(work, gone)

    def remove(self, work, keys):
        """Emptied first, all of them: a chain that another still jumps to cannot go."""
        for key in keys:
            if work["chain"][key]["rules"]:
                yield Operation(self, "change", key, before=work["chain"][key], after={"rules": []})
        for key in keys:
            yield Operation(self, "remove", key, before=work["chain"][key])

    def entry(self, state, key, item):
        if item["policy"] != "-":
            return None
        netns, version, table, chain = key
        return {"netns": netns, "ip_version": version, "table": table, "chain": chain, "rules": list(item["rules"])}


class IptablesRule(_Iptables):
    name = "iptables_rule"
    schema = dict(WHERE, rule=Option("str", required=True, check=_one_rule),
                  position=Option("str", "last", choices=("first", "last")))
    identity = ("chain", "rule")

    def key(self, entry, path):
        return _where(entry) + (entry["rule"],)

    def objects(self, entry, owner, path):
        return [(_where(entry) + (marked(entry["rule"], owner, SINGLE),), {"position": entry["position"], "path": path + ".rule"})]

    def owned(self, state, key, item, owner):
        return False  # decided rule by rule, in purge

    def check(self, state, key, wanted, owner):
        found = state["chain"].get(key[:4])
        holder = chain_of(found) if found else None
        if holder not in (None, owner.name):
            raise Conflict("%s belongs to fabric %s; change it in that fabric's document" % (CHAIN.describe(key), holder))
        if not owner.fabric and found and key[4] in found["rules"] and fabric_of_rule(key[4]):
            raise Conflict("rule %s belongs to fabric %s; change it in that fabric's document" % (key[4], fabric_of_rule(key[4])))

    def simulate(self, state, operation):
        chain, position, rule = operation.key[:4], operation.key[4], operation.key[5]
        chains = state["chain"]
        if chain not in chains.touched:  # its list may be another state's too; copied once, since there may be thousands of rules
            found = chains.get(chain, {"rules": (), "policy": "ACCEPT"})
            chains[chain] = dict(found, rules=list(found["rules"]))
        rules = chains[chain]["rules"]
        if operation.verb == "add":
            rules.insert(position - 1, rule)
        else:
            del rules[position - 1]

    def lines(self, operation):
        chain, position, rule = operation.key[3], operation.key[4], operation.key[5]
        if operation.verb == "remove":
            return ["-D %s %d" % (chain, position)]
        if operation.after["append"]:
            return ["-A %s %s" % (chain, rule)]
        return ["-I %s %d %s" % (chain, position, rule)]

    def build(self, work, wanted, owner):
        """Missing rules go first or last; those that are there keep their places among the foreign ones, in the document's order."""
        by_chain = {}
        for key, item in wanted.items():
            by_chain.setdefault(key[:4], {"first": [], "last": []})[item["position"]].append(key[4])
        for chain, ours in by_chain.items():
            present = list(work["chain"].get(chain, {"rules": ()})["rules"])
            rules = ours["first"] + ours["last"]
            result = [rule for rule in ours["first"] if rule not in present] + present
            result += [rule for rule in ours["last"] if rule not in present]
            places = {rule: result.index(rule) for rule in rules}
            for place_, rule in zip(sorted(places.values()), rules):
                result[place_] = rule
            yield from edits(work, chain, result)

    def purge(self, work, wanted, owner):
        """Rules with our mark in chains that are not ours, unless wanted, and second copies."""
        for chain, item in list(work["chain"].items()):
            if CHAIN.owned(work, chain, item, owner):
                continue
            kept, result = set(), []
            for rule in item["rules"]:
                if is_ours(rule, owner) and (chain + (rule,) not in wanted or rule in kept):
                    continue
                kept.add(rule)
                result.append(rule)
            yield from edits(work, chain, result)

    def remove(self, work, keys):
        for key in keys:
            rules = work["chain"].get(key[:4], {"rules": []})["rules"]
            yield from edits(work, key[:4], [rule for rule in rules if rule != key[4]])

    def entry(self, state, key, item):
        return None  # one object is a whole chain: see single_rules

    def describe(self, key):
        rule = key[5] if len(key) > 5 else key[4]
        return "%s rule %s in %s %s%s" % (TOOL[key[1]], rule, key[2], key[3], place(key[0]))


RULE, CHAIN = IptablesRule(), IptablesChain()


def jumps(state, target):
    """[(chain's key, rule)] of the rules that send packets to a chain."""
    pattern = re.compile(r"(^| )(-j|-g|--jump|--goto) %s( |$)" % re.escape(target[3]))
    return [(key, rule) for key, item in state["chain"].items() if key[:3] == target[:3] for rule in item["rules"] if pattern.search(rule)]


def sets_of(wanted):
    """[((netns, set), IP version, the rule, its place in the input)] of the sets that wanted rules name."""
    rules = [(key, rule, "%s[%d]" % (item["path"], i)) for key, item in wanted["iptables_chain"].items() for i, rule in enumerate(item.get("rules", ()))]
    rules += [(key, key[4], item.get("path")) for key, item in wanted["iptables_rule"].items()]
    return [((key[0], name), key[1], rule, path) for key, rule, path in rules for name in sets_named(rule)]


def matches(state, ipset):
    """[(chain's key, rule)] of the rules that use a set."""
    return [(key, rule) for key, item in state["chain"].items() if key[0] == ipset[0] for rule in item["rules"]
            if ipset[1] in sets_named(rule)]


def single_rules(state, pick, owner):
    """The document's entries of the rules that `pick` takes from each chain; it is called with (key, chain)."""
    entries = []
    for key, item in sorted(state["chain"].items()):
        picked = dict.fromkeys(pick(key, item))
        others = next((position for position, rule in enumerate(item["rules"]) if rule not in picked), None)
        before = set(item["rules"][:others or 0])
        for rule in picked:
            entry = dict(zip(("netns", "ip_version", "table", "chain"), key), rule=unmarked(rule, owner) if owner.fabric else rule)
            if rule in before:
                entry["position"] = "first"
            entries.append(entry)
    return entries


def edits(work, chain, result):
    """The insertions and deletions, last position first, that turn a chain's rules into `result`."""
    found = work["chain"].get(chain, {"rules": []})["rules"]
    if found == result:
        return
    found = list(found)  # simulate edits that of a chain which was altered before
    for tag, i1, i2, j1, j2 in reversed(_opcodes(found, result)):
        if tag in ("delete", "replace"):
            for position in range(i2, i1, -1):
                yield Operation(RULE, "remove", chain + (position, found[position - 1]), before={})
        if tag in ("insert", "replace"):
            append = i2 == len(found)
            for offset, rule in enumerate(result[j1:j2]):
                yield Operation(RULE, "add", chain + (i1 + 1 + offset, rule), after={"append": append})


def _opcodes(found, result):
    """difflib's, after what is alike at both ends is set aside: a chain of thousands mostly differs in one place."""
    head = 0
    while head < min(len(found), len(result)) and found[head] == result[head]:
        head += 1
    tail = 0
    while tail < min(len(found), len(result)) - head and found[-1 - tail] == result[-1 - tail]:
        tail += 1
    middle = difflib.SequenceMatcher(None, found[head:len(found) - tail], result[head:len(result) - tail], False)
    return [(tag, i1 + head, i2 + head, j1 + head, j2 + head)
            for tag, i1, i2, j1, j2 in middle.get_opcodes() if tag != "equal"]
