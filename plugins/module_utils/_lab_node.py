# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab node: the host's root file system under an overlay, booted by systemd-nspawn."""

from __future__ import annotations

import ctypes
import os
import selectors
import shutil
import socket
import time
import uuid

from ansible_collections.clusternet.fabric.plugins.module_utils import _lab

MNT_DETACH = 2
NSPAWN_DIR = '/run/systemd/nspawn'

NSPAWN_ENVIRONMENT = {
    'PATH': _lab.ENVIRONMENT['PATH'],
    # /proc/sys/net writable and /sys of the node's own network: nspawn does both by itself only for --private-network.
    'SYSTEMD_NSPAWN_API_VFS_WRITABLE': 'network',
    # The lab has its own lock; nspawn's would stay as a file.
    'SYSTEMD_NSPAWN_LOCK': '0',
}


def root_dir(lab, node):
    return os.path.join(_lab.lab_dir(lab), 'fs', node)


def separate_mounts():
    """Parts of the host's root file system that an overlay of / would show empty."""
    return [path for path in ('/etc', '/usr', '/var') if path in mounts_below(path)]


def is_up(lab, name, netns=None):
    """Runs, and in the namespace that carries its name (or the name given) now."""
    record = _lab.read_record(lab, name)
    if record is None:
        return False
    try:
        mine = os.stat('/proc/%d/ns/net' % record['pid'])
        named = os.stat(_lab.netns_path(lab, netns or name))
    except OSError:
        return False
    return (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino)


def mounts_below(path):
    """Mount points at and under a path, innermost first."""
    found = []
    with open('/proc/self/mountinfo', encoding='utf-8', errors='surrogateescape') as handle:
        for line in handle:
            point = line.split()[4]
            if point == path or point.startswith(path + '/'):
                found.append(point)
    return found[::-1]


def mount(kind, target, options):
    """mount(2) itself: mount(8) would leave files under /run/mount."""
    _libc('mount', kind.encode(), target.encode(), kind.encode(), 0, options.encode())


def unmount(path):
    for point in mounts_below(path):
        # Lazily: a shell that stands in there must not keep the lab from going.
        _libc('umount2', point.encode(), MNT_DETACH)


def remove_mounted_folder(path):
    """Remove an empty folder that is a mount point. Raises OSError where anything uses it."""
    points = mounts_below(path)  # os.path.ismount() does not see that a folder is mounted on itself
    if points and not os.listdir(path):
        for point in points:
            _libc('umount2', point.encode(), 0)
        os.rmdir(path)


def _libc(function, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(arguments))


def prepare_root(lab, node):
    """Mount the node's root and make it a machine of its own. Returns its path."""
    base = os.path.join(_lab.lab_dir(lab), 'fs')
    if not os.path.ismount(base):
        os.makedirs(base, exist_ok=True)
        mount('tmpfs', base, 'mode=700')
    upper, work, root = (os.path.join(base, node, part) for part in ('upper', 'work', 'root'))
    for path in (upper, work, root):
        os.makedirs(path)
    os.chmod(upper, 0o755)
    mount('overlay', root, 'lowerdir=/,upperdir=%s,workdir=%s' % (upper, work))
    etc = os.path.join(root, 'etc')
    # A machine id that is written down makes this no first boot, which would enable every unit that has a preset.
    machine_id = uuid.uuid5(uuid.NAMESPACE_DNS, '%s.%s.clusternet-lab' % (node, lab)).hex
    _write(etc, 'machine-id', machine_id + '\n')
    dbus = os.path.join(root, 'var', 'lib', 'dbus')
    if os.path.isfile(os.path.join(dbus, 'machine-id')):
        _write(dbus, 'machine-id', machine_id + '\n')
    _write(etc, 'hostname', node + '\n')
    _write(etc, 'hosts', '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' % node)
    _write(etc, 'fstab', '')
    _forget_enabled_units(os.path.join(etc, 'systemd', 'system'))
    return root


def _write(folder, name, text):
    path = os.path.join(folder, name)
    if os.path.lexists(path):
        os.unlink(path)  # also where the host's is a symbolic link: the target is the host's
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write(text)


def _forget_enabled_units(folder):
    """What the host has enabled is not the node's: timers, sockets and daemons are there, and off until asked for."""
    if os.path.isdir(folder):
        for entry in sorted(os.listdir(folder)):
            path = os.path.join(folder, entry)
            if entry.endswith(('.wants', '.requires')) and os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)


class Boot(object):
    """One node on its way up."""

    def __init__(self, starter, lab, node):
        self.starter, self.lab, self.node = starter, lab, node
        self.leader = None
        self.began = time.monotonic()
        self.log = os.path.join(_lab.lab_dir(lab), node + '.log')
        self.notify = os.path.join(_lab.lab_dir(lab), node + '.notify')
        root = prepare_root(lab, node)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self.socket.bind(self.notify)
        argv = ['systemd-nspawn', '--quiet', '--boot', '--directory', root,
                '--machine', '%s-%s' % (lab, node), '--hostname', node,
                '--network-namespace-path', _lab.netns_path(lab, node), '--register=no', '--keep-unit', '--notify-ready=yes', '--capability=all',
                '--link-journal=no', '--resolv-conf=off', '--timezone=off', '--', 'systemd.unit=basic.target']
        self.process = starter.start(lab, node, argv, dict(NSPAWN_ENVIRONMENT, NOTIFY_SOCKET=self.notify), self.log)

    def ready(self):
        """Read what the node reported; true once its boot is done."""
        done = False
        while True:
            try:
                message = self.socket.recv(4096)
            except BlockingIOError:
                break
            for line in message.decode(errors='replace').splitlines():
                key, dummy, value = line.partition('=')
                if key == 'X_NSPAWN_LEADER_PID':
                    self.leader = int(value)
                elif key == 'READY' and value == '1':
                    done = True
        if done:
            try:
                _lab.write_record(self.lab, self.node, self.leader, kind='node')
            except _lab.NotRunning:
                return False  # died at once: failed() will say so
        return done

    def failed(self):
        return self.starter.failed(self.lab, self.node, self.process)

    def tail(self):
        """The last lines of the console."""
        try:
            with open(self.log, encoding='utf-8', errors='replace') as handle:
                return [line.strip() for line in handle if line.strip()][-15:]
        except OSError:
            return []

    def close(self):
        self.socket.close()
        if os.path.exists(self.notify):
            os.unlink(self.notify)


def boot(starter, lab, nodes, timeout, at_once):
    """Boot nodes, a few at a time. Returns {node: console lines} of those that failed, which are cleared again.

    timeout is in seconds, for each node from its start.
    """
    waiting, booting, failures = list(nodes), [], {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or booting:
                while waiting and len(booting) < at_once:
                    one = Boot(starter, lab, waiting.pop(0))
                    booting.append(one)
                    selector.register(one.socket, selectors.EVENT_READ)
                selector.select(timeout=0.5)
                for one in list(booting):
                    if one.ready():
                        outcome = None
                    elif one.failed():
                        outcome = ['ended before it was up:'] + one.tail()
                    elif time.monotonic() - one.began > timeout:
                        outcome = ['not up after %d s:' % timeout] + one.tail()
                    else:
                        continue
                    selector.unregister(one.socket)
                    one.close()
                    booting.remove(one)
                    if outcome is not None:
                        failures[one.node] = outcome
        finally:
            for one in booting:
                one.close()
    for node in failures:
        stop(starter, lab, node)
    return failures


def stop(starter, lab, name):
    """End a node or process, and all that it left."""
    starter.stop(lab, name)
    unmount(root_dir(lab, name))
    shutil.rmtree(root_dir(lab, name), ignore_errors=True)
    for ending in ('.json', '.json.new', '.log', '.notify'):
        path = os.path.join(_lab.lab_dir(lab), name + ending)
        if os.path.lexists(path):
            os.unlink(path)
    # nspawn was killed with its node and could not do this itself.
    for folder in ('propagate', 'unix-export'):
        unmount(os.path.join(NSPAWN_DIR, folder, '%s-%s' % (lab, name)))
        shutil.rmtree(os.path.join(NSPAWN_DIR, folder, '%s-%s' % (lab, name)), ignore_errors=True)
