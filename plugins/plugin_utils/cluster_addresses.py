# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and ranges as an inventory writes them: what is wrong with them, and their one form. Part of the model in C(cluster)."""

from __future__ import annotations

import ipaddress

from . import families
from .spec import Problem

FOR_EXAMPLE = {families.V4: "10.244.0.0/16", families.V6: "fd00:10:244::/48"}


def node_ip(host, row, ansible_host, cidr, taken, problems):
    """A node's address on the underlay: C(fabric_node_ip), or what Ansible reaches it at."""
    field, value = "fabric_node_ip", row["node_ip"]
    if value is None:
        field, value = "ansible_host", ansible_host or host
        if read_address(value) is None:
            expected = "is not an address, and fabric_node_ip is not set: set fabric_node_ip to this node's IPv4 address on the underlay"
            problems.append(Problem(host, field, expected, value))
            return None
    return _own_address(host, field, value, families.V4, cidr, taken, problems, "" if field == "fabric_node_ip" else "; set fabric_node_ip")


def node_ip6(host, row, cidrs, taken, problems):
    """Its IPv6 address, which nothing stands in for."""
    if row["node_ip6"] is None:
        if families.V6 in cidrs:
            problems.append(Problem(host, "fabric_node_ip6", "not set: expected this node's IPv6 address on the underlay, as fabric_pod_cidr6 is set"))
        return None
    return _own_address(host, "fabric_node_ip6", row["node_ip6"], families.V6, cidrs.get(families.V6), taken, problems, "")


def _own_address(host, field, value, family, cidr, taken, problems, hint):
    """An address of a node that no other has."""
    address = read_address(value)
    if address is None or address.version != family.version:
        problems.append(Problem(host, field, "expected this node's %s address on the underlay%s" % (family.title, hint), value))
    elif address.is_loopback:
        problems.append(Problem(host, field, "is on loopback: expected the address at which other nodes reach this one" + hint, value))
    elif address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1:
        problems.append(Problem(host, field, "expected the address of one machine" + hint, value))
    elif family == families.V6 and (address.is_link_local or getattr(address, "scope_id", None)):
        problems.append(Problem(host, field, "is link-local: expected an address that other segments reach too", value))
    elif cidr is not None and address in cidr:
        expected = "lies inside fabric_pod_cidr%s %s: expected an address of the underlay; choose another range for the pods" % (family.suffix, cidr)
        problems.append(Problem(host, field, expected, value))
    elif str(address) in taken:
        expected = "%s has it too: expected an address of its own for each node" % taken[str(address)]
        problems.append(Problem(host, field, expected + hint, value))
    else:
        taken[str(address)] = host
        return str(address)
    return None


def pinned_subnet(host, value, cidr, problems):
    """The pin of a node's subnet, or None."""
    if value is None:
        return None
    subnet = read_network(host, "fabric_subnet", value, problems)
    if subnet is None or cidr is None:
        return None
    if not subnet.subnet_of(cidr) or subnet == cidr:
        problems.append(Problem(host, "fabric_subnet", "expected a subnet inside %s (fabric_pod_cidr)" % cidr, value))
    elif subnet.prefixlen > 30:
        problems.append(Problem(host, "fabric_subnet", "expected /30 or wider: the bridge and at least one pod need addresses", value))
    else:
        return str(subnet)
    return None


def pod_address(host, field, pod, family, cidrs, problems):
    """The pin, as the kernel writes such an address, or None."""
    key = "address" + family.suffix
    return pin(host, "%s.%s" % (field, key), pod[key], family, cidrs, problems)


def pin(host, field, value, family, cidrs, problems):
    """The same of an address under whatever field."""
    cidr = cidrs.get(family)
    if value is None:
        return None
    # A bare number would pass as an address.
    parsed, expected = read_address(value) if isinstance(value, str) else None, None
    if family not in cidrs:
        expected = "expected none: this fabric has no %s (fabric_pod_cidr%s)" % (family.title, family.suffix)
    elif parsed is None or parsed.version != family.version or getattr(parsed, "scope_id", None):
        expected = "expected an %s address without a prefix length" % family.title
    elif cidr is not None and parsed not in cidr:
        expected = "expected an address inside %s (fabric_pod_cidr%s); leave it out to have one chosen" % (cidr, family.suffix)
    if expected:
        problems.append(Problem(host, field, expected, value))
        return value
    return str(parsed)


def read_network(host, field, value, problems, family=families.V4):
    """A range of a family, or None for what is none."""
    try:
        interface = ipaddress.ip_interface(value)
        if "/" not in value or interface.version != family.version:
            raise ValueError
    except ValueError:
        problems.append(Problem(host, field, "expected an %s range such as %s" % (family.title, FOR_EXAMPLE[family]), value))
        return None
    if interface.ip != interface.network.network_address:
        problems.append(Problem(host, field, "has bits beyond its prefix length: expected %s" % interface.network, value))
        return None
    return interface.network


def read_address(value):
    """An address of either family, or None for what is none."""
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None
