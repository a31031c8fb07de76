# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of a lab on this host: which of its processes run, and what is shared with other labs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.clusternet.fabric.plugins.module_utils import _lab, _lab_launch, _lab_node

INOTIFY = '/proc/sys/fs/inotify/max_user_instances'
INOTIFY_FOUND = os.path.join(_lab.STATE_DIR, '.inotify')
INOTIFY_PER_NODE = 5  # PID 1 takes four
INOTIFY_HOST = 32  # what the host's own root processes may need
BRIDGE_FILTER = '/proc/sys/net/bridge'
BRIDGE_FILTER_LOADED = os.path.join(_lab.STATE_DIR, '.br_netfilter')
BRIDGE_FILTER_SWITCHES = ('bridge-nf-call-arptables', 'bridge-nf-call-ip6tables', 'bridge-nf-call-iptables')


@contextlib.contextmanager
def locked(path, timeout=120):
    """Hold the lock of a directory, made when absent, that its holder may remove.

    Raises StartError after timeout seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        os.makedirs(path, mode=0o755, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.stat(path).st_ino == os.fstat(handle).st_ino:
                    break
            except BlockingIOError:
                pass
            os.close(handle)
        if time.monotonic() > deadline:
            raise _lab_launch.StartError('another run has held the lab\'s lock (%s) for %d s' % (path, timeout))
        time.sleep(0.1)
    try:
        yield
    finally:
        os.close(handle)


class Lab(object):
    """What of a lab is there, and how it is brought to what is wanted."""

    def __init__(self, name):
        self.name = name
        self.folder = _lab.lab_dir(name)
        self.starter = _lab_launch.launcher()

    def present(self):
        """Names of everything that has left any trace: a process, a mount, a directory, a record."""
        found = set(self.starter.running(self.name))
        fs = os.path.join(self.folder, 'fs')
        for folder, ending in ((self.folder, '.json'), (fs, '')):
            if os.path.isdir(folder):
                found.update(entry[:len(entry) - len(ending)] for entry in os.listdir(folder) if entry.endswith(ending))
        found.update(point[len(fs) + 1:].split('/')[0] for point in _lab_node.mounts_below(fs) if point != fs)
        return found

    def plan(self, nodes, processes):
        """What to stop, boot and start. nodes: names; processes: dicts of name, netns, command."""
        wanted = dict((item['name'], item) for item in processes)
        good = set(node for node in nodes if _lab_node.is_up(self.name, node))
        for name, item in wanted.items():
            record = _lab.read_record(self.name, name)
            if record and record.get('command') == item['command'] and _lab_node.is_up(self.name, name, item['netns']):
                good.add(name)
        return {
            'stop': sorted(self.present() - good),
            'boot': [node for node in nodes if node not in good],
            'start': [item for item in processes if item['name'] not in good],
        }

    def stop(self, names):
        with ThreadPoolExecutor(max_workers=8) as pool:
            for dummy in pool.map(lambda name: _lab_node.stop(self.starter, self.name, name), names):
                pass

    def start_process(self, item):
        """Start a plain process in a namespace of the lab's."""
        path = _lab.netns_path(self.name, item['netns'])
        if not os.path.exists(path):
            raise _lab_launch.StartError('namespace %s of process %s does not exist' % (path, item['name']))
        log = os.path.join(self.folder, item['name'] + '.log')
        argv = ['nsenter', '--net=' + path, '--'] + item['command']
        process = self.starter.start(self.name, item['name'], argv, _lab.ENVIRONMENT, log)
        time.sleep(0.2)  # what cannot start (a port in use, no such program) ends at once
        if self.starter.failed(self.name, item['name'], process):
            with open(log, encoding='utf-8', errors='replace') as handle:
                said = handle.read().strip()
            _lab_node.stop(self.starter, self.name, item['name'])
            raise _lab_launch.StartError('process %s ended at once: %s' % (item['name'], said))
        _lab.write_record(self.name, item['name'], self.starter.main_pid(self.name, item['name'], process),
                          kind='process', command=item['command'])

    def clear(self):
        """The last step down: nothing of the lab remains."""
        _lab_node.unmount(os.path.join(self.folder, 'fs'))
        self.starter.clear(self.name)
        shutil.rmtree(self.folder)


def labs():
    """Labs with any state on this host."""
    if not os.path.isdir(_lab.STATE_DIR):
        return []
    return sorted(entry.name for entry in os.scandir(_lab.STATE_DIR) if entry.is_dir())


def settle_inotify(lab=None, nodes=0):
    """Lend root as many inotify instances as all labs need and give back the rest.

    nodes: how many this lab will have.
    """
    with locked(_lab.STATE_DIR):
        total = nodes
        for other in labs():
            if other != lab:
                total += sum(1 for entry in os.listdir(_lab.lab_dir(other)) if entry.endswith('.json'))
        current, lent = _read_number(INOTIFY), os.path.exists(INOTIFY_FOUND)
        found = wanted = _read_number(INOTIFY_FOUND) if lent else current
        if total * INOTIFY_PER_NODE + INOTIFY_HOST > found:
            wanted = found + 2 * total * INOTIFY_PER_NODE
            _write_number(INOTIFY_FOUND, found)
        if wanted != current:
            _write_number(INOTIFY, wanted)
        if wanted == found and lent:
            os.unlink(INOTIFY_FOUND)


def lend_bridge_filter():
    """Load br_netfilter for the nodes, switched off in the host's own network namespace.

    A node that loaded it would have the host's rules filter what the host's own bridges forward. Where the kernel has no such
    module, the preparation of a node says so.
    """
    with locked(_lab.STATE_DIR):
        if os.path.isdir(BRIDGE_FILTER) or not shutil.which('modprobe'):
            return
        if subprocess.run(['modprobe', '--quiet', 'br_netfilter'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0:
            _write_number(BRIDGE_FILTER_LOADED, 1)
            for name in BRIDGE_FILTER_SWITCHES:
                _write_number(os.path.join(BRIDGE_FILTER, name), 0)


def _give_back_bridge_filter():
    if not os.path.exists(BRIDGE_FILTER_LOADED):
        return
    os.unlink(BRIDGE_FILTER_LOADED)
    with contextlib.suppress(OSError):  # it is gone already
        if not any(_read_number(os.path.join(BRIDGE_FILTER, name)) for name in BRIDGE_FILTER_SWITCHES):
            # Nobody else has come to use it. Where something holds it nonetheless, it stays and does nothing.
            subprocess.run(['rmmod', 'br_netfilter'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def leave_host():
    """After a lab is gone: give back what it needed, and with the last one the folders."""
    settle_inotify()
    with locked(_lab.STATE_DIR):
        if labs():
            return
        _give_back_bridge_filter()
        with contextlib.suppress(OSError):  # not empty: another lab just begins
            os.rmdir(_lab.STATE_DIR)
        for path in ('propagate', 'unix-export', ''):
            with contextlib.suppress(OSError):  # not empty: other containers' on this host
                os.rmdir(os.path.join(_lab_node.NSPAWN_DIR, path))
        with contextlib.suppress(OSError):  # in use: somebody else's namespaces
            # The folder and its mount on itself come with the first namespace; what needs them makes them again.
            _lab_node.remove_mounted_folder(_lab.NETNS_DIR)


def _read_number(path):
    with open(path, encoding='ascii') as handle:
        return int(handle.read())


def _write_number(path, value):
    with open(path, 'w', encoding='ascii') as handle:
        handle.write('%d\n' % value)
