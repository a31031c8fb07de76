# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster model: from what the inventory says of each host to one validated description of each fabric.

Pure, plain data in and out. The model is what recipes, filters and playbooks see::

    {"fabrics": {"fabric": {
        "name": "fabric", "number": 160, "backend": "flannel", "pod_cidr": "10.244.0.0/16", "subnet_length": 24, "masquerade": True,
        "mtu": "auto",               # or a number of bytes
        "nameservers": [], "search_domains": [], "lease_file": "...",
        "reaches": [], "strangers": [],   # names of fabrics it may reach; ranges of those it must not
        "options": {"type": "vxlan", "vni": 1, "port": 8472, ...},   # the backend's own variables without their prefix
        "pod_cidr6": "", # or the range of IPv6; what comes of it (ip6, blocks6, address6) stands beside what is IPv4's, see C(families)
        "exclusive": {"flannel_vni": 1},  # of these, what no other fabric on the same machine may have
        "pools": None,               # or what nodes hold blocks of (see blocks.py)
        "nodes": {"node1": {
            "ip": "198.18.0.11", "subnet": "10.244.1.0/24", "blocks": [], "labels": {},   # a subnet, or blocks where there are pools
            "networks": ["10.244.1.0/24"],    # the one or the others: what its pods have addresses of
            "borrowed": [],          # addresses of its pods in others' blocks, as /32
            "public_key": None,      # that the node has told, with backends that encrypt
            "options": {},           # of the backend's variables those that each node says for itself
            "pods": [{"name": "web", "address": "10.244.1.2", "pool": None, "labels": {}, "unit": None,
                      "more": []}]}},    # of further pools, each as {"pool": "dev", "address": "10.244.129.2"}
        "leases": "..."}}}           # the text of the copy that every node keeps, made once for all of them
"""

from __future__ import annotations

import hmac
import os
import re

from . import borrowing, coexistence, families, lease_copies, leases, pod_addresses, recipes
from .cluster_addresses import FOR_EXAMPLE, node_ip, node_ip6, pinned_subnet, pod_address, read_address, read_network
from .spec import Problem, conform

# What each node says for itself; all else has one value in a fabric.
PER_NODE = ("node_ip", "node_ip6", "subnet", "labels", "pods")
NUMBERS = (160, 175)
# Below 576 IPv4 itself is in trouble; a packet has at most 65535 bytes.
MTUS = (576, 65535)
IPV6_MTU = 1280

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# The name is in unit names, rule comments and paths; a pod's is a host name too.
FABRIC_NAME_LENGTH = 32
POD_NAME_LENGTH = 63
# Of this run alone: what is made with it tells nothing afterwards.
_ONCE = os.urandom(32)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class InvalidCluster(Exception):
    """The intent cannot be built; C(problems) says why, each as one line."""

    SHOWN = 25

    def __init__(self, problems):
        super().__init__(problems)
        self.problems = [str(problem) for problem in problems]

    def __str__(self):
        lines = self.problems[: self.SHOWN]
        if len(self.problems) > self.SHOWN:
            lines.append("... and %d more" % (len(self.problems) - self.SHOWN))
        return "\n".join(lines)


def fabrics(hosts, options):
    """The fabrics of an inventory, valid but for their leases (C(subnet) and C(address) are pins or None here).

    C(hosts): per host its variables as templated, defaults included, and C(ansible_host). C(options): per role (C(fabric) and each
    backend) the options of its argument specification. Raises C(InvalidCluster) with all that is wrong.
    """
    problems = []
    rows = {}
    for host, variables in hosts.items():
        rows[host] = _conform_role(host, "fabric", variables, options, problems)
        backend = rows[host]["backend"]
        if backend:
            rows[host]["options"] = _conform_role(host, backend, variables, options, problems)
    if problems:
        raise InvalidCluster(problems)

    groups = {}
    for host, row in rows.items():
        groups.setdefault(row["name"], {})[host] = row
    result = {}
    for name, members in groups.items():
        _check_agreement(members, problems)
        result[name] = _fabric(members, hosts, problems)
    if not problems:
        coexistence.settle(result, problems)
    if problems:
        raise InvalidCluster(problems)
    return result


def complete(fabric, table, former=()):
    """The fabric with each node's subnet or blocks and each pod's address from the leases, and with the copy of the leases for its nodes."""
    nodes = {}
    for name, node in fabric["nodes"].items():
        lease = table[name]
        held = leases.in_use(fabric, lease)
        # Nothing but what is in use: a recipe takes no address of a subnet that only waits for the backend that had it.
        share = {"subnet": None if fabric["pools"] else held[0], "blocks": [], "borrowed": [], "networks": held, "public_key": lease.get("public_key")}
        suffixes = [family.suffix for family in families.of(fabric)]
        for suffix in suffixes if fabric["pools"] else ():
            share["blocks" + suffix] = lease["blocks" + suffix]
            addresses = [lease["pods" + suffix][pod["name"]] for pod in node["pods"]]
            share["borrowed" + suffix] = borrowing.of_node(addresses, share["blocks" + suffix])
        pods = [dict(pod, **{"address" + suffix: lease["pods" + suffix][pod["name"]] for suffix in suffixes})
                for pod in pod_addresses.leased(node["pods"], lease["pods"])]
        nodes[name] = dict(node, pods=pods, **share)
    return dict(fabric, nodes=nodes, leases=lease_copies.render(fabric["name"], table, former))


def without(fabric, names):
    """The fabric without some of its nodes."""
    return dict(fabric, nodes={name: node for name, node in fabric["nodes"].items() if name not in names})


def missing_leases(fabric, held):
    """What the lease file has to hold and does not: the names of nodes, and of pods as C(node/pod), without a pin and a record."""
    names = []
    for name, node in fabric["nodes"].items():
        record = held.get(name) or {}
        for suffix in [family.suffix for family in families.of(fabric)]:
            if not node["subnet"] and not record.get("blocks" + suffix if fabric["pools"] else "subnet"):
                names.append(name)
            kept = record.get("pods" + suffix, {})
            names.extend("%s/%s" % (name, pod["name"]) for pod in node["pods"] if not pod["address" + suffix] and pod["name"] not in kept)
        kept = record.get("pods", {})
        names.extend("%s/%s" % (name, want["pod"]) for want in pod_addresses.wanted(node["pods"])
                     if want["key"] != want["pod"] and not want["address"] and want["key"] not in kept)
    return sorted(set(names), key=leases.natural)


def of_node(model, node):
    """The fabric a node belongs to, or None."""
    for fabric in model["fabrics"].values():
        if node in fabric["nodes"]:
            return fabric
    return None


def _conform_role(host, role, variables, options, problems):
    prefix = role + "_"
    result = {}
    for variable, option in options[role].items():
        value = variables.get(variable)
        name = variable[len(prefix) :]
        if value is None:
            result[name] = None
            if option.get("required"):
                problems.append(Problem(host, variable, "not set, and it is required"))
        elif role in recipes.names() and name in recipes.get(role).SECRETS:
            result[name] = (_names_of_secrets if option["type"] == "dict" else _token_of_secret)(role, value, host, variable, problems)
        else:
            result[name] = conform(value, option, host, variable, problems)
    return result


def _token_of_secret(role, value, host, variable, problems):
    """What the model may know of a secret by itself: whether it is set, and until all hosts have been asked whether it is the same for all."""
    # One that is still in its vault is text once it is asked for.
    text = value if isinstance(value, (int, float, bool, dict, list)) else str(value)
    expected = recipes.get(role).check_secret(variable, text)
    if expected:
        problems.append(Problem(host, variable, expected))
        return ""
    return "value %s" % hmac.new(_ONCE, text.encode(), "sha256").hexdigest()[:8] if text else ""


def _names_of_secrets(role, values, host, variable, problems):
    """What the model may know of a mapping of secrets. No message has a value in it."""
    if not isinstance(values, dict):
        problems.append(Problem(host, variable, "expected a mapping"))
        return None
    for name, value in values.items():
        # One that is still in its vault is text once it is asked for.
        expected = recipes.get(role).check_secret(variable, value if isinstance(value, (int, float, bool, dict, list, type(None))) else str(value))
        if expected:
            problems.append(Problem(host, "%s.%s" % (variable, name), expected))
    return sorted(str(name) for name in values)


def _check_agreement(members, problems):
    """Cluster-wide values are one value: each differing one is shown with who says what."""
    first = next(iter(members.values()))
    variables = [("fabric_" + key, None, key) for key in first if key not in PER_NODE + ("options",)]
    per_node = recipes.get(first["backend"]).PER_NODE
    variables += [("%s_%s" % (first["backend"], key), "options", key) for key in first["options"] if key not in per_node]
    for variable, section, key in variables:
        said = {}
        for host, row in members.items():
            value = (row[section] if section else row).get(key)
            said.setdefault(str(value), []).append(host)
        if len(said) > 1:
            values = ", ".join("%s (%s)" % (value, _listed(hosts)) for value, hosts in said.items())
            problems.append(Problem("", variable, "differs between hosts: %s: expected one value for the cluster; set it for the group" % values))
            if variable == "fabric_backend":
                return


def _fabric(members, hosts, problems):
    first_host, first = next(iter(members.items()))
    recipe = recipes.get(first["backend"])
    fabric = {key: value for key, value in first.items() if key not in PER_NODE}
    fabric["options"] = {key: bool(value) if key in recipe.SECRETS and isinstance(value, str) else value
                         for key, value in first["options"].items() if key not in recipe.PER_NODE}
    cidrs = _check_cluster(first_host, fabric, recipe, problems)
    cidr = cidrs[families.V4]
    for variable, value, expected in recipe.check(fabric["options"]):
        problems.append(Problem(first_host, variable, expected, value))
    fabric["exclusive"] = recipe.exclusive(fabric["options"])
    for view in families.views(fabric):
        fabric["pools" + view["family"].suffix] = recipe.pools(view)
    fabric["nodes"] = {}
    taken = {}
    for host in sorted(members, key=leases.natural):
        row = members[host]
        fabric["nodes"][host] = {
            "ip": node_ip(host, row, hosts[host].get("ansible_host"), cidr, taken, problems),
            "ip6": node_ip6(host, row, cidrs, taken, problems),
            "subnet": pinned_subnet(host, row["subnet"], cidr, problems),
            "labels": row["labels"] or {},
            "options": {key: row["options"][key] for key in recipe.PER_NODE},
            "blocks": row["options"].get("blocks") or [],
            "pods": _pods(host, row["pods"] or [], cidrs, fabric, problems),
        }
    if None not in cidrs.values():
        for host, variable, value, expected in recipe.check_cluster(fabric):
            problems.append(Problem(host, variable, expected, value))
    return fabric


def _check_cluster(host, fabric, recipe, problems):
    """The values that hold for the whole fabric; gives the pod range of each of its families back, or None where there is no sense in it."""

    def problem(variable, expected, value):
        problems.append(Problem(host, variable, expected, value))

    if not re.match(_LABEL + r"\Z", fabric["name"]) or len(fabric["name"]) > FABRIC_NAME_LENGTH:
        problem("fabric_name", "expected at most %d lower-case letters, digits and inner hyphens" % FABRIC_NAME_LENGTH, fabric["name"])
    if not NUMBERS[0] <= fabric["number"] <= NUMBERS[1]:
        problem("fabric_number", "expected a number from %d to %d, another one for each fabric on a node" % NUMBERS, fabric["number"])
    if fabric["mtu"] != "auto":
        mtu = int(fabric["mtu"]) if fabric["mtu"].isdecimal() else 0
        if not MTUS[0] <= mtu <= MTUS[1]:
            problem("fabric_mtu", "expected auto or a number of bytes from %d to %d" % MTUS, fabric["mtu"])
        elif fabric["pod_cidr6"] and mtu < IPV6_MTU:
            problem("fabric_mtu", "expected auto or at least %d bytes, which IPv6 (fabric_pod_cidr6) needs" % IPV6_MTU, fabric["mtu"])
        fabric["mtu"] = mtu
    for index, server in enumerate(fabric["nameservers"] or []):
        if read_address(server) is None:
            problem("fabric_nameservers[%d]" % index, "expected an IP address", server)
    for index, domain in enumerate(fabric["search_domains"] or []):
        if not re.match(r"[A-Za-z0-9._-]{1,253}\Z", domain):
            problem("fabric_search_domains[%d]" % index, "expected a domain name", domain)

    for key, least, most in (("self_heal", 5, 86400), ("confirm", 5, 3600)):
        if fabric[key] and not least <= fabric[key] <= most:
            problem("fabric_" + key, "expected 0, or a number of seconds from %d to %d" % (least, most), fabric[key])
        elif fabric[key] and not fabric["persist"]:
            problem("fabric_" + key, "expected fabric_persist: true with it, which keeps on the node what it builds", fabric[key])

    cidrs = {family: _pod_cidr(host, fabric, family, recipe, problems) for family in families.of(fabric)}
    cidr = cidrs[families.V4]
    if cidr is None:
        return cidrs
    length = fabric["subnet_length"]
    if not cidr.prefixlen < length <= 30:
        if cidr.prefixlen >= 30:
            expected = "expected a range that holds several subnets of nodes, /29 at the narrowest"
            problem("fabric_pod_cidr", expected, str(cidr))
        else:
            expected = "expected a length from %d to 30: longer than that of fabric_pod_cidr %s, with room for a pod" % (cidr.prefixlen + 1, cidr)
            problem("fabric_subnet_length", expected, length)
    return cidrs


def _pod_cidr(host, fabric, family, recipe, problems):
    """The range of one family, in its one form in the fabric too."""
    key = "pod_cidr" + family.suffix
    if family not in recipe.FAMILIES:
        problems.append(Problem(host, "fabric_" + key, "expected none with backend %s" % fabric["backend"], fabric[key]))
        return None
    cidr = read_network(host, "fabric_" + key, fabric[key], problems, family)
    if cidr is None:
        return None
    fabric[key] = str(cidr)
    odd = cidr.is_loopback or cidr.is_multicast or cidr.is_unspecified or cidr.prefixlen < 4
    if odd or family == families.V6 and (cidr.is_link_local or cidr.is_reserved):
        problems.append(Problem(host, "fabric_" + key, "expected a range for pods, a private one such as %s" % FOR_EXAMPLE[family], str(cidr)))
    return cidr


def _pods(host, pods, cidrs, fabric, problems):
    names, result = {}, []
    for index, pod in enumerate(pods):
        field = "fabric_pods[%d]" % index
        name = pod["name"]
        if not re.match(_LABEL + r"\Z", name) or len(name) > POD_NAME_LENGTH:
            expected = "expected at most %d lower-case letters, digits and inner hyphens: it names a namespace and a host" % POD_NAME_LENGTH
            problems.append(Problem(host, field + ".name", expected, name))
        elif name in names:
            problems.append(Problem(host, field + ".name", "fabric_pods[%d] has it already: expected names that differ" % names[name], name))
        names.setdefault(name, index)
        addresses = {"address" + family.suffix: pod_address(host, field, pod, family, cidrs, problems) for family in families.BOTH}
        pool, more = pod_addresses.read(host, field, pod, cidrs, fabric, recipes.get(fabric["backend"]).SEVERAL_ADDRESSES, problems)
        if pod["unit"] is not None:
            _check_unit(host, field + ".unit", pod["unit"], problems)
        result.append({"name": name, **addresses, "pool": pool, "more": more, "labels": pod["labels"] or {}, "unit": pod["unit"]})
    return result


def _check_unit(host, field, unit, problems):
    """Each value becomes one line of a unit file; nothing may end that line and start another."""
    for key, value in unit.items():
        if isinstance(value, str) and (not value.strip() or re.search(r"[\0\r\n]", value)):
            problems.append(Problem(host, "%s.%s" % (field, key), "expected one line of text", value))
    for key, value in (unit["environment"] or {}).items():
        where = "%s.environment.%s" % (field, key)
        if not _VARIABLE.match(key):
            problems.append(Problem(host, where, "expected the name of an environment variable"))
        elif isinstance(value, (dict, list)) or re.search(r"[\0\r\n]", str(value)):
            problems.append(Problem(host, where, "expected one line of text", value))


def _listed(names):
    names = sorted(names, key=leases.natural)
    return ", ".join(names) if len(names) <= 3 else "%s and %d more" % (", ".join(names[:2]), len(names) - 2)
