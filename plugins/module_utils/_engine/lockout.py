# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a plan would cut the SSH connection that it came by.

Held against the model that the plan leads to: the connection's own address, the device that bears it, the way to the peer in table main,
and the MAC of its next hop. Not simulated are what packet filters would do to it, and routing by rules in other tables: for those there is
the way back after some seconds (option `confirm` of module network).
"""

from __future__ import annotations

import ipaddress
import os

from .errors import Conflict
from .kinds._hops import multipath_words
from .kinds.route import MAIN

ANCESTORS = 30


def connection(pid=None):
    """(the peer's address, this node's) of the SSH connection that the process runs by, or None.

    sudo clears the environment, so the ancestors are asked too.
    """
    pid = pid or os.getpid()
    for dummy in range(ANCESTORS):
        try:
            with open("/proc/%d/environ" % pid, "rb") as handle:
                variables = dict(entry.partition(b"=")[::2] for entry in handle.read().split(b"\0"))
            with open("/proc/%d/stat" % pid, "rb") as handle:
                # the name, in brackets, may hold anything
                parent = int(handle.read().rpartition(b")")[2].split()[1])
        except OSError:
            return None
        found = parse(variables.get(b"SSH_CONNECTION", b"").decode("ascii", "replace"))
        if found or parent <= 1:
            return found
        pid = parent
    return None


def parse(text):
    """Of SSH_CONNECTION, "peer port local port", the two addresses; None where it is something else."""
    words = text.split()
    if len(words) != 4:
        return None
    try:
        # A socket for both families writes IPv4 as ::ffff:192.0.2.1, and link-local addresses with their device.
        peer, local = (ipaddress.ip_address(word.partition("%")[0]) for word in (words[0], words[2]))
    except ValueError:
        return None
    return tuple(str(getattr(address, "ipv4_mapped", None) or address) for address in (peer, local))


def refuse(before, after, peer_and_local):
    """Raise Conflict where a plan from one state to the other would cut the connection."""
    reason = cut(before, after, *peer_and_local) if peer_and_local else None
    if reason:
        raise Conflict("this would cut the SSH connection from %s that the run came by: %s. Nothing is changed; come by another way "
                       "(another address of the node, or its console), or leave that out" % (peer_and_local[0], reason))


def cut(before, after, peer, local):
    """Why the connection would not live, or None. Says nothing of one that does not end in this namespace."""
    device = _holder(before, local)
    if device is None or peer == local:
        return None
    link, still = before["link"].get(("", device)), after["link"].get(("", device))
    holder = _holder(after, local)
    heir = _heir(before, after, device, holder)
    if holder != heir:
        return "address %s would go from %s" % (local, device)
    if heir == device:
        if link is not None and still is None:
            return "link %s would go" % device
        if link is not None and link["up"] and not still["up"]:
            return "link %s would go down" % device
        if link is not None and still["master"] != link["master"]:
            return "link %s would become a port of %s" % (device, still["master"] or "nothing")
    if _holder(after, peer) is not None and _holder(before, peer) is None:
        return "the node would have the peer's address %s itself" % peer
    way, new_way = _way(before, peer, device, heir), _way(after, peer)
    if way is not None and new_way != way:
        return "the route to it would be %s instead of %s" % (_words(new_way), _words(way))
    if way is not None:
        hop = ("", way["dev"], way["via"] or peer)
        mac, new_mac = (state["neighbour"].get(hop, {}).get("mac") for state in (before, after))
        if None not in (mac, new_mac) and new_mac != mac:
            return "%s on %s would have the MAC %s" % (hop[2], hop[1], new_mac)
    return None


def _holder(state, address):
    """The device that bears an address."""
    return next((key[1] for key in state["address"] if key[0] == "" and key[2].partition("/")[0] == address), None)


def _heir(before, after, device, holder):
    """The holder of the device's address, where the device becomes a port of it or it was a port of that (see ports.py), and all is up."""
    def link(state, name):
        return state["link"].get(("", name)) or {"master": "", "up": False}

    taken = link(after, device)["master"] == holder and link(before, device)["master"] != holder and link(after, device)["up"]
    given_back = link(before, holder)["master"] == device and not link(after, holder)["master"]
    return holder if holder and (taken or given_back) and link(after, holder)["up"] else device


def _way(state, address, old=None, new=None):
    """What of the route counts that the kernel takes to an address: the longest prefix, then the lowest metric; by `new` instead of `old`."""
    address = ipaddress.ip_address(address)
    best = None
    for key, item in state["address"].items():
        network = ipaddress.ip_interface(key[2]).network
        if key[0] == "" and network.version == address.version and address in network and state["link"].get(key[:2], {"up": True})["up"]:
            # the kernel's own route to the subnet, which comes with an address
            rank = (network.prefixlen, 0)
            if best is None or rank > best[0]:
                best = rank, {"dev": new if key[1] == old else key[1], "via": "", "type": "unicast", "hops": ()}
    for key, route in state["route"].items():
        if key[:2] != ("", MAIN):
            continue
        network = ipaddress.ip_network(key[2])
        if network.version != address.version or address not in network:
            continue
        rank = (network.prefixlen, -key[3])
        if best is None or rank > best[0]:
            hops = tuple(hop._replace(dev=new) if hop.dev == old else hop for hop in route.get("nexthops", ()))
            best = rank, {"dev": new if route["dev"] == old else route["dev"], "via": route["via"], "type": route["type"], "hops": hops}
    return best[1] if best else None


def _words(way):
    if way is None:
        return "none"
    if way["type"] != "unicast":
        return way["type"]
    words = ["%s %s" % (name, way[name]) for name in ("via", "dev") if way[name]]
    return " ".join(words + [str(word) for word in multipath_words(way["hops"], 6) if word])
