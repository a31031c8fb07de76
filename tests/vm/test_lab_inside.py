# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab on a plain Debian machine, whose PID 1 is systemd and whose control groups are cgroup2: `make site` and the way back.

A virtual machine from the image of the others, so that it can be any machine: it has the packages of a bare system, and what it installs
comes from the repository in its image and from wheels that are made here.
"""

import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest
from lab import ROOT
from runs import on, same
from vms import FOLDER, up

MACHINE = {"vms_addresses": {"node1": "198.18.0.11"}, "vms_memory": 2048}
THERE = "/root/fabric"
NODES = ("node1", "node2", "node3")
PIP = "[global]\nno-index = true\nfind-links = /var/local/wheels\nno-compile = true\n"
UNITS = "systemctl list-units --all --plain --no-legend 'clusternet-lab-*' | cut -d ' ' -f 1"
# Wherever a lab may leave something of itself, beside what a snapshot looks at.
TRACES = """
%s
ls -d /run/clusternet-lab /run/netns /run/systemd/nspawn /run/systemd/transient/clusternet-lab-* 2>/dev/null || true
find /sys/fs/cgroup -name 'clusternet-lab-*'
grep -e clusternet-lab -e /run/netns /proc/self/mountinfo || true
pgrep -a systemd-nspawn || true
cat /proc/sys/fs/inotify/max_user_instances
""" % UNITS


class Machine:
    """The machine that has the checkout."""

    def __init__(self, vms):
        self.vms = vms

    def does(self, script):
        return on(self.vms, "node1", script)

    def takes(self, folder, names, place):
        """Files from here, named relative to a folder."""
        with subprocess.Popen(["tar", "--create", "--exclude=__pycache__", "--directory", str(folder), "--null", "--files-from=-"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tar:
            tar.stdin.write(b"\0".join(str(name).encode() for name in names))
            tar.stdin.close()
            done = self.vms.ssh("node1", "sh", "-ec", "mkdir -p %s; tar --extract --no-same-owner --directory %s" % (place, place), stdin=tar.stdout)
        assert done.returncode == tar.returncode == 0, done.stdout

    def make(self, *words, limit=1800):
        """What a target prints; it has to end well."""
        started = time.monotonic()
        done = self.vms.ssh("node1", "make", "-C", THERE, *words, timeout=limit)
        print("make %s: %.0f s" % (" ".join(words), time.monotonic() - started))
        assert done.returncode == 0, done.stdout
        return done.stdout


def wheels():
    """A folder with all that runs the playbooks, for the machine's Python; made once for each state of the requirements."""
    requirements, constraints = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
    folder = FOLDER / "wheels" / hashlib.sha256(requirements.read_bytes() + constraints.read_bytes()).hexdigest()[:16]
    if not folder.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        work = folder.with_suffix(".new")
        platforms = ["--platform=%s_x86_64" % name for name in ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")]
        options = ["--quiet", "--quiet", "--dest", str(work), "--requirement", str(requirements), "--constraint", str(constraints),
                   "--only-binary=:all:", "--implementation=cp", "--python-version=3.11"]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, *platforms], check=True, timeout=900)
        work.rename(folder)
    return folder


@pytest.fixture(scope="module", name="machine")
def fixture_machine():
    folder = wheels()
    with up("-e", MACHINE, suffix="inside") as vms:
        made = Machine(vms)
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
        made.takes(ROOT, [name for name in map(pathlib.Path, names.stdout.decode().split("\0")[:-1]) if (ROOT / name).is_file()], THERE)
        made.takes(folder, ["."], "/var/local/wheels")
        made.does("printf '%s' > /etc/pip.conf; apt-get -qq update; apt-get -qq -y --no-install-recommends install make >/dev/null" % PIP.replace("\n", "\\n"))
        yield made


def changed(output):
    """{host: tasks that changed something} of the last recap, and whether anything failed."""
    recap = output[output.rindex("PLAY RECAP"):]
    found = dict(re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=0 ", recap, re.MULTILINE))
    return {host: int(count) for host, count in found.items()}


def test_site_and_back(machine):
    assert machine.does("cat /proc/1/comm; stat --file-system --format %T /sys/fs/cgroup") == "systemd\ncgroup2fs\n"
    machine.make("prepare")
    before, traces = machine.vms.snapshot("node1"), machine.does(TRACES)
    found = before["namespaces"][""]["sysctls"]
    assert not [key for key in found if key.startswith("net/bridge/")]

    built = machine.make("site")
    assert "all 87 probes ok" in built, built
    assert set(changed(built)) == set(NODES) and all(changed(built).values()), built
    units = ["clusternet-lab-lab-%s.service" % name for name in (*NODES, "outside")]
    assert machine.does(UNITS).split() == units
    for unit in units:
        assert machine.does("systemctl show --value --property Delegate %s" % unit) == "yes\n"

    # What nodes have loaded does nothing to the machine's own bridges.
    assert machine.does("cat /proc/sys/net/bridge/bridge-nf-call-*tables").split() == ["0", "0", "0"]

    again = machine.make("site")
    assert "all 87 probes ok" in again and changed(again) == dict.fromkeys(NODES, 0), again
    assert "changed=0" in again[again.index("lab_up.yml: starting"):again.index("lab_up.yml: starting the lab: done")]

    machine.make("lab-down")
    assert machine.does(TRACES) == traces
    after = machine.vms.snapshot("node1")
    # Modules that nodes have loaded stay, and with them their switches.
    news = {key: value for key, value in after["namespaces"][""]["sysctls"].items() if key not in found}
    print("new under /proc/sys: %s" % ", ".join(sorted(news)))
    assert not [key for key in news if key.startswith("net/bridge/")]
    found.update(news)
    same(before, after)
