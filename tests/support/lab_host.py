# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for testinfra that are nodes of a lab, or namespaces of its underlay, entered by scripts/lab-shell.

Going through Ansible would cost seconds a command; this costs some hundredths of one. The lab is that of CLUSTERNET_LAB_NAME.
"""

import contextlib
import json
import pathlib
import subprocess
import time

from testinfra.backend.local import LocalBackend
from testinfra.host import Host

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB_SHELL = str(ROOT / "scripts" / "lab-shell")


class _LabBackend(LocalBackend):
    """Runs each command by lab-shell."""

    NAME = "clusternet-lab"

    def __init__(self, *enter):
        super().__init__()
        self.enter = enter

    def run(self, command, *args, **kwargs):
        script = self.get_command(command, *args)
        return self.run_local(self.quote("%s " * (len(self.enter) + 1) + "-- sh -c %s", LAB_SHELL, *self.enter, script))


def _host(*enter):
    backend = _LabBackend(*enter)
    host = Host(backend)
    backend.set_host(host)
    return host


def node(name):
    """A node, as a host of testinfra."""
    return _host(name)


def underlay(name):
    """A namespace of the underlay (switch, router, outside), as a host of testinfra with the files of this machine."""
    return _host("--netns", name)


def run_json(host, command):
    return json.loads(host.check_output(command))


def in_pod(pod, command):
    return "ip netns exec %s %s" % (pod, command)


@contextlib.contextmanager
def capture(port, expression=""):
    """Lines of tcpdump at a port of the underlay switch, complete when the block has ended."""
    command = [LAB_SHELL, "--netns", "switch", "--", "tcpdump", "--immediate-mode", "-l", "-nn", "-t", "-i", port] + expression.split()
    dump = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    try:
        # "listening on ...": from here on nothing is missed.
        for line in dump.stderr:
            if line.startswith("listening"):
                break
        yield lines
        # What was sent last is still on its way to the reader.
        time.sleep(0.3)
    finally:
        dump.terminate()
        lines += [line for line in dump.communicate(timeout=10)[0].splitlines() if line]
