# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ipset(8) is told, and tells: its lines, and the normal form of sets that loading them in a throw-away namespace gives."""

from __future__ import annotations

import os
import re
from collections import OrderedDict

from ..errors import Invalid, OperationFailed

TOOL = "ipset"
LIST = "list:set"
MAXELEM, HASHSIZE = 65536, 1024  # the kernel's defaults (IP_SET_DEFAULT_MAXELEM, IPSET_DEFAULT_HASHSIZE)
PER_BUCKET = 4
TYPES = ("bitmap:ip", "bitmap:ip,mac", "bitmap:port", "hash:ip", "hash:ip,mac", "hash:ip,mark", "hash:ip,port", "hash:ip,port,ip",
         "hash:ip,port,net", "hash:mac", "hash:net", "hash:net,iface", "hash:net,net", "hash:net,port", "hash:net,port,net", LIST)
# What a set is being filled as before it takes another's place; one that is there was left by a run that was killed.
TEMPORARY = "clusternet-swap"
RESTORE = (TOOL, "restore")

# The words of `create` as ipset-save has them: with a value, without one, and those that say nothing of what the set holds.
VALUES = ("family", "range", "netmask", "markmask", "hashsize", "maxelem", "size", "timeout")
FLAGS = ("counters", "comment")  # forceadd is not told
PASSED_OVER = ("bucketsize", "initval")
NUMBERS = ("netmask", "hashsize", "maxelem", "size", "timeout")
BY_THE_TOOL = ("family", "range", "netmask", "markmask", "maxelem", "size")  # what loading the set fills in
# The same of `add`.
MEMBER_VALUES = ("timeout", "comment")
MEMBER_FLAGS = ("nomatch", "wildcard")

# What most members are: nothing but their text. One object for all of them.
PLAIN = {"timeout": None, "comment": "", "nomatch": False, "wildcard": False}


class NormalMembers(dict):
    """Members in the tool's normal form as they were written, all of them PLAIN: they need not be loaded to know it."""


def create_line(name, item):
    """The line that makes a set without members."""
    words = ["create", name, item["type"]]
    for field in VALUES:
        if item[field] not in (None, ""):
            words += [field, item[field]]
    return " ".join(map(_quoted, words + [flag for flag in FLAGS if item[flag]]))


def roomy(item):
    """With a hash for all that comes, unless it was asked for another: one that grows has the kernel wait again and again."""
    if not item["type"].startswith("hash:") or item["hashsize"] or len(item["members"] or ()) <= PER_BUCKET * HASHSIZE:
        return item
    return dict(item, hashsize=1 << (len(item["members"]) // PER_BUCKET).bit_length())


def add_line(name, text, member):
    """The line that puts a member into a set."""
    return "add %s %s%s" % (name, text, "" if member is PLAIN else _options(member))


def _options(member):
    words = [flag for flag in MEMBER_FLAGS if member[flag]]
    words += ["timeout", member["timeout"]] if member["timeout"] is not None else []
    words += ["comment", member["comment"]] if member["comment"] else []
    return "".join(" " + _quoted(word) for word in words)


def _quoted(word):
    word = str(word)
    return word if re.match(r"\S+\Z", word) else '"%s"' % word


def words_of(line):
    """A line's words, without the quotes of a comment."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]


def read(kernel, netns):
    """{key: object} of every set of a namespace."""
    if os.path.isdir("/sys/module") and not os.path.isdir("/sys/module/ip_set"):
        return {}  # and asking the tool would load it; a container's /sys has no modules to tell of, and loads none
    return {(netns, name): dict(item, members=in_order(item["type"], item["members"]))
            for name, item in _parse(kernel.run(netns, [TOOL, "save"])).items()}


def _parse(text):
    found = {}
    for section in ("\n" + text).split("\ncreate ")[1:]:
        head, dummy, rest = section.partition("\n")
        name, *words = words_of(head)
        found[name] = _parse_create(words)
        texts = rest.replace("add %s " % name, "")
        if " " not in texts:  # nothing but members, and nothing but their texts
            found[name]["members"] = dict.fromkeys(texts.splitlines(), PLAIN)
            continue
        for words in map(words_of, rest.splitlines()):
            fields = _fields(words[3:], MEMBER_VALUES, MEMBER_FLAGS)[0]
            fields["timeout"] = None if fields["timeout"] is None else int(fields["timeout"])
            found[words[1]]["members"][words[2]] = dict(fields, comment=fields["comment"] or "")
    return found


def _parse_create(words):
    fields, other = _fields(words[1:], VALUES, FLAGS, PASSED_OVER)
    fields = {field: int(value) if field in NUMBERS and value is not None else value for field, value in fields.items()}
    fields["timeout"] = "" if fields["timeout"] is None else fields["timeout"]
    return dict(fields, type=words[0], other=" ".join(other), members={})


def _fields(words, values, flags, passed_over=()):
    fields, other = dict(dict.fromkeys(values), **dict.fromkeys(flags, False)), []
    words = iter(words)
    for word in words:
        if word in values:
            fields[word] = next(words)
        elif word in passed_over:
            next(words)
        elif word in flags:
            fields[word] = True
        else:
            other.append(word)
    return fields, other


def normalise(kernel, items, paths, found):
    """{key: object} of the wanted sets in the tool's normal form. `paths` says where in the input each was asked for."""
    normal = {}
    for netns in dict.fromkeys(key[0] for key in items):
        here = {key[1]: item for key, item in items.items() if key[0] == netns}
        where = {name: paths.get(("ipset", (netns, name)), "ipset") for name in here}
        there = {key[1]: item["type"] for key, item in found.items() if key[0] == netns and key[1] not in here}
        normal.update(((netns, name), item) for name, item in _normalise(kernel, here, where, there).items())
    return {key: normal[key] for key in items}


def _normalise(kernel, here, where, there):
    """Each member is loaded with its place as its comment, so that what the tool makes of it can be told."""
    lines, origin = [], {}
    for name, item in here.items():
        for position, text in enumerate(item["members"] or ()) if item["type"] == LIST else ():
            if text not in here:
                if text not in there:
                    raise Invalid("%s.members[%d]" % (where[name], position), text, "a set that there is",
                                  "create it first, or in the same document")
                lines.append("create %s %s -exist" % (text, LIST if there[text] == LIST else "hash:ip"))
    for name, item in sorted(here.items(), key=lambda pair: pair[1]["type"] == LIST):
        lines.append(create_line(name, dict(item, timeout="", counters=False, comment=True)))
        origin[len(lines)] = (where[name], name)
        if isinstance(item["members"], NormalMembers):
            continue
        for position, (text, member) in enumerate((item["members"] or {}).items()):
            lines.append(add_line(name, text, dict(member, timeout=None, comment=str(position))))
            origin[len(lines)] = ("%s.members[%d]" % (where[name], position), text)
    try:
        with kernel.throwaway():
            kernel.run("", list(RESTORE), "\n".join(lines) + "\n")
            saved = _parse(kernel.run("", [TOOL, "save"]))
    except OperationFailed as error:
        raise _refused(error.reason, origin, here, where) from None
    return {name: _as_loaded(item, saved[name]) for name, item in here.items()}


def _refused(reason, origin, here, where):
    line = re.search(r"line (\d+): (.*)", reason)
    if line and "set type not supported" in line.group(2):
        path, name = origin[int(line.group(1))]
        type_ = here[name]["type"]
        return Invalid(path + ".type", type_, "a set type that this node's kernel %s has" % os.uname().release,
                       "see whether there is a kernel module ip_set_%s for it" % re.sub("[:,]", "", type_.replace(":", "_")))
    if line:
        return Invalid(*origin[int(line.group(1))], "what ipset takes", line.group(2))
    # Of options and ports it tells no line, but quotes the word.
    words = re.findall(r"[`'](\w+)'", reason)
    for path, text in origin.values():
        if path.endswith("]") and set(words) & set(re.split(r"[,:-]", text)):
            return Invalid(path, text, "what ipset takes", reason.rpartition(": ipset ")[2])
    option = words[0] if words else None
    name = next((name for name, item in here.items() if item.get(option)), next(iter(here)))
    path = "%s.%s" % (where[name], option) if option in VALUES + FLAGS else where[name]
    return Invalid(path, here[name].get(option, name), "what ipset takes with the type " + here[name]["type"], reason.rpartition(": ipset ")[2])


def _as_loaded(item, saved):
    normal = dict(item, **{field: saved[field] for field in BY_THE_TOOL})
    if item["members"] is not None and not isinstance(item["members"], NormalMembers):
        asked = list(item["members"].values())
        loaded = [(int(member["comment"]), text, member) for text, member in saved["members"].items()]
        normal["members"] = in_order(item["type"], {text: dict(member, timeout=asked[i]["timeout"], comment=asked[i]["comment"])
                                                    for i, text, member in (loaded if item["type"] == LIST else sorted(loaded, key=lambda one: one[:2]))})
    return normal


def in_order(type_, members):
    """Members of a set of sets in an order that counts, also where two sets are compared: the first of them that matches is what is met."""
    return OrderedDict(members) if type_ == LIST else members
