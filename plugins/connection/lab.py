# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
name: lab
short_description: Enter a node of the lab
version_added: 0.1.0
description:
  - Runs commands in the namespaces of a node that role P(clusternet.fabric.lab#role) booted on this machine.
  - Works whatever the run does to the node's network.
  - A node that is not up is unreachable.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  lab:
    description: Name of the lab that the node belongs to.
    type: str
    default: lab
    env:
      - name: CLUSTERNET_LAB_NAME
    vars:
      - name: clusternet_lab_name
  node:
    description: Name of the node in its lab.
    type: str
    vars:
      - name: inventory_hostname
      # Delegated tasks keep the first host's inventory_hostname; this one is the delegate's own.
      - name: clusternet_lab_node
  pipelining:
    description: Feed modules to the node's Python instead of writing them to files first.
    type: bool
    default: true
    env:
      - name: ANSIBLE_PIPELINING
    vars:
      - name: ansible_pipelining
notes:
  - Needs root on the controller, and util-linux's C(nsenter).
'''

import os
import subprocess

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.clusternet.fabric.plugins.module_utils import _lab

display = Display()


class Connection(ConnectionBase):
    """Commands and files in a node, by nsenter."""

    transport = 'clusternet.fabric.lab'
    has_pipelining = True

    def _leader(self):
        try:
            return _lab.leader(self.get_option('lab'), self.get_option('node'))
        except _lab.NotRunning as exc:
            raise AnsibleConnectionFailure(to_native(exc)) from exc

    def _connect(self):
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure('the lab connection enters namespaces: run as root')
        self._leader()
        self._connected = True
        return self

    def _run(self, argv, data=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE):
        # Looked up each time: a task may have waited while the node was restarted.
        command = _lab.enter(self._leader(), argv)
        with subprocess.Popen([to_bytes(part) for part in command], env=_lab.ENVIRONMENT, cwd='/',
                              stdin=subprocess.PIPE if data is not None else stdin,
                              stdout=stdout, stderr=subprocess.PIPE) as process:
            out, err = process.communicate(data)
        if process.returncode != 0:
            self._leader()  # a node that died under the command is unreachable, not a failed task
        return process.returncode, out, err

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        display.vvv('EXEC %s' % to_native(cmd), host=self.get_option('node'))
        return self._run(['/bin/sh', '-c', cmd], data=in_data)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        display.vvv('PUT %s TO %s' % (in_path, out_path), host=self.get_option('node'))
        try:
            source = open(to_bytes(in_path), 'rb')
        except FileNotFoundError as exc:
            raise AnsibleFileNotFound('no file "%s" to copy' % to_native(in_path)) from exc
        with source:
            code, dummy, err = self._run(['/bin/sh', '-c', 'exec cat > "$1"', 'sh', out_path], stdin=source)
        if code:
            raise AnsibleError('copying to %s failed: %s' % (out_path, to_native(err).strip()))

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        display.vvv('FETCH %s TO %s' % (in_path, out_path), host=self.get_option('node'))
        with open(to_bytes(out_path), 'wb') as target:
            code, dummy, err = self._run(['cat', '--', in_path], stdout=target)
        if code:
            raise AnsibleError('fetching %s failed: %s' % (in_path, to_native(err).strip()))

    def close(self):
        self._connected = False
