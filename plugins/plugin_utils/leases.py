# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases: which subnet or which blocks each node holds and which address each pod, allotted once and then kept.

The allotment is pure: the intent and the leases held so far in, the whole table out. What is held stays, whatever the order of the
inventory; pins win over what would be chosen. A fabric with pools has its nodes hold blocks of them (blocks.py), any other a subnet each. What a node
held in the other form stays in its record, for the way back. The rest of this file is the table's life as a file beside the inventory; its copies
on the nodes are the matter of lease_copies.py.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import fcntl
import io
import ipaddress
import os
import re
import tempfile
import time

import yaml

from . import blocks, families
from .spec import Problem

VERSION = 1
# An allotment takes a second or two; somebody who holds the lock for a minute is stuck.
LOCK_SECONDS = 60
# What stands in a record, in this order.
RECORD = ("subnet", "blocks", "blocks6", "address", "public_key", "pods", "pods6")
BLOCKS, PODS = (tuple(what + family.suffix for family in families.BOTH) for what in ("blocks", "pods"))
# How many given-up leases are remembered: a node that was away for longer than so many removals needs help.
FORMER = 200

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


# The table, and the (node, subnet or block) that it once had and gave up: what a node that was away may still have in its copy.
Leases = collections.namedtuple("Leases", "nodes former")


class LeaseError(Exception):
    """The lease file cannot be read, understood, locked or written; the text says which and what to do."""


def natural(name):
    """A sort key that puts node2 before node10, so that a table reads as people count."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


# --- the allotment


def allot(fabric, held):
    """C((table, problems)) for a validated fabric and the table held so far.

    C(fabric): pod_cidr, subnet_length, lease_file (for messages), pools where it has some, and nodes, each with ip, subnet (the pin or None) and
    pods, each with name and address (the pin or None). A table is C({node: {"subnet", "blocks", "address", "pods": {pod: address}}}) with a subnet,
    blocks or both, the C(public_key) that a node has told, and C(blocks6) and C(pods6) where the fabric has IPv6 or once had it. Nodes that left
    the inventory keep their record: only their removal frees it.
    """
    problems = []
    table = {name: record for name, record in held.items() if name not in fabric["nodes"]}
    shares = _allot_blocks(fabric, held, problems) if fabric.get("pools") else _allot_subnets_and_addresses(fabric, held, problems)
    for name, share in shares.items():
        record = dict(held.get(name, {}), **share, address=fabric["nodes"][name]["ip"])
        table[name] = {key: record[key] for key in RECORD if record.get(key) or key in share}
    return {name: table[name] for name in sorted(table, key=natural)}, problems


def networks(record):
    """All that a record holds, whether the fabric's backend of the day makes use of it or not."""
    return ([record["subnet"]] if record.get("subnet") else []) + [block for key in BLOCKS for block in record.get(key) or []]


def in_use(fabric, record):
    """What of it a node's pods have addresses in."""
    return [block for family in families.of(fabric) for block in record["blocks" + family.suffix]] if fabric.get("pools") else [record["subnet"]]


def _allot_blocks(fabric, held, problems):
    clash = overlaps(held)
    for first, second in clash:
        expected = "overlaps what is leased to %s: %s contradicts itself, correct it" % (first, fabric["lease_file"])
        problems.append(Problem(second, "blocks", expected, ", ".join(networks(held[second]))))
    if clash:
        return {}
    shares = {}
    for view in families.views(fabric):
        family = view["family"]
        records = {name: families.lease(record, family) for name, record in held.items()}
        for name, (share, pods) in blocks.allot(view, records, natural, problems).items():
            shares.setdefault(name, {}).update({"blocks" + family.suffix: share, "pods" + family.suffix: pods})
    return {} if problems else shares


def _allot_subnets_and_addresses(fabric, held, problems):
    subnets, shares = _allot_subnets(fabric, held, problems), {}
    for name, node in fabric["nodes"].items():
        if name in subnets:
            kept = held.get(name, {}).get("pods", {})
            shares[name] = {"subnet": str(subnets[name]), "pods": _allot_addresses(name, node["pods"], subnets[name], kept, problems)}
    return shares


def _allot_subnets(fabric, held, problems):
    nodes, cidr = fabric["nodes"], ipaddress.ip_network(fabric["pod_cidr"])
    pinned = {name: ipaddress.ip_network(node["subnet"]) for name, node in nodes.items() if node.get("subnet")}
    kept = {name: ipaddress.ip_network(record["subnet"]) for name, record in held.items() if name not in pinned and record.get("subnet")}
    other = {name: [ipaddress.ip_network(block) for block in record["blocks"]] for name, record in held.items() if record.get("blocks")}
    for name, subnet in sorted(kept.items(), key=lambda item: natural(item[0])):
        if name in nodes and not subnet.subnet_of(cidr):
            expected = (
                "is leased to this node by %s and lies outside fabric_pod_cidr %s: keep a range that holds it, or tear the cluster down, "
                "remove the lease file and build anew" % (fabric["lease_file"], cidr)
            )
            problems.append(Problem(name, "subnet", expected, str(subnet)))
    claims = dict(kept, **pinned)
    clash = _overlap([(subnet, name) for name, subnet in claims.items()])
    for first, second in clash:
        # Blame falls on the pin: a lease was there before it.
        blamed, other = (first, second) if first in pinned else (second, first)
        if blamed in pinned and other in pinned:
            expected = "overlaps %s, the pin of %s: expected subnets that do not overlap" % (pinned[other], other)
        elif blamed in pinned:
            gone = "" if other in nodes else ", which is not in the inventory and keeps its record until it is removed"
            expected = "overlaps %s, leased to %s%s: expected a subnet that nobody holds" % (kept[other], other, gone)
        else:
            expected = "overlaps %s, leased to %s: %s contradicts itself, correct it" % (kept[other], other, fabric["lease_file"])
        value = str(pinned.get(blamed) or kept[blamed])
        problems.append(Problem(blamed, "fabric_subnet" if blamed in pinned else "subnet", expected, value))
    if not clash and other:
        for first, second in _overlap([(subnet, name) for name, subnet in claims.items()] + [(block, name) for name in other for block in other[name]]):
            blamed, holder = (first, second) if first in pinned else (second, first)
            expected = "overlaps a block leased to %s: expected a subnet that nobody holds" % holder
            problems.append(Problem(blamed, "fabric_subnet" if blamed in pinned else "subnet", expected, str(claims.get(blamed, other.get(blamed)))))
    if problems:
        return {}

    subnets = {name: pinned.get(name) or kept[name] for name in nodes if name in pinned or name in kept}
    subnets.update(_around_blocks(fabric, cidr, {name: other[name] for name in other if name in nodes and name not in subnets}, claims, other))
    missing = sorted((name for name in nodes if name not in subnets), key=natural)
    free = _free_subnets(cidr, fabric["subnet_length"], list(dict(claims, **subnets).values()) + [block for some in other.values() for block in some])
    for name in missing:
        subnet = next(free, None)
        if subnet is None:
            room = 2 ** (fabric["subnet_length"] - cidr.prefixlen) - 1
            expected = (
                "too small: it has %d subnets of length %d for nodes (the first stays unused), and none is left for %s: "
                "widen fabric_pod_cidr or lengthen fabric_subnet_length" % (room, fabric["subnet_length"], _listed(missing[missing.index(name) :]))
            )
            problems.append(Problem("", "fabric_pod_cidr", expected, str(cidr)))
            break
        subnets[name] = subnet
    return subnets


def _around_blocks(fabric, cidr, homeless, claims, blocks_of):
    """The subnets around the blocks of nodes that have held no subnet so far, where nobody else is in them: so their pods keep their addresses."""
    length, wide, holders = fabric["subnet_length"], [], {}

    def take(network, name):
        if network.prefixlen < length:
            wide.append(network)
        else:
            holders.setdefault(network.supernet(new_prefix=length), set()).add(name)

    for name, subnet in claims.items():
        take(subnet, name)
    for name, some in blocks_of.items():
        for block in some:
            take(block, name)
    result = {}
    for name in sorted(homeless, key=natural):
        first = homeless[name][0]
        if first.prefixlen >= length and first.subnet_of(cidr):
            subnet = first.supernet(new_prefix=length)
            if holders[subnet] == {name} and not any(subnet.overlaps(other) for other in wide):
                result[name] = subnet
    return result


def _overlap(claims):
    """Pairs of names whose networks overlap, found in one sweep over C((network, name)). What one name holds of its own may."""
    pairs, widest, holder = [], None, None
    for network, name in sorted(claims, key=lambda item: (item[0].version, int(item[0].network_address), item[0].prefixlen, natural(item[1]))):
        if widest is not None and holder != name and network.overlaps(widest):
            pairs.append((holder, name))
        if widest is None or network.version != widest.version or network.broadcast_address > widest.broadcast_address:
            widest, holder = network, name
    return list(dict.fromkeys(pairs))


def _free_subnets(cidr, length, taken):
    """Subnets nobody holds, lowest first. Like flannel's SubnetMin this starts at the second: the first bears the range's own address."""
    size = 1 << (cidr.max_prefixlen - length)
    busy = sorted((int(subnet.network_address), int(subnet.broadcast_address)) for subnet in taken)
    position, last = int(cidr.network_address) + size, int(cidr.broadcast_address)
    index = 0
    while position + size - 1 <= last:
        while index < len(busy) and busy[index][1] < position:
            index += 1
        if index < len(busy) and busy[index][0] < position + size:
            # Past the one in the way, at the next multiple of the size.
            position = (busy[index][1] // size + 1) * size
            continue
        yield ipaddress.ip_network((position, length))
        position += size


def _allot_addresses(node, pods, subnet, kept, problems):
    """Addresses of one node's pods: pins, then what each held, then the lowest free ones after the bridge's own, the first."""
    network, broadcast = int(subnet.network_address), int(subnet.broadcast_address)
    gateway = network + 1
    room = max(broadcast - network - 2, 0)
    if len(pods) > room:
        expected = "expected at most %d in %s (this node's subnet): shorten fabric_subnet_length or spread the pods" % (room, subnet)
        problems.append(Problem(node, "fabric_pods", expected, "%d pods" % len(pods)))
        return {}
    before = len(problems)
    result, owner = {}, {}
    for index, pod in enumerate(pods):
        if not pod.get("address"):
            continue
        address = int(ipaddress.ip_address(pod["address"]))
        field = "fabric_pods[%d].address" % index
        if not network <= address <= broadcast:
            expected = "expected an address inside %s (this node's subnet); leave it out to have one chosen" % subnet
        elif address in (network, gateway, broadcast):
            what = {network: "the subnet's own", gateway: "the bridge's", broadcast: "the broadcast address"}[address]
            expected = "is %s in %s (this node's subnet): expected one from %s to %s" % (
                what, subnet, ipaddress.ip_address(network + 2), ipaddress.ip_address(broadcast - 1),
            )
        elif address in owner:
            expected = "pod %s has it already: expected one address for one pod" % owner[address]
        else:
            result[pod["name"]], owner[address] = address, pod["name"]
            continue
        problems.append(Problem(node, field, expected, pod["address"]))
    for index, pod in enumerate(pods):
        name = pod["name"]
        if name in result or pod.get("address") or name not in kept:
            continue
        address = int(ipaddress.ip_address(kept[name]))
        if not network + 2 <= address <= broadcast - 1:
            continue  # The node was pinned to another subnet: its pods go with it.
        if address in owner:
            taker = next(i for i, other in enumerate(pods) if other["name"] == owner[address])
            expected = "is leased to pod %s: expected an address that nobody holds; pin %s elsewhere first if this is meant" % (name, name)
            problems.append(Problem(node, "fabric_pods[%d].address" % taker, expected, kept[name]))
            continue
        result[name], owner[address] = address, name
    if len(problems) > before:
        return {}
    free = (address for address in range(network + 2, broadcast) if address not in owner)
    for pod in sorted((pod["name"] for pod in pods if pod["name"] not in result), key=natural):
        result[pod] = next(free)
    return {name: str(ipaddress.ip_address(result[name])) for name in sorted(result, key=natural)}


def _listed(names):
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else "%s and %d more" % (shown, len(names) - 5)


def given_up(held, table):
    """What a table's next form has given up, the latest last: C(held) are the leases before, C(table) the nodes after."""
    pairs = list(held.former) + [(name, network) for name, record in held.nodes.items() for network in networks(record)]
    gone = [pair for pair in dict.fromkeys(pairs) if pair[1] not in networks(table.get(pair[0], {}))]
    return gone[-FORMER:]


def certain_problems(fabric):
    """What is wrong whatever the nodes hold: found without their leases, and before any of them is asked."""
    pinned = {name for name, node in fabric["nodes"].items() if node["subnet"] or node.get("blocks")}
    _table, problems = allot(fabric, {})
    return [problem for problem in problems if problem.field in ("fabric_subnet", "fabric_pod_cidr") or problem.host in pinned]


def overlaps(table):
    """Pairs of nodes whose subnets or blocks overlap."""
    return _overlap([(ipaddress.ip_network(network), name) for name, record in table.items() for network in networks(record)])


# --- the file


def render(fabric_name, table, former=()):
    """The lease file's text: one form for one table, so that a version control system shows what really changed."""
    content = {"version": VERSION, "fabric": fabric_name, "nodes": table}
    if former:
        content["former"] = [{"node": node, "subnet": subnet} for node, subnet in former]
    head = (
        "# Leases of fabric %s: the subnet or the blocks and the address of each node, and the addresses of its pods.\n"
        "# Written by clusternet.fabric. Commit it: what stands here is never renumbered.\n---\n" % fabric_name
    )
    return head + yaml.dump(content, Dumper=_Dumper, sort_keys=False, default_flow_style=False)


def parse(text, fabric_name, path):
    """The leases in a lease file's text, None in an empty one; C(LeaseError) names the path inside the file where it is not what it should be."""

    def fail(field, expected):
        raise LeaseError("%s: %s: %s" % (path, field, expected))

    try:
        # As a stream: what comes from a node is a kind of text of Ansible's own before 2.19, which the C loader does not take.
        content = yaml.load(io.StringIO(text), Loader=_Loader)
    except yaml.YAMLError as error:
        raise LeaseError("%s: is not YAML: %s" % (path, " ".join(str(error).split()))) from error
    if content is None:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("nodes"), dict):
        fail("nodes", "expected a lease file with a mapping of nodes; put the committed file back")
    if content.get("version") != VERSION:
        fail("version", "%s: expected %d; a newer clusternet.fabric may have written it" % (content.get("version"), VERSION))
    if content.get("fabric") != fabric_name:
        fail("fabric", "%s: expected %s; give each fabric its own fabric_lease_file" % (content.get("fabric"), fabric_name))
    for name, record in content["nodes"].items():
        field = "nodes.%s" % name
        if not isinstance(name, str) or not isinstance(record, dict) or not isinstance(record.setdefault("pods", {}), dict):
            fail(field, "expected a record with subnet, address and pods")
        for key in BLOCKS:
            if not isinstance(record.get(key, []), list):
                fail("%s.%s" % (field, key), "expected a list of blocks")
            for index, block in enumerate(record.get(key, [])):
                _read(ipaddress.ip_network, block, "%s.%s[%d]" % (field, key, index), fail)
        if record.get("subnet") is not None or not record.get("blocks"):
            _read(ipaddress.ip_network, record.get("subnet"), "%s.subnet" % field, fail)
        _read(ipaddress.ip_address, record.get("address"), "%s.address" % field, fail)
        if not isinstance(record.get("public_key", ""), str):
            fail(field + ".public_key", "expected text")
        for key in PODS:
            if not isinstance(record.get(key, {}), dict):
                fail("%s.%s" % (field, key), "expected a mapping of pods to addresses")
            for pod, address in record.get(key, {}).items():
                _read(ipaddress.ip_address, address, "%s.%s.%s" % (field, key, pod), fail)
    former = content.get("former", [])
    if not isinstance(former, list) or not all(isinstance(entry, dict) for entry in former):
        fail("former", "expected a list of node and subnet")
    for index, entry in enumerate(former):
        _read(ipaddress.ip_network, entry.get("subnet"), "former[%d].subnet" % index, fail)
    return Leases(content["nodes"], [(str(entry.get("node")), entry["subnet"]) for entry in former])


def _read(reader, value, field, fail):
    try:
        # A bare number would pass as an address.
        if not isinstance(value, str):
            raise ValueError
        reader(value)
    except ValueError:
        fail(field, "%s: expected %s" % (value, "a subnet" if reader is ipaddress.ip_network else "an address"))


def read(path, fabric_name):
    """The leases in the file; None where there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), fabric_name, path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LeaseError("%s: cannot be read: %s" % (path, getattr(error, "strerror", None) or error)) from error


def writable(path):
    """Whether C(write) could put a file there."""
    folder = os.path.dirname(os.path.realpath(path))
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def write(path, text):
    """Replace the file in one step: whoever reads meanwhile, or a machine that dies, sees the old or the new one whole."""
    # A link is followed, so that the file it names is replaced and not the link.
    target = os.path.realpath(path)
    mode = 0o644
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(target).st_mode & 0o777
    handle, temporary = tempfile.mkstemp(prefix=os.path.basename(target) + ".", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


@contextlib.contextmanager
def lock(path, seconds=LOCK_SECONDS):
    """Hold the lease file against other runs on this controller. The lock file goes when the lock does."""
    name = os.path.realpath(path) + ".lock"
    deadline = time.monotonic() + seconds
    handle = _acquire(name, deadline)
    while handle is None:
        if time.monotonic() > deadline:
            raise LeaseError("%s: another run has held it for %d seconds; wait for that run or end it" % (name, seconds))
        time.sleep(0.1)
        handle = _acquire(name, deadline)
    try:
        yield
    finally:
        # While still locked: nobody can have taken a file of this name meanwhile.
        with contextlib.suppress(OSError):
            os.unlink(name)
        os.close(handle)


def _acquire(name, deadline):
    try:
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LeaseError("%s: cannot be made: %s" % (name, error.strerror)) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The holder before us may have removed the file between our opening and our locking it.
        if os.stat(name).st_ino == os.fstat(handle).st_ino:
            return handle
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            os.close(handle)
            raise LeaseError("%s: cannot be locked: %s" % (name, error.strerror)) from error
    os.close(handle)
    return None
