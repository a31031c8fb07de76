# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab keeps its state, and how one of its nodes is found and entered.

Standard library only: the connection plugin, the module and ``scripts/lab-shell`` share it.
"""

from __future__ import annotations

import json
import os
import re

STATE_DIR = '/run/clusternet-lab'
NETNS_DIR = '/run/netns'
NAME_PATTERN = re.compile(r'^[a-z][a-z0-9-]{0,23}\Z')
NAME_EXPECTED = 'expected a lower-case letter, then at most 23 of a-z, 0-9 and "-"'

# What a command in a node starts with: the caller's PATH and variables belong to another machine.
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME': '/root',
    'USER': 'root',
    'LOGNAME': 'root',
    'SHELL': '/bin/bash',
    'LANG': 'C.UTF-8',
}


class NotRunning(Exception):
    """The node has no leader process; the message says why and what to do."""


def lab_dir(lab):
    return os.path.join(STATE_DIR, lab)


def record_path(lab, name):
    return os.path.join(STATE_DIR, lab, name + '.json')


def netns_path(lab, name):
    return os.path.join(NETNS_DIR, '%s-%s' % (lab, name))


def boot_id():
    with open('/proc/sys/kernel/random/boot_id', encoding='ascii') as handle:
        return handle.read().strip()


def start_time(pid):
    """Clock ticks from boot to the start of the process; None when there is none, or only a zombie."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii', errors='replace') as handle:
            text = handle.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    fields = text[text.rindex(')') + 2:].split()
    return None if fields[0] in 'ZX' else int(fields[19])


def write_record(lab, name, pid, **more):
    """Remember a running process. Raises NotRunning when it is gone already."""
    started = start_time(pid)
    if started is None:
        raise NotRunning('process %d of %s ended' % (pid, name))
    path = record_path(lab, name)
    with open(path + '.new', 'w', encoding='utf-8') as handle:
        json.dump(dict(more, pid=pid, start=started, boot_id=boot_id()), handle)
    os.replace(path + '.new', path)


def read_record(lab, name):
    """The record of a process that still runs, else None.

    A pid alone proves nothing: start time and boot tell a recycled one.
    """
    try:
        with open(record_path(lab, name), encoding='utf-8') as handle:
            record = json.load(handle)
        if record['boot_id'] == boot_id() and start_time(record['pid']) == record['start']:
            # A process that is ending loses its namespaces first: it is no longer one to enter.
            os.readlink('/proc/%d/ns/net' % record['pid'])
            return record
    except (FileNotFoundError, ProcessLookupError, ValueError, KeyError, TypeError):
        pass
    return None


def leader(lab, node):
    """The pid of the node's PID 1 as the host sees it. Raises NotRunning."""
    record = read_record(lab, node)
    if record is None:
        known = os.path.exists(record_path(lab, node))
        raise NotRunning('node "%s" of lab "%s" %s (%s): run playbooks/lab_up.yml' % (
            node, lab, 'is down' if known else 'does not exist', record_path(lab, node)))
    return record['pid']


def enter(pid, argv):
    """The command line that runs argv in all namespaces of the process."""
    return ['nsenter', '--target', str(pid), '--all', '--'] + list(argv)
