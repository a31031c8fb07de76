# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's underlay network as one document: two node segments and an outside one around a router.

    node1, node2, node4 ...  --- bridge a   --- \
    node3, node6, node9 ...  --- bridge b   ---  router
    outside                  --- bridge out --- /

Each link has an address of IPv4 and one of IPv6, written with the same numbers: 198.18.16.13 is fd00:198:18:16::13 too.

The bridges stand in a namespace of their own, the switch. The outside host, which stands for the internet, knows the
way to the nodes and not to their pods: an answer to a pod proves masquerade. With one segment all nodes are on a.
"""

from __future__ import annotations

import ipaddress

MTU = 1500
NUMBER = 175
# 1,023 ports is what a bridge holds; the router has one of them.
MAX_NODES = 1000

SEGMENTS = {
    'a': ipaddress.ip_network('198.18.0.0/20'),
    'b': ipaddress.ip_network('198.18.16.0/20'),
    'out': ipaddress.ip_network('198.18.32.0/24'),
}
OUTSIDE = SEGMENTS['out'][2]
LENGTH6 = 64


def node_names(count):
    """node1 to nodeN. Raises ValueError for a count that is no number from 1 to MAX_NODES."""
    try:
        number = int(count)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= MAX_NODES:
        raise ValueError('lab nodes: %r is no usable count: expected 1 to %d' % (count, MAX_NODES))
    return ['node%d' % index for index in range(1, number + 1)]


def segment_count(segments):
    """1 or 2. Raises ValueError for anything else."""
    if str(segments) not in ('1', '2'):
        raise ValueError('lab segments: %r is no usable number: expected 1, all nodes side by side, or 2, every third behind a router' % (segments,))
    return int(segments)


def node_segment(index, segments=2):
    """Of two segments every third node is on the second. index counts from 1."""
    return 'b' if segment_count(segments) == 2 and index % 3 == 0 else 'a'


def node_address(index, segments=2):
    """The underlay address of node number index (from 1)."""
    return SEGMENTS[node_segment(index, segments)][10 + index]


def address6(address):
    """The IPv6 address that goes with one of IPv4: its segment's numbers, then its own in the segment, as they are written."""
    network = next(network for network in SEGMENTS.values() if address in network)
    return ipaddress.IPv6Address('fd00:%d:%d:%d::%d' % (*network.network_address.packed[:3], int(address) - int(network.network_address)))


def lab_underlay(lab, count, segments=2):
    """Parameters for module network: owner, number and document of the underlay of a lab with so many nodes."""
    nodes = [(name, node_segment(index, segments), node_address(index, segments)) for index, name in enumerate(node_names(count), 1)]
    return _underlay(lab, nodes)


def vms_underlay(lab):
    """The same for virtual machines, which plug themselves into the switch."""
    return _underlay(lab, [])


def machine_link(address):
    """What a machine with this underlay address is told of its link. Raises ValueError for an address on neither segment."""
    for segment in ('a', 'b'):
        network = SEGMENTS[segment]
        number = ipaddress.ip_address(address)
        if number in network and number not in (network[0], network[1], network[-1]):
            return {'segment': segment, 'address': '%s/%d' % (number, network.prefixlen), 'gateway': str(network[1]), 'mac': _mac(number)}
    raise ValueError('%s: expected an address in %s or %s, other than the router\'s' % (address, SEGMENTS['a'], SEGMENTS['b']))


def _underlay(lab, nodes):
    switch, router, outside = ('%s-%s' % (lab, part) for part in ('switch', 'router', 'outside'))
    # Port of the switch, its bridge, and whose link is at the other end: namespace, device, address.
    links = [('router-' + segment, segment, router, segment, network[1]) for segment, network in SEGMENTS.items()]
    links.append(('outside', 'out', outside, 'eth0', OUTSIDE))
    links += [(name, segment, '%s-%s' % (lab, name), 'eth0', address) for name, segment, address in nodes]

    document = {
        'netns': [{'name': name} for name in [switch, router, outside] + ['%s-%s' % (lab, node[0]) for node in nodes]],
        'sysctl': [
            # The switch only switches; multicast of its own would show in captures.
            {'netns': switch, 'key': 'net/ipv6/conf/all/disable_ipv6', 'value': '1'},
            {'netns': switch, 'key': 'net/ipv6/conf/default/disable_ipv6', 'value': '1'},
            {'netns': router, 'key': 'net/ipv4/ip_forward', 'value': '1'},
            {'netns': router, 'key': 'net/ipv6/conf/all/forwarding', 'value': '1'},
            {'netns': outside, 'key': 'net/ipv4/ip_forward', 'value': '0'},
        ],
        'bridge': [{'netns': switch, 'name': segment, 'mtu': MTU} for segment in SEGMENTS],
        'veth': [_veth(switch, *link) for link in links],
        'address': [{'netns': netns, 'dev': device, 'address': with_length} for dummy, segment, netns, device, address in links
                    for with_length in ('%s/%d' % (address, SEGMENTS[segment].prefixlen), '%s/%d' % (address6(address), LENGTH6))],
        'route': [route for segment in ('a', 'b') for route in _routes(outside, SEGMENTS[segment], 'out')],
    }
    document['route'] += [route for name, segment, dummy in nodes for route in _routes('%s-%s' % (lab, name), None, segment)]
    return {'owner': 'lab-' + lab, 'number': NUMBER, 'document': document}


def _routes(netns, target, segment):
    """Routes to a segment, or to all there is, by the router's foot in another, of either family."""
    router = SEGMENTS[segment][1]
    targets = ('default', 'default') if target is None else (str(target), '%s/%d' % (address6(target[0]), LENGTH6))
    return [{'netns': netns, 'dev': 'eth0', 'dst': dst, 'via': str(via)} for dst, via in zip(targets, (router, address6(router)))]


def _veth(switch, port, segment, netns, device, address):
    """A link from a port of the switch; the far end's MAC is derived from its address, to be known in a capture."""
    return {
        'netns': switch, 'name': port, 'mtu': MTU, 'master': segment,
        'peer': {'netns': netns, 'name': device, 'mtu': MTU, 'mac': _mac(address)},
    }


def _mac(address):
    return ':'.join('%02x' % octet for octet in b'\x02\x00' + address.packed)
