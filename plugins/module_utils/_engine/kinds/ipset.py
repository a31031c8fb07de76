# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of addresses, networks, ports and the like, which rules match on (ipset(8)).

Sets are compared in the tool's own normal form, which loading the wanted ones in a throw-away namespace gives: masked networks, ranges
as the members that they stand for, ports by number. Changes go through one `ipset restore`; members that stay are not written, so they
keep their counters and the time that they have left. What a set was made with cannot be changed: a new set is filled beside it and
swapped with it, so that the rules which use it never miss it.
A set has no field for a mark, and a scheme of names would keep it from having the name that its network gives it: whose it is stands in
the ledger, which lives exactly as long as the set.
"""

from __future__ import annotations

import ipaddress
import re

from ..errors import Conflict, Invalid
from ..columns import ipv4_prefixes, ipv4s
from ..fields import Option, between, validate
from ._base import NETNS, Kind, inside, place
from ._ipset_tool import (FLAGS, LIST, MAXELEM, MEMBER_FLAGS, PLAIN, RESTORE, TEMPORARY, TOOL, TYPES, VALUES, NormalMembers, add_line, create_line,
                          in_order, roomy, words_of)

SECONDS = between(0, 2147483, "seconds")  # the kernel counts milliseconds in 32 bits (IPSET_MAX_TIMEOUT)


def _name(value, path):
    if not 1 <= len(value.encode()) <= 31 or re.search(r"[\s\"'\\]", value) or value[0] in "-:":
        raise Invalid(path, value, "a set's name of 1 to 31 characters without white space and quotes, not beginning with '-' or ':'")
    if value == TEMPORARY:
        raise Invalid(path, value, "another name: sets are swapped by way of this one")
    return value


def _one_word(value, path):
    if not value or re.search(r"[\s\"\\]", value) or value[0] == "-":
        raise Invalid(path, value, "one word, such as 192.0.2.0/24 or 192.0.2.1,tcp:80")
    return value


def _no_names(text, type_, path):
    """The tool would have names of hosts resolved, by whatever the node asks for that."""
    for part, value in zip(type_.partition(":")[2].split(","), text.split(",")):
        for one in value.split("-") if part in ("ip", "net") else ():
            try:
                ipaddress.ip_address(one.partition("/")[0])
            except ValueError:
                raise Invalid(path, text, "an address, or a network or range of them, where the type %s has one" % type_) from None


def _comment(value, path):
    if len(value.encode()) > 255 or re.search(r'["\n]', value):
        raise Invalid(path, value, "at most 255 characters on one line, without double quotes")
    return value


MEMBER = {
    "member": Option("str", required=True, check=_one_word),
    "timeout": Option("int", check=SECONDS),
    "comment": Option("str", "", check=_comment),
    "nomatch": Option("bool", False),
    "wildcard": Option("bool", False),
}


def _normal(entries, item):
    """The members as NormalMembers where they surely are, or None: of many sets everything is a plain IPv4 address or network."""
    if item["type"] not in ("hash:ip", "hash:net") or item["family"] == "inet6" or item["netmask"] or set(map(type, entries)) != {str}:
        return None
    members = NormalMembers.fromkeys(entries, PLAIN)
    hosts = members if item["type"] == "hash:ip" else [text for text in members if "/" not in text]
    networks = () if item["type"] == "hash:ip" else [text for text in members if "/" in text]
    fits = len(members) == len(entries) <= (item["maxelem"] or MAXELEM) and "0.0.0.0" not in hosts
    # A network of one host is written without its length, and one of all hosts is none.
    return members if fits and ipv4s(hosts) and ipv4_prefixes(networks) and not any(text.endswith(("/0", "/32")) for text in networks) else None


class Ipset(Kind):
    name = table = "ipset"
    schema = {
        "netns": NETNS,
        "name": Option("str", required=True, check=_name),
        "type": Option("str", required=True, choices=TYPES),
        "family": Option("str", choices=("inet", "inet6")),
        "range": Option("str", check=_one_word),
        "netmask": Option("int", check=between(1, 128, "a prefix length")),
        "markmask": Option("str", check=_one_word),
        "hashsize": Option("int", check=between(1, 1 << 31, "a number of buckets")),
        "maxelem": Option("int", check=between(1, (1 << 32) - 1, "a number of members")),
        "size": Option("int", check=between(1, 65535, "a number of sets")),
        "timeout": Option("int", check=SECONDS),
        "counters": Option("bool", False),
        "comment": Option("bool", False),
        "members": Option("list", elements="raw"),
    }
    identity = ("name",)

    # --- from the document ---

    def key(self, entry, path):
        return (entry["netns"], entry["name"])

    def objects(self, entry, owner, path):
        item = {field: entry[field] for field in ("type",) + VALUES + FLAGS}
        if item["type"].startswith("bitmap:") and not item["range"]:
            raise Invalid(path + ".range", None, "a range with the type %s, such as 192.0.2.0/24 or 1024-2047" % item["type"])
        item["timeout"] = "" if item["timeout"] is None else item["timeout"]  # a set knows time, or it does not
        item["members"] = None if entry["members"] is None else self._members(entry["members"], item, path + ".members")
        if not isinstance(item["members"], NormalMembers):
            item["comment"] = item["comment"] or any(member["comment"] for member in (item["members"] or {}).values())
        return [(self.key(entry, path), item)]

    @staticmethod
    def _members(entries, item, path):
        members = _normal(entries, item)
        if members is not None:
            return members
        members = {}
        for position, entry in enumerate(entries):
            where = "%s[%d]" % (path, position)
            member = validate(MEMBER, {"member": entry} if not isinstance(entry, dict) else entry, where)
            text = member.pop("member")
            _no_names(text, item["type"], where)
            if text in members:
                raise Invalid(where, text, "each member once", "drop one")
            if member["timeout"] is not None and item["timeout"] == "":
                raise Invalid(where + ".timeout", member["timeout"], "a set with a timeout, the default of its members", "0 means none")
            members[text] = member
        return members

    # --- planning ---

    def order(self, item):
        """Sets of sets after the sets that they are of."""
        return item["type"] == LIST

    def owned(self, state, key, item, owner):
        return owner.fabric and (key[1] == TEMPORARY or item.get("noted") == owner.name)

    def check(self, state, key, wanted, owner):
        found = state["ipset"].get(key)
        if found is None:
            return
        noted = found.get("noted")
        if owner.fabric and noted != owner.name and (noted or self.difference(found, wanted)):
            raise Conflict("%s: there is already a set of that name, %s; destroy it, or choose another name" % (
                self.describe(key), "which belongs to fabric %s" % noted if noted else "not made by this fabric"))
        if not owner.fabric and noted:
            raise Conflict("%s belongs to fabric %s; change it in that fabric's document" % (self.describe(key), noted))
        if found["other"] and wanted.get("type") and _made_anew(self.difference(found, wanted)):
            raise Conflict("%s has %s, which would be lost in making it anew; destroy it first" % (self.describe(key), found["other"]))

    def must_replace(self, found, wanted):
        """Whether the two cannot even be swapped (ip_set_swap: features of the type, and family)."""
        return found["type"] != wanted["type"] or wanted["family"] is not None and found["family"] != wanted["family"]

    def difference(self, found, wanted):
        changed = {field: wanted[field] for field in ("type",) + VALUES + FLAGS
                   if wanted[field] is not None and found.get(field) != wanted[field]}
        if "hashsize" in changed and (found["hashsize"] or 0) >= wanted["hashsize"]:
            del changed["hashsize"]  # the kernel rounds it up, and gives a set that fills more
        members = wanted["members"]
        if changed:
            changed["members"] = found["members"] if members is None else members
        elif members is not None and (members != found["members"] or self.order(found)):
            same = {text: member for text, member in found["members"].items()
                    if text in members and _alike(member, members[text], wanted["timeout"])}
            if len(same) != len(members) or len(same) != len(found["members"]) or self.order(found) and list(same) != list(members):
                changed["members"] = in_order(wanted["type"], {text: same.get(text, member) for text, member in members.items()}) if same else members
        return changed

    def holders(self, state, key):
        """[(key, object)] of the sets that the set is a member of."""
        return [(other, item) for other, item in state["ipset"].items() if other[0] == key[0] and self.order(item) and key[1] in item["members"]]

    def made(self, wanted):
        return dict(wanted, members={}, other="")

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb == "change" and _made_anew(operation.after):
            # It comes and goes; should the run stop in between, it is known as something that was touched.
            temporary = (operation.key[0], TEMPORARY)
            state["ipset"][temporary] = operation.before
            del state["ipset"][temporary]

    # --- the tool ---

    def lines(self, operation):
        """The operation as lines of ipset-restore."""
        name, before, after = operation.key[1], operation.before, operation.after
        if operation.verb == "remove":
            return ["destroy " + name]
        if operation.verb == "add":
            return [create_line(name, roomy(after))]
        if _made_anew(after):
            whole = dict(before, **after)
            return ([create_line(TEMPORARY, roomy(whole))] + [add_line(TEMPORARY, text, member) for text, member in whole["members"].items()]
                    + ["swap %s %s" % (TEMPORARY, name), "destroy " + TEMPORARY])
        had, comes, plain = before["members"], after["members"], "add %s " % name
        if not had and isinstance(comes, NormalMembers):
            return [plain + text for text in comes]
        gone, new = _edits(had, comes, self.order(before))
        # -exist: a member whose time is up goes by itself; one that differs is written over
        return ["del %s %s -exist" % (name, text) for text in gone] + [
            plain + text if comes[text] is PLAIN and text not in had else add_line(name, text, comes[text]) + " -exist" for text in new]

    def requests(self, transaction, operation):
        transaction.feed_all(operation.key[0], RESTORE, self.lines(operation))

    def commands(self, operation):
        return [inside(operation.key[0], TOOL, *words_of(line)) for line in self.lines(operation)]

    # --- back to a document ---

    def mask(self, found, asked):
        """How large the kernel makes the hash, and how long members have left, is not what was asked for."""
        shown = super().mask(found, asked)
        if shown.get("hashsize"):
            shown["hashsize"] = asked.get("hashsize", shown["hashsize"])
        if shown["members"] and asked.get("members"):
            shown["members"] = {text: dict(member, timeout=asked["members"].get(text, member)["timeout"])
                                for text, member in shown["members"].items()}
        return shown

    def entry(self, state, key, item):
        if key[1] == TEMPORARY:
            return None
        entry = dict({"netns": key[0], "name": key[1]}, **{field: item[field] for field in ("type",) + VALUES + FLAGS})
        if item["members"] is not None:
            texts = item["members"] if self.order(item) else sorted(item["members"])
            entry["members"] = [_member_entry(text, item["members"][text], item["timeout"]) for text in texts]
        return entry

    def describe(self, key):
        return "ipset %s%s" % (key[1], place(key[0]))


def _made_anew(changed):
    return any(field != "members" for field in changed)


def _lasts(member, default):
    """Whether a member stays for ever."""
    return not (default if member["timeout"] is None else member["timeout"])


def _alike(found, wanted, default):
    return (_lasts(found, default) == _lasts(wanted, default)
            and all(found[field] == wanted[field] for field in ("comment",) + MEMBER_FLAGS))


def _edits(found, wanted, ordered):
    """(members that go, members that come). Of a set of sets the order counts: behind the first that differs, all are made anew."""
    if not ordered:
        return sorted(text for text in found if text not in wanted), [text for text in wanted if wanted[text] != found.get(text)]
    old, new = list(found), list(wanted)
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same] and found[old[same]] == wanted[new[same]]:
        same += 1
    return old[same:], new[same:]


def _member_entry(text, member, default):
    entry = {field: member[field] for field in ("comment",) + MEMBER_FLAGS if member[field]}
    if _lasts(member, default) == bool(default):  # otherwise it is as the set's default has it
        entry["timeout"] = member["timeout"]
    return dict(entry, member=text) if entry else text


def ip_version(item):
    """Of the packets that a rule can look for in the set; None: of any."""
    if item["type"] in (LIST, "bitmap:port", "hash:mac"):
        return None
    return 6 if item["family"] == "inet6" else 4
