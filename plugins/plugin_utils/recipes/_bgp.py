# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has a BGP session with whom in a fabric of Calico's kind, and what is wrong with what was said of it. Pure; the text is in C(_bird).

The rules are Calico's (projectcalico/confd:etc/calico/confd/templates): protocols C(Mesh_<address>), C(Node_<address>) and C(Global_<address>), one passive
side of each pair of the mesh, a reflector's clients those of its AS that are of another cluster.
"""

from __future__ import annotations

import ipaddress
import re

from .. import blocks, families
from ..block_pools import bears, network

LARGEST_AS = 2**32 - 1
PORT = 179
# What TCP's MD5 option takes (Linux: TCP_MD5SIG_MAXKEYLEN).
LONGEST_PASSWORD = 80
# What a peer says of itself and a session of the mesh does not.
OF_PEER = ("keep_next_hop", "hops", "ttl_security", "local_preference", "bfd", "password", "source_address", "filters", "allow_local_as", "summarize",
           "graceful_restart_time")
# Of a session of the mesh.
NOTHING = dict.fromkeys(OF_PEER)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_NUMBERS = {
    "port": (1, 65535, "a TCP port"), "hops": (1, 255, "a number of hops"), "local_preference": (0, 2**32 - 1, "a number"),
    "allow_local_as": (1, 10, "a number of times"), "graceful_restart_time": (1, 4095, "a number of seconds"),
}


def is_address(text, versions=(4, 6)):
    """Whether that is an address of one of these versions."""
    return network("%s/%d" % (text, families.of_address(text).length), versions) is not None


def is_network(text):
    """Whether that is a range of either family; whether the fabric has that family is seen with the cluster."""
    return network(text, (4, 6)) is not None


def check(options):
    """What is wrong with the variables about BGP, as (variable, value, expectation)."""
    for key, least, most in (("hold_time", 3, 65535), ("graceful_restart_time", 1, 4095)):
        if not least <= options[key] <= most:
            yield "calico_" + key, options[key], "expected a number of seconds from %d to %d" % (least, most)
    for index, cidr in enumerate(options["advertise"]):
        if not is_network(cidr):
            yield "calico_advertise[%d]" % index, cidr, "expected an IPv4 range such as 10.96.0.0/12"
    for index, peer in enumerate(options["peers"]):
        for key, value, expected in _check_peer(peer, options):
            yield "calico_peers[%d].%s" % (index, key), value, expected
    yield from _check_communities(options["communities"])
    yield from _check_filters(options["filters"])


def _check_peer(peer, options):
    if (peer["address"] is None) == (peer["peer_labels"] is None):
        yield "address", peer["address"], "expected exactly one of address and peer_labels"
    elif peer["address"] is not None:
        if not is_address(peer["address"]):
            yield "address", peer["address"], "expected an IPv4 or IPv6 address"
        if not 1 <= (peer["as_number"] or 0) <= LARGEST_AS:
            yield "as_number", peer["as_number"], "expected the number of the peer's AS, 1 to %d" % LARGEST_AS
    for key, (least, most, what) in _NUMBERS.items():
        if peer[key] is not None and not least <= peer[key] <= most:
            yield key, peer[key], "expected %s from %d to %d" % (what, least, most)
    if peer["ttl_security"] and not peer["hops"]:
        yield "ttl_security", True, "expected hops with it: packets that have come farther are refused"
    source = peer["source_address"]
    if source not in ("node", "any") and not is_address(source):
        yield "source_address", source, "expected node, any or an IPv4 or IPv6 address"
    elif source not in ("node", "any") and peer["address"] and families.of_address(source) != families.of_address(peer["address"]):
        yield "source_address", source, "expected node, any or an address of the same family as that of the peer, %s" % peer["address"]
    if peer["source_address"] == "any" and (options["bfd"] if peer["bfd"] is None else peer["bfd"]):
        yield "source_address", "any", "expected node or an address: BFD has to know it"
    if peer["password"] is not None and peer["password"] not in options["passwords"]:
        yield "password", peer["password"], "expected a name in calico_passwords (%s)" % (", ".join(options["passwords"]) or "which is empty")
    known = [entry["name"] for entry in options["filters"]]
    for place, name in enumerate(peer["filters"]):
        if name not in known:
            yield "filters[%d]" % place, name, "expected a name in calico_filters (%s)" % (", ".join(known) or "which is empty")


def check_password(value):
    """What is expected of a password in place of this one, or None."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_PASSWORD or not re.match(r"[ !#-~]+\Z", value):
        return "expected 1 to %d printable characters of ASCII without double quotes" % LONGEST_PASSWORD
    return None


def _check_communities(entries):
    for index, entry in enumerate(entries):
        field = "calico_communities[%d]." % index
        if not is_network(entry["cidr"]):
            yield field + "cidr", entry["cidr"], "expected an IPv4 or IPv6 range"
        for place, community in enumerate(entry["communities"]):
            numbers = [int(number) for number in community.split(":")] if re.match(r"\d{1,10}(:\d{1,10}){1,2}\Z", community) else []
            most = 65535 if len(numbers) == 2 else 2**32 - 1
            if not numbers or max(numbers) > most:
                yield field + "communities[%d]" % place, community, (
                    "expected two numbers up to 65535 or three up to 4294967295 with colons between, such as 64512:100")


def _check_filters(entries):
    seen = {}
    for index, entry in enumerate(entries):
        field = "calico_filters[%d]." % index
        if not _IDENTIFIER.match(entry["name"]):
            yield field + "name", entry["name"], "expected at most 32 lower-case letters, digits and underscores, beginning with a letter"
        elif entry["name"] in seen:
            yield field + "name", entry["name"], "calico_filters[%d] has it already: expected names that differ" % seen[entry["name"]]
        seen.setdefault(entry["name"], index)
        for way in ("import", "export"):
            for place, rule in enumerate(entry[way]):
                if rule["cidr"] is not None and not is_network(rule["cidr"]):
                    yield "%s%s[%d].cidr" % (field, way, place), rule["cidr"], "expected an IPv4 or IPv6 range"


def check_cluster(fabric):
    """What is wrong with sessions and AS numbers, as (host, variable, value, expectation)."""
    yield from (("", field, text, "expected one of IPv4: the fabric has no IPv6 (fabric_pod_cidr6)") for field, text in _addresses(fabric["options"])
                if families.of_address(text) not in families.of(fabric))
    lonely = _lonely(fabric) if fabric["options"]["bgp"] else {}
    for name, node in fabric["nodes"].items():
        if not 1 <= node["options"]["as_number"] <= LARGEST_AS:
            yield name, "calico_as_number", node["options"]["as_number"], "expected a number from 1 to %d" % LARGEST_AS
        if not 1 <= node["options"]["bgp_port"] <= 65535:
            yield name, "calico_bgp_port", node["options"]["bgp_port"], "expected a TCP port from 1 to 65535"
        cluster_id = node["options"]["reflector_cluster_id"]
        if cluster_id and not is_address(cluster_id, (4,)):
            yield name, "calico_reflector_cluster_id", cluster_id, "expected the form of an IPv4 address, such as 244.0.0.1"
        if name in lonely:
            yield name, "calico_peers", [peer["name"] for peer in fabric["options"]["peers"]], (
                "no BGP session%s for this node: expected calico_mesh: true, or a peer for it (see node_labels and peer_labels)"
                % (" of IPv6" if lonely[name] == families.V6 else ""))


def _addresses(options):
    """All addresses and ranges that the variables name, as (variable, value)."""
    for key, entries in (("advertise", [{"": cidr} for cidr in options["advertise"]]), ("peers", options["peers"]), ("communities", options["communities"])):
        for index, entry in enumerate(entries):
            for part in ("", "address", "source_address", "cidr"):
                if entry.get(part) not in (None, "node", "any"):
                    yield "calico_%s[%d]%s" % (key, index, part and "." + part), entry[part]
    for index, entry in enumerate(options["filters"]):
        for way in ("import", "export"):
            for place, rule in enumerate(entry[way]):
                if rule["cidr"]:
                    yield "calico_filters[%d].%s[%d].cidr" % (index, way, place), rule["cidr"]


def _lonely(fabric):
    """The nodes that have no session at all in a family, and which one that is, found for all of them at once."""
    return {name: view["family"] for view in reversed(families.views(fabric)) for name in _lonely_in_family(view)}


def _lonely_in_family(fabric):
    nodes, talking = fabric["nodes"], set()
    if fabric["options"]["mesh"] or len(nodes) == 1:
        return set()
    for peer in families.only(fabric["options"]["peers"], fabric["family"], "address"):
        ours = {name for name, node in nodes.items() if bears(node, peer["node_labels"])}
        if peer["address"]:
            talking |= {name for name in ours if nodes[name]["ip"] != peer["address"]}
            continue
        theirs = {name for name, node in nodes.items() if bears(node, peer["peer_labels"])}
        # Somebody else has to be on the other side.
        talking |= {name for name in ours if theirs - {name}} | {name for name in theirs if ours - {name}}
    return set(nodes) - talking


def sessions(fabric, name):
    """The BGP sessions of a node, each as data: C(protocol), C(address), C(as_number), C(node) (the peer's name, or None), C(passive) and so on.

    Each family has its own, as with Calico, which runs a daemon for each.
    """
    return [session for view in families.views(fabric) for session in _sessions(view, name)]


def _sessions(fabric, name):
    options, node = fabric["options"], fabric["nodes"][name]
    found = {}
    if options["mesh"]:
        for peer in fabric["nodes"]:
            if peer != name:
                _add(found, _between(fabric, name, peer, "Mesh", {}))
    for peer in families.only(options["peers"], fabric["family"], "address"):
        ours = bears(node, peer["node_labels"])
        if peer["address"]:
            if ours and peer["address"] != node["ip"]:
                kind = "Node" if peer["node_labels"] else "Global"
                _add(found, dict(_session(kind, peer["address"], peer["as_number"], peer), node=None, passive=False, own_as=node["options"]["as_number"],
                                 cluster_id=_reflects(node, peer["as_number"], None)))
            continue
        # A session has two ends: whom the labels choose for either side.
        for other, entry in fabric["nodes"].items():
            theirs = bears(entry, peer["peer_labels"])
            if other != name and (ours and theirs or bears(entry, peer["node_labels"]) and bears(node, peer["peer_labels"])):
                _add(found, _between(fabric, name, other, "Node", peer))
    return sorted(found.values(), key=lambda session: (session["kind"], ipaddress.ip_address(session["address"]), session["port"]))


def _add(found, session):
    """One session for one address and port: the mesh comes first, as long as there is one."""
    found.setdefault((session["address"], session["port"]), session)


def _between(fabric, name, other, kind, peer):
    node, entry = fabric["nodes"][name], fabric["nodes"][other]
    remote = entry["options"]["as_number"]
    # One side connects, or a restart would be taken for a collision. Calico compares the addresses as text.
    session = _session(kind, entry["ip"], remote, dict(peer, port=entry["options"]["bgp_port"]))
    return dict(session, node=other, passive=entry["ip"] > node["ip"], own_as=node["options"]["as_number"],
                cluster_id=_reflects(node, remote, entry["options"]["reflector_cluster_id"]))


def _reflects(node, remote_as, peer_cluster_id):
    """The cluster id by which a node reflects to that peer, or None: to those of its own AS that are no reflectors of the same cluster."""
    own = node["options"]["reflector_cluster_id"]
    return own if own and remote_as == node["options"]["as_number"] and peer_cluster_id != own else None


def _session(kind, address, as_number, peer):
    port = peer.get("port") or PORT
    name = "%s_%s" % (kind, re.sub("[.:]", "_", address)) + ("_port_%d" % port if port != PORT else "")
    of_peer = {key: peer.get(key) for key in OF_PEER} if len(peer) > 1 else NOTHING
    return {"kind": kind, "protocol": name, "address": address, "as_number": as_number, "port": port, **of_peer}


def passwords(found):
    """Names of the passwords that sessions need."""
    return sorted({session["password"] for session in found if session["password"]})


def networks(fabric, name):
    """C({node: what others hold, blocks and borrowed addresses, that BIRD is to put into this node's kernel})."""
    found = {other: [] for other in fabric["nodes"] if other != name}
    for view in families.views(fabric):
        for other, told in networks_of_family(view, name).items():
            found[other] += told
    return {other: told for other, told in found.items() if told}


def networks_of_family(fabric, name):
    """The same, of the fabric as one family sees it."""
    return {other: told for other, entry in fabric["nodes"].items() if other != name
            for told in [[held for held in entry["blocks"] + entry["borrowed"] if _by_bgp(fabric, held)]] if told}


def _by_bgp(fabric, block):
    pool = blocks.pool_of(fabric["pools"], block)
    return not is_static(fabric, pool) and pool["bgp_export"]


def is_static(fabric, pool):
    """Whether routes to a pool's blocks are in the document, and BIRD puts none into the kernel."""
    return pool["vxlan_mode"] != "Never" or fabric["options"]["wireguard"]
