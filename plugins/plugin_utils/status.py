# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the nodes of a cluster hold against what they should hold: from each node's answer to a summary, from that to text. Pure."""

from __future__ import annotations

import ipaddress
import re

from . import families, recipes
from .text import columns, listed, natural

# In the order in which they are counted, with what the table calls them.
STATES = {
    "in_sync": "in sync",
    "differs": "differs",
    "not_built": "not built",
    "refused": "refused",
    "failed": "failed",
    "unreachable": "unreachable",
}
# Beyond so many nodes only those that are not in sync have a line.
ROWS = 60
COMMANDS = 10
# What a routing daemon has with others, by the check that says so: the heading of a column, and what one of them is called.
_ROUTING = {"bgp": ("bgp", "BGP session"), "babel": ("links", "connection")}
_ROUTES = [check + "_routes" for check in _ROUTING]
_SIGNS = {"add": "+", "change": "~", "remove": "-"}
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|\b[0-9a-f]{1,4}:[0-9a-f:]*[0-9a-f:]\b")


def summary(answers, model):
    """The state of every node, made to be queried with JMESPath: C(nodes[?state!=`in_sync`].[name, commands]).

    C(answers): C({node: (its fabric, what module status_info returned, what file_set returned for each set of files, what speaks
    against the model's leases there)}) of the nodes asked.
    """
    places = {name: _places(fabric) for name, fabric in model["fabrics"].items()}
    nodes = [_node(name, places, *answer) for name, answer in answers.items()]
    nodes.sort(key=lambda node: natural(node["name"]))
    everyone = [name for fabric in model["fabrics"].values() for name in fabric["nodes"]]
    states = {state: sum(node["state"] == state for node in nodes) for state in STATES}
    return {
        "ok": states["in_sync"] == len(nodes) and all(item["ok"] for node in nodes for item in node["routing"]),
        "states": {state: number for state, number in states.items() if number},
        "nodes": nodes,
        "not_asked": sorted(set(everyone) - set(answers), key=natural),
        "fabrics": [_fabric(fabric) for fabric in model["fabrics"].values()],
        # The model was read in check mode: a difference is what a run would write.
        "leases_pending": bool(model.get("diff")),
    }


def _fabric(fabric):
    return {
        "name": fabric["name"],
        "backend": fabric["backend"],
        "type": recipes.get(fabric["backend"]).title(fabric["options"]),
        "pod_cidr": ", ".join(fabric["pod_cidr" + family.suffix] for family in families.of(fabric)),
        "nodes": len(fabric["nodes"]),
        "pods": sum(len(node["pods"]) for node in fabric["nodes"].values()),
        "overview": recipes.get(fabric["backend"]).overview(fabric),
    }


def _node(name, places, fabric, found, files=(), conflicts=(), daemon=()):
    """One node. What it did not answer is there all the same, empty, so that a query need not ask for it."""
    found, wanted = found or {}, fabric["nodes"][name]
    files = [result for result in files if result and not result.get("skipped")]
    commands = found.get("commands") or []
    routed, bird = [(said or {}) for said in (list(daemon) + [None, None])[:2]]
    state, detail = _state(found, files, conflicts)
    if state == "in_sync" and bird.get("commands"):
        state = "differs"
    changes = _changes(found, files)
    node = {
        "name": name,
        "fabric": fabric["name"],
        "state": state,
        "detail": detail,
        "ip": wanted["ip"],
        "networks": wanted["networks"],
        "operations": found.get("operations") or {},
        "total": sum(number for kinds in (found.get("operations") or {}).values() for number in kinds.values()),
        "commands": commands,
        "daemon": bird.get("commands") or [],
        "sessions": routed.get("sessions") or [],
        "connections": routed.get("neighbours") or [],
        "routing": routed.get("results") or [],
        "files": changes["files"],
        "units": changes["units"],
        "missing": found.get("missing") or [],
        "peers": len(fabric["nodes"]) - 1,
        "peers_differ": [] if state == "not_built" else _peers_named(commands, places[fabric["name"]], name),
        "mtu": (found.get("resolved") or {}).get("mtu"),
        "dev": (found.get("resolved") or {}).get("dev"),
        "pods": _pods(wanted["pods"], found.get("pods") or []),
        "timers": found.get("timers") or [],
        "devices": found.get("devices") or [],
        "others": found.get("others") or [],
    }
    return node


def _state(found, files, conflicts):
    """One of STATES, and in a node's own words why."""
    if found.get("unreachable"):
        return "unreachable", found.get("msg")
    if "operations" not in found:
        return "failed", found.get("msg") or found.get("module_stderr") or "was not asked: something before it failed"
    problems = [text for text in list(conflicts) + [found.get("refused")] + [result.get("msg") for result in files if "created" not in result] if text]
    unreachable = [result for result in files if result.get("unreachable")]
    if unreachable:
        return "unreachable", unreachable[0].get("msg")
    if problems:
        return "refused", "\n".join(problems)
    changes = _changes(found, files)
    if not (found["operations"] or found.get("missing") or any(changes["files"].values()) or any(changes["units"].values())):
        return "in_sync", None
    return ("differs" if found.get("held") else "not_built"), None


def _changes(found, files):
    """Beside the network: files and services, by what a run would do to them."""
    running = {verb: [] for verb in ("start", "restart")}
    for item in (found.get("pods") or []) + (found.get("timers") or []):
        if item.get("why"):
            running["start" if item.get("active") not in ("active", "activating", "reloading") else "restart"].append(item["unit"])
    return {
        "files": {verb: [path for result in files for path in result.get(verb) or []] for verb in ("created", "updated", "removed")},
        "units": dict(running, stop=found.get("stop") or []),
    }


def _pods(wanted, found):
    """Those that should be there, with what was seen of them."""
    seen = {pod["name"]: pod for pod in found}
    nothing = {"present": None, "unit": None, "active": None, "why": None}
    return [{**nothing, **seen.get(pod["name"], {}), "name": pod["name"], "address": pod["address"], "address6": pod.get("address6"),
             "more": pod.get("more", [])} for pod in wanted]


def _places(fabric):
    """C(address of a node or base and length of a subnet or block -> node): whom a command is about."""
    places = {}
    for name, node in fabric["nodes"].items():
        places.update({address: name for address in (node["ip"], node.get("ip6")) if address})
        for network in map(ipaddress.ip_network, node["networks"]):
            places[network] = name
    return places


def _peers_named(commands, places, own):
    """The peers that what differs has to do with."""
    lengths = {(key.version, key.prefixlen) for key in places if not isinstance(key, str)}
    named = set()
    for text in {text for command in commands for text in _ADDRESS.findall(command)}:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        named.add(places.get(str(address)))
        named.update(places.get(ipaddress.ip_network((int(address), length), strict=False)) for version, length in lengths if version == address.version)
    return sorted(named - {None, own}, key=natural)


def table(found):
    """A summary as text: a line a node, and below it what differs."""
    lines = []
    for fabric in found["fabrics"]:
        nodes = [node for node in found["nodes"] if node["fabric"] == fabric["name"]]
        if nodes:
            overview = [["  " + title, text] for title, text in fabric["overview"].items()]
            lines += [_heading(fabric)] + (columns(overview, left=2) if overview else []) + [""] + _rows(nodes) + [""]
    lines += _routing(found["nodes"]) + _connections(found["nodes"])
    for node in found["nodes"]:
        lines += _details(node)
    lines += _others(found["nodes"])
    if found["leases_pending"]:
        lines.append("leases: the lease file does not hold all of them yet; subnets are shown as site.yml would write them")
    if found["not_asked"]:
        lines.append("not asked: %s (not among the hosts of this run)" % listed(found["not_asked"]))
    lines.append(_verdict(found))
    return "\n".join(lines)


def _heading(fabric):
    backend = " ".join(part for part in (fabric["backend"], fabric["type"]) if part)
    return "fabric %(name)s: %(backend)s, %(pod_cidr)s, %(nodes)s, %(pods)s" % dict(
        fabric, backend=backend, nodes=_count(fabric["nodes"], "node"), pods=_count(fabric["pods"], "pod"))


def _rows(nodes):
    shown = nodes if len(nodes) <= ROWS else [node for node in nodes if node["state"] != "in_sync"]
    if not shown:
        return ["%s, all in sync" % _count(len(nodes), "node")]
    devices = _shown_devices(shown)
    addresses = "subnet" if all(len(node["networks"]) == 1 for node in shown) else "blocks"
    routing = [check for check in _ROUTING if any(item["check"].startswith(check) for node in shown for item in node["routing"])]
    titles = [_ROUTING[check][0] for check in routing]
    rows = [["node", "state", addresses, "pods", "units", "peers"] + titles + ["mtu"] + [name + " rx/tx" for name in devices] + ["errors", "drops"]]
    for node in shown:
        rows.append(_row(node, devices, routing))
    more = len(nodes) - len(shown)
    return columns(rows, left=3) + (["and %s in sync" % _count(more, "node")] if more else [])


def _row(node, devices, routing):
    answered = node["state"] not in ("unreachable", "failed")
    units = [pod for pod in node["pods"] if pod["unit"]]
    by_name = {"underlay" if device["kind"] == "underlay" else device["name"]: device for device in node["devices"]}
    more = len(node["networks"]) - 1
    cells = [node["name"], STATES[node["state"]], node["networks"][0] + (" +%d" % more if more else "")]
    if answered:
        cells += [
            "%d/%d" % (sum(bool(pod["present"]) for pod in node["pods"]), len(node["pods"])),
            "%d/%d" % (sum(pod["active"] == "active" and not pod["why"] for pod in units), len(units)),
            "%d/%d" % (node["peers"] - len(node["peers_differ"]), node["peers"]) if node["state"] in ("in_sync", "differs") else "-",
            *[_established(node, check) for check in routing],
            str(node["mtu"] or "-"),
        ]
    else:
        cells += ["-"] * (4 + len(routing))
    for name in devices:
        device = by_name.get(name)
        cells.append("%s/%s" % (_short(device["rx_packets"]), _short(device["tx_packets"])) if device else "-")
    for what in ("errors", "dropped"):
        lost = [device["rx_" + what] + device["tx_" + what] for name, device in by_name.items() if name in devices]
        cells.append(_short(sum(lost)) if lost else "-")
    return cells


def _established(node, check):
    """Of the sessions or connections that should be there those that are; where none has to be, those that are."""
    wanted = [item["ok"] for item in node["routing"] if item["check"] == check]
    if check == "babel" and not wanted:
        wanted = [connection["up"] for connection in node["connections"]]
    return "%d/%d" % (sum(wanted), len(wanted)) if wanted else "-"


def _routing(nodes):
    """The sessions of all nodes, where it is not too many; else those that are not established."""
    rows = [[node["name"], _peer(session), str(session["as_number"]), session["state"] or "-", session["since"],
             str(session["imported"]), str(session["exported"]), session["last_error"] or ""]
            for node in nodes for session in node["sessions"]]
    if len(rows) > ROWS:
        rows = [row for row in rows if row[3] != "Established"]
    lines = columns([["node", "peer", "as", "bgp", "since", "in", "out", "last error"]] + rows, left=5) if rows else []
    missing = ["%s: no route to %s of %s" % (item["from"], item["detail"].split()[0], item["to"])
               for node in nodes for item in node["routing"] if item["check"] in _ROUTES and not item["ok"]]
    return lines + [""] * bool(lines) + missing[:ROWS] + [""] * bool(missing)


def _peer(session):
    """Who is at the other end. Between two nodes there is a session of each family."""
    address = session["address"] or "-"
    return "%s%s" % (session["description"] or address, ", IPv6" if session["description"] and ":" in address else "")


def _connections(nodes):
    """Those of all nodes, where it is not too many; else those that are down."""
    rows = [[node["name"], link["to"] or link["address"], "up" if link["up"] else "down", str(link["metric"]) if link["up"] else "-",
             "%d/16" % link["hellos"], str(link["routes"])] for node in nodes for link in node["connections"]]
    if len(rows) > ROWS:
        rows = [row for row in rows if row[2] != "up"]
    return columns([["node", "connection", "state", "metric", "hellos", "routes"]] + rows, left=3) + [""] if rows else []


def _shown_devices(nodes):
    """Tunnels and bridges; where no tunnel carries the pods' packets, the underlay does."""
    kinds = {device["name"]: device["kind"] for node in nodes for device in node["devices"]}
    bridges = sorted((name for name, kind in kinds.items() if kind == "bridge"), key=natural)
    tunnels = sorted((name for name, kind in kinds.items() if kind not in ("bridge", "underlay")), key=natural)
    return (tunnels or (["underlay"] if bridges else [])) + bridges


def _details(node):
    """What is to be said of a node beyond its line."""
    if node["state"] in ("refused", "failed", "unreachable"):
        # What Ansible says of a host that is down or of a traceback is long, and its end tells most.
        text = " ".join(str(node["detail"] or "did not answer").split())
        return ["%s: %s: %s" % (node["name"], STATES[node["state"]], text if len(text) <= 600 else text[:200] + " ... " + text[-400:]), ""]
    lines = ["missing package: " + package for package in node["missing"]]
    if node["state"] == "differs":
        lines += _commands(node) + node["daemon"]
        for verb, sign in (("created", "+"), ("updated", "~"), ("removed", "-")):
            lines += ["%s file %s" % (sign, path) for path in node["files"][verb]]
        whys = {item["unit"]: item["why"] for item in node["pods"] + node["timers"]}
        for verb in ("start", "restart", "stop"):
            lines += ["%s %s%s" % (verb, unit, ": it " + whys[unit] if whys.get(unit) else "") for unit in node["units"][verb]]
    if not lines:
        return []
    heading = "%s: site.yml would do" % node["name"]
    if node["peers_differ"]:
        heading += " (about %s)" % listed(node["peers_differ"], 8)
    return [heading + ":"] + ["  " + line for line in lines] + [""]


def _others(nodes):
    """What other software does, and processes in place of the kernel, each text once with the nodes that it is about."""
    about = {}
    for node in nodes:
        for text in node["others"] + _by_processes(node):
            about.setdefault(text, []).append(node["name"])
    lines = ["%s: %s" % (listed(names, 8), text) for text, names in about.items()]
    return lines + [""] if lines else []


def _by_processes(node):
    """What a process does for want of the kernel."""
    return ["%s: packets go through a process, wireguard-go, because the kernel has no WireGuard" % device["name"]
            for device in node["devices"] if device["kind"] == "tuntap"]


def _commands(node):
    if not node["total"]:
        return []
    counts = ", ".join("%s%d %s" % (_SIGNS.get(verb, verb + " "), number, kind)
                       for verb, kinds in node["operations"].items() for kind, number in sorted(kinds.items()))
    shown = node["commands"][:COMMANDS]
    more = len(node["commands"]) - len(shown)
    return ["%s: %s" % (_count(node["total"], "operation"), counts)] + ["  " + line for line in shown] + (
        ["  and %s" % _count(more, "more command")] if more else [])


def _verdict(found):
    if not found["nodes"]:
        return "no nodes were asked"
    titles = dict(STATES, differs="differ")
    text = ", ".join("%d %s" % (found["states"][state], title) for state, title in titles.items() if state in found["states"])
    if list(found["states"]) == ["in_sync"]:
        text = "%s in sync" % ("the node is" if len(found["nodes"]) == 1 else "all %d nodes are" % len(found["nodes"]))
    for check, what in [(check, names[1]) for check, names in _ROUTING.items()] + [(check, "route") for check in _ROUTES]:
        items = [item["ok"] for node in found["nodes"] for item in node["routing"] if item["check"] == check]
        if not all(items):
            text += "; %d of %s not there" % (items.count(False), _count(len(items), what))
    return text


def _count(number, what):
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def _short(number):
    """A number of at most five characters."""
    for unit in ("", "k", "M", "G", "T"):
        if number < (10000 if not unit else 1000):
            return "%d%s" % (number, unit) if not unit or number >= 100 else "%.1f%s" % (number, unit)
        number /= 1000
    return "%.0fP" % number
