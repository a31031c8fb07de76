# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of other nodes' blocks, for pods of nodes for which no block is left (projectcalico/calico:libcalico-go/lib/ipam, without strict affinity).

The pod's /32 then leads to its node, more precise than the block's route to the other. Part of the allotment in C(blocks), whose shares these are.
"""

from __future__ import annotations

import ipaddress

from . import families


def of_node(addresses, blocks):
    """Of the addresses of a node's pods those that are in none of its blocks, as networks."""
    own = [ipaddress.ip_network(block) for block in blocks]
    ranges = [(int(block[0]), int(block[-1])) for block in own]
    numbers = {address: int(ipaddress.ip_address(address)) for address in addresses}
    return ["%s/%d" % (address, families.of_address(address).length) for address, number in numbers.items()
            if not any(first <= number <= last for first, last in ranges)]


def keep(shares):
    """What was borrowed so far stays so, whatever the options say by now."""
    for share in shares:
        for want in share.wanted:
            address = share.held.get(want["key"])
            if address is None or want["address"] or want["key"] in share.taken:
                continue
            number = int(ipaddress.ip_address(address))
            lender = lender_of(shares, share, number)
            if lender is None:
                continue
            if number in lender.owner:
                expected = "is borrowed by pod %s of %s: expected an address that nobody holds; pin that pod elsewhere first if this is meant"
                lender.problem("fabric_pods of " + lender.owner[number], expected % (want["pod"], share.name), address)
            else:
                lend(share, want["key"], number)


def lender_of(shares, borrower, number):
    """The other node of the fabric in whose blocks an address is, but for that one's tunnel's."""
    return next((share for share in shares if share is not borrower and share.within(number)), None)


def lend(borrower, pod, number):
    """A pod of one node has an address of another's."""
    borrower.give(pod, number)
    borrower.room.lent.add(number)


def lend_all(shares):
    """Addresses for those pods for which no block was left, from the pools that their node takes from."""
    for share in shares:
        numbers = (number for lender in shares if lender is not share for number in lender.free(0, share.node))
        while share.wanting:
            number = next((number for number in numbers if number not in share.owner), None)
            if number is None:
                share.exhausted(share.wanting)
                return
            lend(share, share.wanting.pop(0), number)
