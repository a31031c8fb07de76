# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running BIRD 2, asked and told over its control socket (bird:doc/reply_codes): what modules bird and bird_info do.

What BIRD runs is not what its file says: the file may have been written by a run that died before BIRD was told. So a configuration defines
CLUSTERNET_REVISION, and BIRD is asked for it; a file of passwords that it includes defines CLUSTERNET_SECRETS.
"""

from __future__ import annotations

import os
import re
import socket

REVISION, SECRETS = "CLUSTERNET_REVISION", "CLUSTERNET_SECRETS"
SECONDS = 10
_BLOCK = re.compile(r"^((?:protocol|template) bgp .*)\n(?:.*\n)*?\}\n", re.MULTILINE)
_INCLUDE = re.compile(r'^include "([^"]*)";', re.MULTILINE)
_PASSWORD = re.compile(r"^ +password (\w+);", re.MULTILINE)
# Address, interface, metric, routes, and how many of the last sixteen hellos came.
_NEIGHBOUR = re.compile(r"(fe80:\S+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s")
BABEL_INFINITY = 65535
_COUNT = re.compile(r"(\d+) (imported|filtered|exported|preferred)")


class BirdError(Exception):
    """BIRD cannot be asked, or refuses; the text says what and why."""


def ask(path, command):
    """The lines of a reply as C((code, text)). Raises C(BirdError) where BIRD answers with an error, C(OSError) where it does not answer."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(SECONDS)
        control.connect(path)
        with control.makefile("rb") as stream:
            _reply(stream)  # that it is ready
            control.sendall(command.encode() + b"\n")
            lines = _reply(stream)
    code, text = lines[-1]
    if code >= 8000:
        raise BirdError("%s: %s" % (command, text))
    return lines


def _reply(stream):
    lines, code = [], 0
    for raw in stream:
        line = raw.decode("utf-8", "replace").rstrip("\n")
        match = re.match(r"(\d{4})([ -])(.*)\Z", line)
        if match:
            code = int(match.group(1))
        lines.append((code, match.group(3) if match else line[1:]))
        if match and match.group(2) == " ":
            return lines
    raise BirdError("BIRD closed its socket in the middle of an answer")


def running(path):
    """The revision that BIRD runs, empty for a configuration without one; None where no BIRD answers."""
    return _defined(path, REVISION)


def _defined(path, symbol):
    try:
        return ask(path, "eval " + symbol)[-1][1].strip().strip('"')
    except BirdError:
        return ""
    except OSError:
        return None


def secrets_differ(path, text):
    """Whether the passwords in the file that a configuration includes are not those that BIRD runs."""
    included = _INCLUDE.search(text)
    if not included:
        return False
    try:
        with open(included.group(1), encoding="utf-8") as file:
            return _digest(file.read(), SECRETS) != _defined(path, SECRETS)
    except FileNotFoundError:
        # Not written yet: what writes it says so.
        return False


def lacks_passwords(text):
    """Whether a configuration has a password that the file which it includes does not have any more."""
    included = _INCLUDE.search(text)
    there = ""
    if included and os.path.exists(included.group(1)):
        with open(included.group(1), encoding="utf-8") as file:
            there = file.read()
    return any("define %s " % symbol not in there for symbol in _PASSWORD.findall(text))


def revision(text):
    """The revision that a configuration's text says."""
    return _digest(text, REVISION)


def _digest(text, symbol):
    found = re.search(r'^define %s = "([^"]*)";' % symbol, text, re.MULTILINE)
    return found.group(1) if found else ""


def disturbed(text, before):
    """Whether BGP sessions of an earlier configuration go or begin anew with another. Those that only come disturb nobody."""
    old, new = _blocks(before), _blocks(text)
    return any(new.get(name) != block for name, block in old.items())


def with_sessions(text, before):
    """A configuration with the BGP sessions of an earlier one in place of its own, under a revision that says so."""
    rest, old = _BLOCK.sub("", text), "".join(match.group(0) for match in _BLOCK.finditer(before))
    return rest.replace('define %s = "' % REVISION, old + 'define %s = "before-' % REVISION)


def stand_ins(path, text):
    """Whether all routes that stand in for others (protocols clusternet_bridge and clusternet_bridge6) are there by now."""
    return len([line for dummy, line in ask(path, 'show route where proto ~ "clusternet_bridge*"') if "clusternet_bridge" in line]) >= text.count(" recursive ")


def _blocks(text):
    """{first line: text} of the BGP sessions and of the template that they share."""
    return {match.group(1): match.group(0) for match in _BLOCK.finditer(text)}


def status(path):
    """version, router_id, started and configured of the running BIRD."""
    text = "\n".join(line for dummy, line in ask(path, "show status"))

    def found(pattern):
        match = re.search(pattern, text, re.MULTILINE)
        return match.group(1).strip() if match else None

    return {"version": found(r"^BIRD (\S+)"), "router_id": found(r"^Router ID is (\S+)"), "started": found(r"^Last reboot on (.*)$"),
            "configured": found(r"^Last reconfiguration on (.*)$")}


def learned(path, protocol="bgp"):
    """The networks that BGP (or Babel) tells of, of either family."""
    lines = ask(path, "show route where source = RTS_%s" % protocol.upper())
    return {text.split()[0] for dummy, text in lines if re.match(r"[0-9a-f.:]+/\d+\s", text)}


def sessions(path):
    """The BGP sessions, each a dictionary of plain data."""
    result, current = [], None
    for code, line in ask(path, "show protocols all"):
        words = line.split()
        if code == 1002 and len(words) >= 5:
            current = None
            if words[1] == "BGP":
                # With `timeformat protocol iso long`, since is a date and a time.
                current = {"protocol": words[0], "up": words[3] == "up", "since": " ".join(words[4:6]), "state": None, "address": None,
                           "as_number": None, "description": None, "last_error": None, "imported": 0, "exported": 0, "preferred": 0, "filtered": 0}
                result.append(current)
        elif current is not None and ":" in line:
            key, dummy, value = (part.strip() for part in line.partition(":"))
            if key == "BGP state":
                current["state"] = value
            elif key == "Neighbor address":
                current["address"] = value
            elif key == "Neighbor AS":
                current["as_number"] = int(value)
            elif key in ("Description", "Last error"):
                current[key.lower().replace(" ", "_")] = value
            elif key == "Routes":
                for number, what in _COUNT.findall(value):
                    current[what] += int(number)
    return result


def neighbours(path):
    """Babel's neighbours by their address, each a dictionary of plain data. What is at the largest metric cannot be reached (RFC 8966)."""
    found = {}
    for dummy, line in ask(path, "show babel neighbors"):
        match = _NEIGHBOUR.match(line.strip())
        if match:
            address, device, metric, routes, hellos = match.groups()
            found[address] = {"address": address, "device": device, "up": int(metric) < BABEL_INFINITY, "metric": int(metric), "routes": int(routes),
                              "hellos": int(hellos)}
    return found
