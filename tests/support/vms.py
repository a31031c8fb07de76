# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machines of a test: its playbooks, commands over SSH, and the power switch.

For what `lab.Lab` is to the lab's nodes; the functions of `runs` take either.
"""

import contextlib
import json
import os
import pathlib
import shlex
import subprocess
import tempfile
import time

from lab import BIN, ROOT, Lab, environment
from testinfra import get_host

FOLDER = ROOT / ".ansible" / "vms"


class Vms:
    """A set of machines that is up. `close` ends what this object has open, not the machines."""

    def __init__(self, name, folder=FOLDER):
        self.name, self.folder = name, pathlib.Path(folder)
        self.config = self.folder / (name + ".ssh_config")
        # Processes and records are those of a lab of this name.
        self.lab = Lab(name)
        self._sockets = tempfile.TemporaryDirectory(prefix="vms-")

    def close(self):
        for path in pathlib.Path(self._sockets.name).iterdir():
            subprocess.run(["ssh", "-o", "ControlPath=%s" % path, "-O", "exit", "x"], capture_output=True, check=False)
        self._sockets.cleanup()

    def environment(self, **more):
        return environment(CLUSTERNET_VMS_NAME=self.name, CLUSTERNET_VMS_FOLDER=str(self.folder), **more)

    def playbook_command(self, name, *options):
        """The parameters of subprocess.run or Popen for a playbook's run."""
        return {"args": [str(BIN / "ansible-playbook"), "-i", "inventory/vms", str(name), *[_option(option) for option in options]], "cwd": ROOT,
                # ssh leaves what it inherits in a state that Ansible refuses.
                "env": self.environment(), "stdin": subprocess.DEVNULL}

    def playbook(self, name, *options):
        """The JSON callback's account of a run, whether it failed or not, and Ansible's exit code."""
        done = subprocess.run(**self.playbook_command(name, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=600, check=False)
        return account(done.stdout, done.returncode, done.stderr)

    def begin(self, name, *options, log):
        """A run that goes on while something else is done."""
        with open(log, "w", encoding="utf-8") as output:
            return subprocess.Popen(**self.playbook_command(name, *options), stdout=output, stderr=subprocess.DEVNULL)

    def command(self, node, *words, anew=False):
        """What runs a command as root on a machine; by a connection of its own, or by one that stays open."""
        keep = ["ControlMaster=auto", "ControlPersist=120", "ControlPath=%s/%s" % (self._sockets.name, node)]
        keep = ["ControlPath=none"] if anew else keep
        command = ["ssh", "-F", str(self.config), "-o", "ConnectTimeout=10"] + [word for option in keep for word in ("-o", option)]
        return command + ["%s-%s" % (self.name, node), "sudo", "--"] + [shlex.quote(word) for word in words]

    def ssh(self, node, *words, anew=False, timeout=600, **options):
        return subprocess.run(self.command(node, *words, anew=anew), text=True, timeout=timeout, check=False,
                              **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options})

    def shell(self, node, dashes, *words, **options):
        """As Lab.shell."""
        assert dashes == "--"
        return self.ssh(node, *words, **options)

    def host(self, node):
        """The machine as a host of testinfra."""
        return get_host("ssh://%s-%s?sudo=true&controlpersist=120" % (self.name, node), ssh_config=str(self.config))

    def snapshot(self, node, *options):
        """The independent snapshot of a machine, parsed. The script comes by standard input and leaves no file."""
        with open(ROOT / "tests" / "support" / "snapshot.py", encoding="utf-8") as script:
            done = self.ssh(node, "python3", "-", *(("take",) + options), stdin=script, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def answers(self, node, seconds=15):
        """Whether a new connection comes through."""
        try:
            return self.ssh(node, "true", anew=True, timeout=seconds).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def wait(self, node, seconds=180):
        """Wait until it answers; returns how many seconds that took."""
        started = time.monotonic()
        while not self.answers(node):
            assert time.monotonic() < started + seconds, (self.folder / "machines" / self.name / node / "console.log").read_text()
            time.sleep(0.2)
        return time.monotonic() - started

    def cut(self, node):
        """The power goes: kill -9 of QEMU."""
        self._forget(node)
        self.lab.stop(node)

    def start(self, *nodes):
        """The power comes back. Returns the seconds until each of them answers by SSH, one after the other."""
        started = time.monotonic()
        processes = []
        for path in sorted(self.lab.folder.glob("*.json")):
            record = json.loads(path.read_text())
            processes.append({"name": path.stem, "netns": "outside" if path.stem == "outside" else "switch", "command": record["command"]})
        done = self.lab.module(processes=processes)
        assert not done.get("failed"), done
        for node in nodes:
            self.wait(node)
        return time.monotonic() - started

    def _forget(self, node):
        """A connection that stays open would wait for a machine that is gone."""
        path = pathlib.Path(self._sockets.name) / node
        if path.exists():
            subprocess.run(["ssh", "-o", "ControlPath=%s" % path, "-O", "exit", "x"], capture_output=True, check=False)


def account(output, returncode, errors=""):
    """What the JSON callback says of a run."""
    try:
        return dict(json.loads(output[output.index("{"):]), returncode=returncode)
    except ValueError:
        raise AssertionError(output + errors) from None


def _option(option):
    return option if isinstance(option, str) else json.dumps(option)


@contextlib.contextmanager
def named():
    """The machines that a scenario has up: those of CLUSTERNET_VMS_NAME."""
    vms = Vms(os.environ["CLUSTERNET_VMS_NAME"])
    try:
        yield vms
    finally:
        vms.close()


@contextlib.contextmanager
def up(*options, suffix=""):
    """Machines of a test's own, which go afterwards."""
    vms = Vms("t%d%s" % (os.getpid(), suffix))
    try:
        started = vms.playbook("playbooks/vm_up.yml", *options)
        assert started["returncode"] == 0, started
        yield vms
    finally:
        vms.close()
        vms.playbook("playbooks/vm_down.yml", *options)
