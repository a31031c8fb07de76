#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
module: probe
short_description: Measure on the wire what a node and its namespaces reach
version_added: 0.1.0
description:
  - Sends packets from the node's own network namespace and from named ones, and says what came of each.
  - All probes of a node are one task. They run at the same time, O(parallel) at most.
  - A probe that finds something wrong does not fail the task; RV(results) says so. What to do about it is for the playbook.
  - What namespaces have learned of the MTU of paths is forgotten before packets of a given size are sent from them, because
    it stands for ten minutes and would be measured in place of the network.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  probes:
    description: What to measure.
    type: list
    elements: dict
    required: true
    suboptions:
      kind:
        description:
          - V(ping) sends ICMP echo requests to O(probes[].address) by the system's C(ping).
          - V(tcp_peer) connects to O(probes[].address) and O(probes[].port), reads one line, and takes its first word for the
            address that the other side saw. It has to be O(probes[].peer).
          - V(hairpin) sends an Ethernet frame of the local experimental ethertype 0x88B5 from O(probes[].device) to that device's own
            MAC address. It comes back where the bridge port on the other side has hairpin mode on, and only there.
        type: str
        choices: [ping, tcp_peer, hairpin]
        required: true
      from:
        description: What the source is called in the result.
        type: str
        required: true
      to:
        description: What the destination is called in the result.
        type: str
        required: true
      check:
        description: What the probe is part of. It is only handed through to the result.
        type: str
        default: ''
      netns:
        description: Name of the network namespace to send from, as known to C(ip netns). Empty for the node's own.
        type: str
        default: ''
      needs:
        description:
          - Name of a network namespace without which the probe has no sense yet. Where it does not exist, RV(results[].ok=none).
          - For a probe from the node's own namespace, which always exists.
        type: str
        default: ''
      address:
        description: IP address of the destination, for V(ping) and V(tcp_peer).
        type: str
      port:
        description: TCP port of the destination, for V(tcp_peer).
        type: int
      peer:
        description: Address that the destination should see, for V(tcp_peer).
        type: str
      device:
        description: Device in O(probes[].netns) whose MTU O(probes[].size) means, and that V(hairpin) sends from.
        type: str
        default: eth0
      size:
        description:
          - For V(ping), size of the whole IP packet in bytes, which must then not be fragmented on the way.
          - V(mtu) is the MTU of O(probes[].device), V(mtu+1) one byte more than it carries.
        type: str
      expect:
        description:
          - V(reachable) wants an answer to a V(ping), V(unreachable) none within O(timeout).
          - V(refused) wants the packet rejected for being too long.
        type: str
        choices: [reachable, unreachable, refused]
        default: reachable
      wait:
        description:
          - Seconds from the start of the task in which a probe whose answer is not what is wanted is made again.
          - For networks whose nodes agree on something when the first packet comes, such as the keys of a tunnel.
        type: int
        default: 0
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 3
  parallel:
    description: How many probes run at the same time.
    type: int
    default: 16
requirements:
  - C(ping) of iputils, root
notes:
  - Namespaces that do not exist yet, as in check mode before the first run, give results with RV(results[].ok=none).
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Measuring changes nothing, so it measures in check mode too.
  diff_mode:
    description: Will return details on what has changed, when in diff mode.
    support: none
    details:
      - Nothing ever changes.
'''

EXAMPLES = r'''
- name: Does pod web reach the other node's pod, with the largest packet there is?
  clusternet.fabric.probe:
    probes:
      - {kind: ping, from: node1/web, to: node2/db, netns: web, address: 192.0.2.130, size: mtu}
      - {kind: hairpin, from: node1/web, to: node1/web, netns: web}
  register: probed

- name: Say which do not
  ansible.builtin.debug:
    msg: "{{ probed | community.general.json_query('results[?ok==`false`].[from, to, detail]') }}"
'''

RETURN = r'''
results:
  description: One for each probe, in the order of O(probes).
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description: As given.
      type: str
    from:
      description: As given.
      type: str
    to:
      description: As given.
      type: str
    kind:
      description: As given.
      type: str
    ok:
      description: Whether what was found is what was wanted. None where the source does not exist yet.
      type: bool
    detail:
      description: What was found, in a few words. Empty for an answered V(ping).
      type: str
    rtt_ms:
      description: Round-trip time in milliseconds, where there was an answer.
      type: float
  sample:
    - {check: pod_pod, from: node1/web, to: node2/db, kind: ping, ok: true, detail: '', rtt_ms: 0.081}
fragments:
  description: How many IPv4 fragments the node itself made meanwhile. A tunnel whose MTU is too large makes some for each large packet.
  returned: success
  type: int
'''

import concurrent.futures
import ctypes
import errno
import fcntl
import os
import re
import socket
import struct
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

NETNS_FOLDER = '/run/netns'
CLONE_NEWNET = 0x40000000
# IEEE 802: "local experimental ethertype 1". No protocol listens to it.
ETHERTYPE = 0x88B5
SIOCGIFMTU = 0x8921
PACKET_OUTGOING = 4
NOT_BUILT = 'not built yet'
# Seconds before what failed is made again.
AGAIN = 0.5


class NotBuilt(Exception):
    """The source of a probe does not exist."""


def enter(descriptor):
    """Move the calling thread, and so the processes it starts, into the namespace of a descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, 'entering a network namespace: ' + os.strerror(number))


def open_namespace(name):
    path = os.path.join(NETNS_FOLDER, name) if name else '/proc/self/ns/net'
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def device_mtu(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack('16sI12x', device.encode(), 0)
        try:
            answer = fcntl.ioctl(handle, SIOCGIFMTU, request)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise NotBuilt(device)
            raise
    return struct.unpack('16sI12x', answer)[1]


def packet_size(probe):
    match = re.match(r'(mtu)?\+?(\d+)?$', probe['size'])
    return (device_mtu(probe['device']) if match.group(1) else 0) + int(match.group(2) or 0)


def ping(probe, timeout):
    """One echo request a second until there is an answer or the time is over."""
    expect = probe['expect']
    command = ['ping', '-n', '-c', '1', '-w', str(timeout)]
    if probe['size']:
        headers = 48 if ':' in probe['address'] else 28
        command += ['-M', 'do', '-s', str(max(0, packet_size(probe) - headers))]
    if expect == 'refused':
        # It is the sender's own kernel that refuses, or a router's report that comes after the first packet was lost.
        command[command.index('-c') + 1] = '2'
    try:
        done = subprocess.run(command + [probe['address']], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, check=False, timeout=timeout + 5, env=dict(os.environ, LC_ALL='C'))
    except FileNotFoundError:
        return {'ok': False, 'detail': 'ping is not installed: install iputils-ping'}
    except subprocess.TimeoutExpired:
        return {'ok': False, 'detail': 'ping did not end within %d s' % (timeout + 5)}
    answered = done.returncode == 0
    time_match = re.search(r'time[=<]([\d.]+) ms', done.stdout)
    refused = re.search(r'(message too long|Frag needed|Packet too big)[^\n]*', done.stdout, re.IGNORECASE)
    result = {'rtt_ms': float(time_match.group(1)) if answered and time_match else None}
    if expect == 'refused':
        result.update(ok=bool(refused) and not answered, detail=refused.group(0) if refused else 'not refused')
    elif expect == 'unreachable':
        result.update(ok=not answered, detail='answered' if answered else 'no answer, as wanted')
    else:
        result.update(ok=answered, detail='' if answered else why_silent(done.stdout))
    return result


def why_silent(output):
    """ping's own words for what went wrong, short."""
    for pattern in (r'(message too long[^\n]*)', r'(Frag needed[^\n]*)', r'(?:Destination|From \S+)[^\n]*?((?:Destination )?[A-Z][\w ]*Unreachable)',
                    r'(Packet filtered)', r'(Time to live exceeded)', r'ping: (?:connect: |sendmsg: )?([^\n]*)'):
        match = re.search(pattern, output)
        if match:
            return match.group(1)
    return 'no answer'


def tcp_peer(probe, timeout):
    started = time.monotonic()
    try:
        with socket.create_connection((probe['address'], probe['port']), timeout=timeout) as handle:
            elapsed = (time.monotonic() - started) * 1000
            line = b''
            while not line.endswith(b'\n') and len(line) < 256:
                data = handle.recv(256)
                if not data:
                    break
                line += data
    except socket.timeout:
        return {'ok': False, 'detail': 'no connection within %d s' % timeout}
    except OSError as error:
        return {'ok': False, 'detail': error.strerror or str(error)}
    words = line.decode('ascii', 'replace').split()
    seen = words[0] if words else 'nothing'
    good = seen == probe['peer']
    detail = 'seen as %s' % seen + ('' if good else ', expected %s' % probe['peer'])
    return {'ok': good, 'detail': detail, 'rtt_ms': round(elapsed, 3)}


def hairpin(probe, timeout):
    """Up to three frames, a third of the time for each: a port that has just come up may still lose one."""
    token = os.urandom(8)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE)) as handle:
        try:
            handle.bind((probe['device'], ETHERTYPE))
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise NotBuilt(probe['device'])
            raise
        mac = handle.getsockname()[4]
        frame = mac + mac + struct.pack('!H', ETHERTYPE) + token.ljust(46, b'\0')
        for dummy in range(3):
            started = time.monotonic()
            handle.send(frame)
            while True:
                left = timeout / 3 - (time.monotonic() - started)
                if left <= 0:
                    break
                handle.settimeout(left)
                try:
                    data, address = handle.recvfrom(2048)
                except socket.timeout:
                    break
                if address[2] != PACKET_OUTGOING and data[14:22] == token:
                    return {'ok': True, 'detail': 'came back', 'rtt_ms': round((time.monotonic() - started) * 1000, 3)}
    return {'ok': False, 'detail': 'did not come back: is hairpin on at its bridge port?'}


KINDS = {'ping': ping, 'tcp_peer': tcp_peer, 'hairpin': hairpin}


def forget_paths(descriptor, families):
    """Drop the learned path MTUs of a namespace, as `ip route flush cache` does there."""
    enter(descriptor)
    try:
        if 4 in families:
            with open('/proc/sys/net/ipv4/route/flush', 'w', encoding='ascii') as handle:
                handle.write('-1')
        if 6 in families:
            # The file that the kernel has for it drops only what has grown old.
            subprocess.run(['ip', '-6', 'route', 'flush', 'cache'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        pass  # a container that may not: then what was learned counts


def measure(probe, descriptors, timeout, started):
    while True:
        result = measure_once(probe, descriptors, timeout)
        if result['ok'] is not False or time.monotonic() + AGAIN > started + probe['wait']:
            return result
        time.sleep(AGAIN)


def measure_once(probe, descriptors, timeout):
    result = {key: probe[key] for key in ('check', 'from', 'to', 'kind')}
    result.update(ok=None, detail=NOT_BUILT, rtt_ms=None)
    if descriptors[probe['netns']] is None or descriptors[probe['needs']] is None:
        return result
    try:
        enter(descriptors[probe['netns']])
        result.update(KINDS[probe['kind']](probe, timeout))
    except NotBuilt as error:
        result['detail'] = '%s (no %s)' % (NOT_BUILT, error)
    except OSError as error:
        result.update(ok=False, detail=error.strerror or str(error))
    return result


def fragments_made():
    """The node's counter of IPv4 fragments (FragCreates)."""
    with open('/proc/net/snmp') as stream:
        names, values = [line.split() for line in stream if line.startswith('Ip:')][:2]
    return int(values[names.index('FragCreates')])


def check_probe(module, index, probe):
    def wrong(field, expected):
        module.fail_json(msg='probes[%d].%s: %s: expected %s' % (index, field, probe[field], expected))

    for field in ('netns', 'needs'):
        if '/' in probe[field] or probe[field] in ('.', '..'):
            wrong(field, 'the name of a network namespace, as in `ip netns`, not a path')
    if probe['kind'] == 'hairpin':
        return
    try:
        socket.getaddrinfo(probe['address'] or '', None, flags=socket.AI_NUMERICHOST)
        if not probe['address']:
            wrong('address', 'the IP address of the destination')
    except OSError:
        wrong('address', 'the IP address of the destination')
    if probe['kind'] == 'tcp_peer':
        if not 0 < (probe['port'] or 0) < 65536:
            wrong('port', 'a TCP port from 1 to 65535')
        if not probe['peer']:
            wrong('peer', 'the address that the destination should see')
    if probe['size'] and not re.match(r'(mtu(\+\d+)?|\d+)$', probe['size']):
        wrong('size', 'a number of bytes, mtu or mtu+1')


def main():
    module = AnsibleModule(
        argument_spec={
            'probes': {
                'type': 'list',
                'elements': 'dict',
                'required': True,
                'options': {
                    'kind': {'type': 'str', 'choices': ['ping', 'tcp_peer', 'hairpin'], 'required': True},
                    'from': {'type': 'str', 'required': True},
                    'to': {'type': 'str', 'required': True},
                    'check': {'type': 'str', 'default': ''},
                    'netns': {'type': 'str', 'default': ''},
                    'needs': {'type': 'str', 'default': ''},
                    'address': {'type': 'str'},
                    'port': {'type': 'int'},
                    'peer': {'type': 'str'},
                    'device': {'type': 'str', 'default': 'eth0'},
                    'size': {'type': 'str'},
                    'expect': {'type': 'str', 'choices': ['reachable', 'unreachable', 'refused'], 'default': 'reachable'},
                    'wait': {'type': 'int', 'default': 0},
                },
            },
            'timeout': {'type': 'int', 'default': 3},
            'parallel': {'type': 'int', 'default': 16},
        },
        supports_check_mode=True,
    )
    probes, timeout, parallel = (module.params[name] for name in ('probes', 'timeout', 'parallel'))
    if timeout < 1:
        module.fail_json(msg='timeout: %d: expected at least 1 second' % timeout)
    if parallel < 1:
        module.fail_json(msg='parallel: %d: expected at least 1' % parallel)
    for index, probe in enumerate(probes):
        check_probe(module, index, probe)

    descriptors = {name: open_namespace(name) for name in {probe[key] for probe in probes for key in ('netns', 'needs')}}
    before = fragments_made()
    sized = {}
    for probe in probes:
        if probe['size'] and probe['netns'] and descriptors[probe['netns']] is not None:
            sized.setdefault(descriptors[probe['netns']], set()).add(6 if ':' in probe['address'] else 4)
    started = time.monotonic()
    # Threads, because a namespace belongs to a thread: each one enters what its probe asks for.
    with concurrent.futures.ThreadPoolExecutor(max_workers=parallel) as pool:
        list(pool.map(forget_paths, sized.keys(), sized.values()))
        results = list(pool.map(lambda probe: measure(probe, descriptors, timeout, started), probes))
    module.exit_json(changed=False, results=results, fragments=fragments_made() - before)


if __name__ == '__main__':
    main()
