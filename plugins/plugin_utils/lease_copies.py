# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copies of the lease table that nodes keep: what a lost lease file is rebuilt from, and what an outdated checkout is known by.

A node's own copy is the last word on what that node holds. What it says of others counts until the lease file itself has given it up:
a node that was away while another one left or moved is merely out of date. Pure, plain data in and out.
"""

from __future__ import annotations

import json

from . import leases
from .leases import LeaseError, Leases

# How much of a long list a message shows.
SHOWN = 5


def path(fabric_name):
    """Where a node keeps its copy. Not C(.json): those are the ledgers of module file_set."""
    return "/var/lib/clusternet/%s/leases.yml" % fabric_name


def render(fabric_name, nodes, former):
    """A copy's text: JSON, which is YAML too, so that a node needs nothing but Python to read it; a line for each node, for diffs."""
    lines = ["%s: %s" % (json.dumps(name), json.dumps(record, sort_keys=True)) for name, record in nodes.items()]
    head = '{"version": %d, "fabric": %s,' % (leases.VERSION, json.dumps(fabric_name))
    gone = ",\n".join(json.dumps({"node": node, "subnet": subnet}, sort_keys=True) for node, subnet in former)
    return '%s\n"nodes": {\n%s\n},\n"former": [%s]}\n' % (head, ",\n".join(lines), gone and "\n%s\n" % gone)


def parse(text):
    """The leases in a copy made by C(render) here, on this controller."""
    content = json.loads(text)
    return Leases(content["nodes"], [(entry["node"], entry["subnet"]) for entry in content["former"]])


# --- a lease file that is lost


def rebuild(fabric, answers, leaving=()):
    """C((leases, warnings)) from what the nodes of a fabric answered; C(LeaseError) where that would be a guess.

    C(answers): per host None (did not answer) or what module prerequisites_info returns as C(lease_copy), asked without a digest. Hosts of
    C(leaving) need not be known: they are about to be removed.
    """
    name, where = fabric["name"], path(fabric["name"])
    copies = _understood(name, {host: answer for host, answer in answers.items() if answer and answer["state"] != "absent"}, where)
    own = {host: copy.nodes[host] for host, copy in copies.items() if host in copy.nodes}
    former = list(dict.fromkeys(pair for copy in copies.values() for pair in copy.former))
    given_up = set(former)

    said, wrong = {}, []
    for host, copy in copies.items():
        for node, record in copy.nodes.items():
            if host == node or not all((node, network) in given_up for network in leases.networks(record)):
                said.setdefault(node, {})[host] = record
    table = {}
    for node in sorted(said, key=leases.natural):
        table[node] = _united(node, own.get(node), said[node], given_up, wrong)
    if not wrong:
        for first, second in leases.overlaps(table):
            pair = ["%s of %s (says %s)" % (", ".join(leases.networks(table[node])), node, _listed(said[node])) for node in (first, second)]
            wrong.append("%s overlaps %s" % (pair[1], pair[0]))
    if wrong:
        raise LeaseError(
            "%s: is missing, and the nodes' copies contradict each other. Nothing was changed.\n%s\nFind out which copy is out of date, remove it "
            "(%s on that node; it is written again), and run again. Or put the lease file back." % (fabric["lease_file"], _lines(wrong), where)
        )
    return Leases(table, [pair for pair in former if pair[1] not in leases.networks(table.get(pair[0], {}))]), _silent(fabric, answers, table, leaving)


def _understood(fabric_name, answers, where):
    """The copies, each distinct text read once: as a rule all nodes have the same."""
    known, result = {}, {}
    for host in sorted(answers, key=leases.natural):
        text = answers[host].get("text")
        if text not in known:
            known[text] = leases.parse(text, fabric_name, "%s: %s" % (host, where)) if text else None
        if known[text] is None:
            raise LeaseError("%s: %s: cannot be read: see what it says; if it is worth nothing, remove it and run again" % (host, where))
        result[host] = known[text]
    return result


def _united(node, own, said, given_up, wrong):
    """One node's record from what each host's copy says of it. The node's own counts; without it, what others know together: one that was away when
    the node took a further block merely does not know of that."""
    subnets = {}
    for host, record in said.items():
        if record.get("subnet") and (record is own or (node, record["subnet"]) not in given_up):
            subnets.setdefault(record["subnet"], []).append(host)
    if len(subnets) > 1:
        values = ", ".join("%s (says %s)" % (subnet, _listed(hosts)) for subnet, hosts in sorted(subnets.items()))
        wrong.append("%s holds %s" % (node, values))
    records = [own] if own else list(said.values())
    united = {"subnet": subnet for subnet in subnets}
    for key in leases.BLOCKS:
        # A list that is longer holds the others, in the order in which its blocks were taken.
        by_length = sorted((record.get(key) or [] for record in records), key=len, reverse=True)
        blocks = [block for some in by_length for block in some if own or (node, block) not in given_up]
        if blocks:
            united[key] = list(dict.fromkeys(blocks))
    if own and own.get("public_key"):
        united["public_key"] = own["public_key"]
    pods = {key: _united_pods(node, [record.get(key) or {} for record in records], list(said), wrong) for key in leases.PODS}
    return dict(united, address=records[0]["address"], **{key: found for key, found in pods.items() if found or key == "pods"})


def _united_pods(node, tables, hosts, wrong):
    pods, owner = {}, {}
    for table in tables:
        for pod, address in table.items():
            if pods.setdefault(pod, address) != address:
                wrong.append("pod %s of %s has %s and %s (say %s)" % (pod, node, pods[pod], address, _listed(hosts)))
            elif owner.setdefault(address, pod) != pod:
                wrong.append("pods %s and %s of %s have %s (say %s)" % (owner[address], pod, node, address, _listed(hosts)))
    return pods


def _silent(fabric, answers, table, leaving):
    """Warnings about nodes that did not answer; an error where one may hold what nobody else knows of."""
    silent = [host for host in fabric["nodes"] if answers.get(host) is None and host not in leaving]
    unknown = [host for host in silent if host not in table and not fabric["nodes"][host]["subnet"]]
    if unknown:
        raise LeaseError(
            "%s: is missing, and %s did not answer while no node's copy has a lease of it: it may hold a subnet that another node would be "
            "given. Nothing was changed. Make it answer, or put the lease file back. A machine that was never part of this network: leave it out "
            "of the inventory until it answers, or set its fabric_subnet." % (fabric["lease_file"], _listed(unknown))
        )
    if silent:
        return ["%s: is rebuilt without the copy of %s, which did not answer; the other nodes' copies know its lease" % (fabric["lease_file"], _listed(silent))]
    return []


def check_moves(fabric, held, table, answers):
    """A pin that takes a node from the subnet it has: only where that node holds nothing, which it has to say itself."""
    wrong = []
    for node in moved(fabric, held, table):
        before, after = held[node]["subnet"], table[node]["subnet"]
        answer = answers.get(node)
        if answer is None:
            wrong.append("%s: fabric_subnet: %s: the node is leased %s and cannot be asked whether it still holds that: run when it answers, "
                         "and without --limit" % (node, after, before))
        elif answer["state"] != "absent":
            own = leases.parse(answer.get("text") or "", fabric["name"], "%s: %s" % (node, path(fabric["name"])))
            if own is None or own.nodes.get(node, {}).get("subnet") != after:
                wrong.append("%s: fabric_subnet: %s: the node holds %s. %s" % (node, after, before, _how_to_move(node)))
    if wrong:
        raise LeaseError("a node keeps its subnet. Nothing was changed.\n" + _lines(wrong))


def moved(fabric, held, table):
    """Nodes whose lease a pin changes."""
    return [node for node in fabric["nodes"] if node in held and held[node].get("subnet") not in (None, table[node].get("subnet"))]


# --- a lease file that is not what the nodes know


def conflicts(fabric, node, found):
    """Why the leases of this checkout must not be applied to a node, as lines; C(found) is what its copy says of each node."""
    current, where = parse(fabric["leases"]), path(fabric["name"])
    table, given_up = current.nodes, set(current.former)
    result = []
    # A node that was renamed is still the machine that it was.
    own = node if node in found else next((name for name, record in found.items() if record["address"] == fabric["nodes"][node]["ip"]), None)
    mine, wanted = (leases.networks(found[own]) if own else []), leases.networks(table[node])
    if not set(mine) <= set(wanted):
        alias = "" if own == node else ", as %s," % own
        result.append(
            "%s: holds %s%s by its copy of the leases (%s), and this run would give it %s. %s If the lease file %s is not the latest, bring it up "
            "to date instead, or remove it to have it rebuilt from the nodes."
            % (node, ", ".join(mine), alias, where, ", ".join(wanted), _how_to_move(node), fabric["lease_file"])
        )
    others = []
    for name in sorted(found, key=leases.natural):
        held = leases.networks(table.get(name, {}))
        strange = [network for network in leases.networks(found[name]) if network not in held and (name, network) not in given_up]
        if name in (node, own) or not strange:
            continue
        subnet = ", ".join(strange)
        if held:
            others.append("%s is of %s, which has %s in the lease file" % (subnet, name, ", ".join(held)))
        else:
            taker = next((other for other, record in table.items() if leases.overlaps({name: found[name], other: record})), None)
            others.append("%s is of %s, which the lease file does not know%s" % (subnet, name, " and gives to %s" % taker if taker else ""))
    if others:
        result.append(
            "%s: its copy of the leases (%s) is not from the lease file %s:\n%s\nBring the lease file up to date (another checkout has written the "
            "copies), or remove it to have it rebuilt from the nodes. If it is the copy that is out of date, remove the copy: it is written again."
            % (node, where, fabric["lease_file"], _lines(others))
        )
    return result


# --- nodes that were removed


def report(removed, unreached):
    """Per node a line or two: what became of it and what is left to do. C(removed) as module cluster returns it."""
    lines = []
    for entry in removed:
        name, fabric = entry["name"], entry["fabric"]
        freed = "its lease of %s is free" % entry["subnet"] if entry["subnet"] else "it had no lease any more"
        lines.append("%s is no longer part of %s: %s." % (name, fabric, freed))
        if name in unreached:
            lines.append(
                "%s did not answer: its kernel and its files are as they were, and where it still runs it still holds what it held. When it is back, "
                "run teardown.yml with --limit %s, or keep it off the network." % (name, name)
            )
        elif not entry["in_inventory"]:
            lines.append("%s is not in the inventory, so nothing was done on the machine itself." % name)
        if entry["in_inventory"]:
            lines.append("%s is still in the inventory: take it out, or the next run of site.yml makes it a node again." % name)
    return lines


def _how_to_move(node):
    return (
        "If that is meant, tear the node down first (teardown.yml --limit %s), which frees it of the old one; if not, take the change back." % node
    )


def _lines(lines):
    more = ["... and %d more" % (len(lines) - SHOWN)] if len(lines) > SHOWN else []
    return "\n".join(["- " + line for line in lines[:SHOWN]] + more)


def _listed(names):
    names = sorted(names, key=leases.natural)
    return ", ".join(names[:SHOWN]) + (" and %d more" % (len(names) - SHOWN) if len(names) > SHOWN else "")
