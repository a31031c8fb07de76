# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of a test's own: its playbooks, its nodes, and what a person could still find of it afterwards."""

import glob
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.executable).parent


def environment(**more):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CLUSTERNET_", "ANSIBLE_"))}
    return dict(clean, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_STDOUT_CALLBACK="ansible.builtin.json",
                ANSIBLE_LOAD_CALLBACK_PLUGINS="1", ANSIBLE_NOCOLOR="1", **more)


def python(program, *words):
    """The command by which a program of this folder runs on a node. It goes along as text: a node has a /tmp of its own, and the checkout may be in ours."""
    return ["/usr/bin/python3", "-c", (ROOT / "tests" / "support" / program).read_text(encoding="utf-8"), *words]


def answer(command, host, **more):
    """What a module that `ansible` runs on one host says, whether it failed or not."""
    done = subprocess.run(command, env=environment(**more), cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    try:
        return json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"][host]
    except (ValueError, LookupError):
        raise AssertionError(done.stdout + done.stderr) from None


def read(path):
    with open(path, "rb") as handle:
        return handle.read()


class Lab:
    """A lab's name and what can be done with it."""

    def __init__(self, name):
        self.name = name
        self.segments = 2
        self.folder = pathlib.Path("/run/clusternet-lab") / name

    def make_namespaces(self, count):
        for index in range(1, count + 1):
            subprocess.run(["ip", "netns", "add", "%s-node%d" % (self.name, index)], check=True)

    def command(self, *options, **arguments):
        return [str(BIN / "ansible"), "localhost", "-c", "local", "-e", "ansible_python_interpreter=" + sys.executable,
                "-m", "clusternet.fabric.lab", "-a", json.dumps(dict(arguments, name=self.name)), *options]

    def module(self, *options, **arguments):
        return answer(self.command(*options, **arguments), "localhost")

    def begin(self, **arguments):
        """A run that can be killed: the leader of its own process group."""
        return subprocess.Popen(self.command(**arguments), env=environment(), cwd=ROOT, start_new_session=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def playbook_command(self, name, *options, nodes=3):
        """The parameters of subprocess.run or Popen for a playbook's run."""
        return {
            "args": [str(BIN / "ansible-playbook"), "-i", "inventory/lab", str(name), *options], "cwd": ROOT,
            "env": environment(CLUSTERNET_LAB_NAME=self.name, CLUSTERNET_LAB_NODES=str(nodes), CLUSTERNET_LAB_SEGMENTS=str(self.segments)),
        }

    def playbook(self, name, *options, nodes=3):
        """The JSON callback's account of a run, whether it failed or not, and Ansible's exit code."""
        done = subprocess.run(**self.playbook_command(name, *options, nodes=nodes), capture_output=True, text=True, timeout=300, check=False)
        try:
            # With -v a line about the configuration comes first.
            return dict(json.loads(done.stdout[done.stdout.index("{"):]), returncode=done.returncode)
        except ValueError:
            raise AssertionError(done.stdout + done.stderr) from None

    def shell(self, *arguments, **options):
        return subprocess.run([str(ROOT / "scripts" / "lab-shell"), "--lab", self.name, *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False, **options)

    def snapshot(self, name, *options):
        """The independent snapshot of a node, parsed; with `--kernel` in a third of the time."""
        return json.loads(subprocess.run(
            [str(ROOT / "scripts" / "lab-shell"), "--lab", self.name, name, "--", *python("snapshot.py", *options)],
            text=True, stdout=subprocess.PIPE, timeout=120, check=True).stdout)

    def pid(self, name):
        with open(self.folder / (name + ".json"), encoding="utf-8") as handle:
            return json.load(handle)["pid"]

    def stop(self, name):
        """Switch a node off as a power cut does."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        for dummy in range(100):
            try:
                if b"\nState:\tZ" in read("/proc/%d/status" % pid):
                    return
            except OSError:
                return
            time.sleep(0.05)
        raise AssertionError("%s did not go" % name)

    def traces(self):
        """Whatever of this lab a person could still find on the machine."""
        found = [str(path) for path in [self.folder] if path.exists()]
        found += glob.glob("/run/systemd/nspawn/*/%s-*" % self.name)
        found += glob.glob("/sys/fs/cgroup/**/clusternet-lab-%s*" % self.name, recursive=True)
        found += glob.glob("/run/netns/%s-*" % self.name)
        with open("/proc/self/mountinfo", encoding="utf-8") as handle:
            found += [line for line in handle if "/%s/" % self.name in line or "/%s-" % self.name in line]
        for path in glob.glob("/proc/[0-9]*/cgroup"):
            try:
                group, words = read(path), read(os.path.join(os.path.dirname(path), "cmdline"))
            except OSError:
                continue
            if not words:
                continue  # a zombie: dead, and the host's init in no hurry to collect it
            name = self.name.encode()
            if b"clusternet-lab-%s" % name in group or b"/run/clusternet-lab/%s/" % name in words:
                found.append("%s %r" % (path, words))
        return found

    def remove(self):
        self.module(state="absent")
        for path in glob.glob("/run/netns/%s-*" % self.name):
            subprocess.run(["ip", "netns", "delete", os.path.basename(path)], check=True)
