# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_tests.py vm [NAME] | report: the kernel tests for which this machine's kernel lacks something, and where what was tested.

vm      Run them in the virtual machine node1 of the set NAME (left out: kernel). One that is up is used and stays; otherwise it is
        started, and removed at the end.
report  Say for each kind of the engine and each feature whether its tests ran here, in the machine or in both. Exit code 1 where
        there is one that was tested nowhere, a test that ran nowhere or failed, or no record of this very state of the checkout.
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / ".ansible/collections")]

import features  # noqa: E402
import kernel_record  # noqa: E402

RECORDS = {"host": ROOT / ".ansible/kernel-tests/host.json", "VM": ROOT / ".ansible/kernel-tests/vm.json"}
PLAY = ["ansible-playbook", "-i", "inventory/vms"]
# All of them lie in the machine's own repository (roles/vms/defaults/main.yml).
PACKAGES = ("ipset", "iptables", "python3-hypothesis", "python3-pyroute2", "python3-pytest", "python3-pytest-xdist", "python3-yaml",
            "wireguard-tools")
THERE = "/root/checkout"
LIMIT = 3000  # seconds for the tests; a machine that hangs is to be seen


class Machine:
    """A virtual machine and commands in it, as root."""

    def __init__(self, name):
        self.name = name
        self.settings = ["-e", json.dumps({"vms_name": name, "vms_addresses": {"node1": "198.18.0.11"}, "vms_memory": 768})]
        self.ssh = ["ssh", "-F", str(ROOT / ".ansible/vms" / (name + ".ssh_config")), "-o", "ConnectTimeout=10", name + "-node1", "sudo"]

    def up(self):
        """Whether it had to be started."""
        if subprocess.run(self.ssh + ["true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False).returncode == 0:
            return False
        subprocess.run(PLAY + self.settings + ["playbooks/vm_up.yml"], cwd=ROOT, check=True)
        return True

    def down(self):
        # An ssh that was cut short leaves our own output non-blocking, which Ansible does not take.
        done = subprocess.run(PLAY + self.settings + ["playbooks/vm_down.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout + done.stderr)
            raise OSError("the machine %s is still there" % self.name)

    def run(self, script, check=True, timeout=900, **options):
        return subprocess.run(self.ssh + ["sh", "-ec", "'%s'" % script], check=check, timeout=timeout, **options)

    def prepare(self):
        """Its packages, the checkout's files, and of Ansible what it sends along with a module."""
        self.run("dpkg-query --show %(names)s >/dev/null 2>&1 || { apt=\"apt-get -qq --yes --no-install-recommends "
                 "-o Dir::Etc::SourceParts=- -o Dir::Etc::SourceList=/etc/apt/sources.list.d/packages.list "
                 "-o Dpkg::Options::=--force-unsafe-io\"; export DEBIAN_FRONTEND=noninteractive; $apt update; "
                 "$apt install %(names)s >/dev/null; }" % {"names": " ".join(PACKAGES)})
        collections = THERE + "/.ansible/collections"
        self.run("rm -rf %s; mkdir -p %s/ansible_collections/clusternet; ln -s ../../../.. %s/ansible_collections/clusternet/fabric"
                 % (THERE, collections, collections))
        self.copy(ROOT, ["plugins", "roles", "tests/kernel", "tests/support", "pyproject.toml"], THERE)
        ansible = pathlib.Path(importlib.util.find_spec("ansible").origin).parent
        self.copy(ansible.parent, ["ansible/" + name for name in ("__init__.py", "release.py", "_vendor", "module_utils")], collections)

    def copy(self, folder, names, place):
        with subprocess.Popen(["tar", "--create", "--gzip", "--exclude=__pycache__", "--directory", str(folder)] + names,
                              stdout=subprocess.PIPE) as tar:
            self.run("tar --extract --gzip --no-same-owner --directory %s" % place, stdin=tar.stdout)

    def test(self, lacking):
        """pytest's exit code; its output passes through."""
        for path in (RECORDS["VM"], RECORDS["VM"].with_suffix(".xml")):
            path.unlink(missing_ok=True)
        done = self.run("cd %s && exec python3 -m pytest -v -n 2 --lacking=%s --record=record.json --junit-xml=junit.xml "
                        "tests/kernel 2>&1" % (THERE, ",".join(lacking)), stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)
        RECORDS["VM"].parent.mkdir(parents=True, exist_ok=True)
        for name, path in (("record.json", RECORDS["VM"]), ("junit.xml", RECORDS["VM"].with_suffix(".xml"))):
            path.write_bytes(self.run("cat %s/%s" % (THERE, name), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
        return done.returncode


def say(text, started):
    print("==> %3d s: %s" % (time.monotonic() - started, text), flush=True)


def in_machine(name):
    lacking, started = [feature for feature in sorted(features.PROBES) if not features.has(feature)], time.monotonic()
    if not lacking:
        RECORDS["VM"].unlink(missing_ok=True)
        print("this kernel has all that the kernel tests need: no virtual machine")
        return 0
    machine = Machine(name)
    say("this kernel lacks %s; a virtual machine is wanted" % ", ".join(lacking), started)
    begun = machine.up()
    try:
        say("the machine is up; packages and the checkout go there", started)
        machine.prepare()
        say("the tests", started)
        code = machine.test(lacking)
    finally:
        if begun:
            say("the machine goes", started)
            machine.down()
    say("done", started)
    return code


def report():
    """What can be said of every kind and feature, from what the two runs wrote down."""
    state, found, wrong = kernel_record.state(ROOT), {}, []
    for where, path in RECORDS.items():
        if not path.exists():
            print("%s: no record" % where)
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["state"] != state:
            wrong.append("%s: what is written down is of another state of the checkout: run make %s"
                         % (where, "kernel" if where == "host" else "kernel-vm"))
            continue
        found[where] = record
        print("%s: Linux %s, Python %s: %d tests, %d not here" % (
            where, record["kernel"], record["python"], len(record["tests"]), len(record["not_here"])))
    ran = {test for record in found.values() for test, told in record["tests"].items() if told["outcome"] == "passed"}
    wrong += ["%s: %s: %s" % (where, told["outcome"], test) for where, record in found.items() for test, told in record["tests"].items()
              if told["outcome"] != "passed"]
    wrong += sorted({"nowhere: %s (needs %s)" % (test, ", ".join(told["missing"])) for record in found.values()
                     for test, told in record["not_here"].items() if test not in ran})
    print("\n%-18s %6s %6s" % ("kind or feature", *RECORDS))
    for name in sorted(set(features.KINDS) | set(features.PROBES)):
        counts = [sum(name in told["needs"] and told["outcome"] == "passed" for told in found.get(where, {"tests": {}})["tests"].values())
                  for where in RECORDS]
        print("%-18s %6s %6s   %s" % (name, *(count or "-" for count in counts), _where(counts)))
        if not any(counts):
            wrong.append("nowhere: no test of %s ran" % name)
    print("\n" + "\n".join(wrong or ["every kind is tested, and no test was left out"]))
    return 1 if wrong else 0


def _where(counts):
    names = [where for where, count in zip(RECORDS, counts) if count]
    return "both" if len(names) == 2 else names[0] if names else "NOWHERE"


def main():
    if sys.argv[1:2] == ["vm"] and len(sys.argv) <= 3:
        return in_machine(sys.argv[2] if len(sys.argv) == 3 else "kernel")
    if sys.argv[1:] == ["report"]:
        return report()
    sys.stderr.write(__doc__)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit("kernel_tests: %s" % error)
