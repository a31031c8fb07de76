# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of a document that depend on what only the node knows: where a peer is, on a segment of its underlay device or behind a router, and what
its kernel has. So the recipe writes both ways down and the node keeps the one that holds:

  if_onlink: 192.0.2.12        the entry counts where that address is on the segment
  unless_onlink: 192.0.2.12    ... where it is not
  needs_onlink: 192.0.2.12     the entry always counts; the document is refused where the address is not on the segment
  if_kernel: wireguard         the entry counts where the kernel has that family of generic netlink (it is asked, which loads the module)
  unless_kernel: wireguard     ... where it has not
"""

from __future__ import annotations

import ipaddress

from .errors import Conflict, Invalid
from .fields import address

IF, UNLESS, NEEDS = ONLINK = ("if_onlink", "unless_onlink", "needs_onlink")
IF_KERNEL, UNLESS_KERNEL = OF_KERNEL = ("if_kernel", "unless_kernel")
CONDITIONS = ONLINK + OF_KERNEL
# What may be asked for.
FAMILIES = ("wireguard",)


def conditional(document):
    """Whether any entry has a condition: only then has the node to be asked."""
    return any(not set(CONDITIONS).isdisjoint(set().union(*(entry for entry in entries if isinstance(entry, dict))))
               for entries in document.values() if isinstance(entries, list))


def segments(found, underlay):
    """(device, its networks) of the device that holds the underlay's address."""
    for key in found["address"]:
        if key[0] == "" and key[2].partition("/")[0] == underlay:
            networks = [ipaddress.ip_interface(other[2]).network for other in found["address"] if other[:2] == key[:2]]
            return key[1], networks
    raise Invalid("document.underlay.address", underlay, "an address that a device of this node holds",
                  "see `ip address`; a fabric's node address is fabric_node_ip")


def select(document, device, networks, has_family, path="document"):
    """The document without conditions: what holds on this node. Raises Conflict where a peer must be on-link and is not.

    C(has_family(name)): whether the kernel has a family of generic netlink.
    """
    chosen = {}
    for section, entries in document.items():
        if not isinstance(entries, list):
            chosen[section] = entries
            continue
        chosen[section] = []
        for position, entry in enumerate(entries):
            kept = _holds(entry, device, networks, has_family, "%s.%s[%d]" % (path, section, position))
            if kept is not None:
                chosen[section].append(kept)
    return chosen


def _holds(entry, device, networks, has_family, path):
    """The bare entry, or None."""
    given = [condition for condition in CONDITIONS if condition in entry] if isinstance(entry, dict) else []
    for condition in given:
        if condition in OF_KERNEL:
            if entry[condition] not in FAMILIES:
                raise Invalid("%s.%s" % (path, condition), entry[condition], "one of %s" % ", ".join(FAMILIES))
            if has_family(entry[condition]) != (condition == IF_KERNEL):
                return None
            continue
        peer = ipaddress.ip_address(address(str(entry[condition]), "%s.%s" % (path, condition)))
        onlink = any(peer in network for network in networks)
        if condition == NEEDS and not onlink:
            raise Conflict("%s: %s is not on a segment of %s (%s), and this network needs its nodes side by side; "
                           "choose a backend that tunnels, or put the nodes on one segment"
                           % (path, peer, device, ", ".join(str(network) for network in networks if network.version == peer.version)))
        if condition == IF and not onlink or condition == UNLESS and onlink:
            return None
    return {option: value for option, value in entry.items() if option not in CONDITIONS} if given else entry
