# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's processes are started, found again and ended.

Each gets a control group of its own: nodes that shared one would manage each other's units. The group also is what
finds the processes of a run that was killed before it could write anything down.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

GRACE = 20  # seconds that the kernel may need to end killed processes


class StartError(Exception):
    """A process of the lab could not be started or ended; the message says which."""


def launcher():
    """The way processes are started on this host: its PID 1 decides."""
    return Transient() if os.path.isdir('/run/systemd/system') else Direct()


def unit_name(lab, name):
    return 'clusternet-lab-%s-%s.service' % (lab, name)


class Direct(object):
    """Plain children that outlive the run, on a host without systemd."""

    def __init__(self):
        self.roots = _cgroup_roots()
        if not self.roots:
            raise StartError('neither cgroup2 nor a name=systemd hierarchy is mounted; systemd in a node needs one: '
                             'mount cgroup2 on /sys/fs/cgroup')

    def _groups(self, lab, name):
        return [os.path.join(root, 'clusternet-lab-' + lab, name) for root in self.roots]

    def start(self, lab, name, argv, env, log):
        groups = self._groups(lab, name)
        for group in groups:
            os.makedirs(group, exist_ok=True)

        def enter_groups():
            for group in groups:
                with open(os.path.join(group, 'cgroup.procs'), 'w', encoding='ascii') as handle:
                    handle.write('0')

        with open(log, 'wb') as output:
            # Its own session: the end of the run's terminal does not reach it.
            return subprocess.Popen(argv, env=env, cwd='/', stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    start_new_session=True, preexec_fn=enter_groups)

    def main_pid(self, lab, name, process):
        return process.pid

    def failed(self, lab, name, process):
        return process.poll() is not None

    def running(self, lab):
        """Names of whatever has a control group in this lab, living or dead."""
        found = set()
        for root in self.roots:
            base = os.path.join(root, 'clusternet-lab-' + lab)
            if os.path.isdir(base):
                found.update(entry.name for entry in os.scandir(base) if entry.is_dir())
        return found

    def stop(self, lab, name):
        groups = self._groups(lab, name)
        deadline = time.monotonic() + GRACE
        while True:
            pids = set(pid for group in groups for pid in _group_pids(group))
            if not pids:
                break
            for pid in pids:
                _kill(pid)
            if time.monotonic() > deadline:
                raise StartError('processes %s of %s in lab %s do not end' % (sorted(pids), name, lab))
            time.sleep(0.02)
        for group in groups:
            _remove_groups(group, deadline)

    def clear(self, lab):
        for root in self.roots:
            _remove_groups(os.path.join(root, 'clusternet-lab-' + lab), time.monotonic() + GRACE)


class Transient(object):
    """Transient units of the host's systemd, with their control group delegated."""

    def start(self, lab, name, argv, env, log):
        command = ['systemd-run', '--quiet', '--collect', '--unit', unit_name(lab, name), '--service-type=exec',
                   '--description', '%s of lab %s' % (name, lab),
                   '-p', 'Delegate=yes', '-p', 'KillMode=mixed', '-p', 'TasksMax=infinity',
                   '-p', 'StandardOutput=truncate:' + log, '-p', 'StandardError=append:' + log, '--', 'env', '-i']
        command += ['%s=%s' % item for item in sorted(env.items())] + list(argv)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, timeout=GRACE)
        if done.returncode:
            raise StartError('%s: %s' % (unit_name(lab, name), done.stdout.decode(errors='replace').strip()))

    def _show(self, lab, name, key):
        done = subprocess.run(['systemctl', 'show', '--value', '-p', key, unit_name(lab, name)],
                              stdout=subprocess.PIPE, check=False, timeout=GRACE)
        return done.stdout.decode().strip()

    def main_pid(self, lab, name, process):
        return int(self._show(lab, name, 'MainPID') or 0)

    def failed(self, lab, name, process):
        return self._show(lab, name, 'ActiveState') in ('inactive', 'failed')

    def running(self, lab):
        prefix = unit_name(lab, '')[:-len('.service')]
        done = subprocess.run(['systemctl', 'list-units', '--all', '--plain', '--no-legend', prefix + '*.service'],
                              stdout=subprocess.PIPE, check=False, timeout=GRACE)
        units = [line.split()[0] for line in done.stdout.decode().splitlines() if line.strip()]
        return set(unit[len(prefix):-len('.service')] for unit in units)

    def stop(self, lab, name):
        unit = unit_name(lab, name)
        for command in (['kill', '--signal=KILL', unit], ['stop', unit], ['reset-failed', unit]):
            # A unit that is gone already makes these fail, and that is what is wanted.
            subprocess.run(['systemctl'] + command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           check=False, timeout=GRACE)
        if self._show(lab, name, 'ActiveState') not in ('inactive', 'failed'):
            raise StartError('%s does not stop' % unit)

    def clear(self, lab):
        """Nothing: systemd removes the control groups of its units."""


def _cgroup_roots():
    """Mount points of the hierarchies that a node's systemd manages: cgroup2 and, in hybrid setups, name=systemd."""
    roots = []
    with open('/proc/self/mountinfo', encoding='utf-8', errors='surrogateescape') as handle:
        for line in handle:
            left, right = line.rstrip('\n').split(' - ', 1)
            kind, dummy, options = right.split(' ', 2)
            if kind == 'cgroup2' or (kind == 'cgroup' and 'name=systemd' in options.split(',')):
                roots.append(left.split()[4])
    return roots


def _group_pids(group):
    """Processes in the group and below it. Those of other PID namespaces read as 0 and cannot be ours."""
    for folder, dummy, files in os.walk(group):
        try:
            with open(os.path.join(folder, 'cgroup.procs'), encoding='ascii') as handle:
                pids = [int(line) for line in handle]
        except OSError:
            continue  # removed meanwhile
        for pid in pids:
            if pid:
                yield pid


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _remove_groups(group, deadline):
    """Remove a tree of empty control groups; the kernel may count a process for a moment after its end."""
    while os.path.isdir(group):
        for folder, dummy, files in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
        if time.monotonic() > deadline:
            raise StartError('control group %s cannot be removed' % group)
        if os.path.isdir(group):
            time.sleep(0.02)
