# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes at random moments while a machine is being changed: it comes back as it was before the run or as the run wanted it.

CLUSTERNET_POWER_CUTS says how often, CLUSTERNET_POWER_CUTS_SEED at which moments (`make power-cuts` does 10).
"""

import collections
import json
import os
import random
import select
import subprocess
import time

from runs import eventually, on

CUTS = int(os.environ.get("CLUSTERNET_POWER_CUTS", "2"))
SEED = int(os.environ.get("CLUSTERNET_POWER_CUTS_SEED", "4"))
NODE = "node2"
COMMAND = "/usr/local/sbin/clusternet-fabric"
FOLDER = "/var/lib/clusternet/fabric/"
# Enough of them to make it last.
ROUTES = 3000
# One of two documents, whose tunnels and routes differ.
PLAY = """
- hosts: %s
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: clusternet.fabric.fabric, tasks_from: validate}
    - clusternet.fabric.network:
        owner: fabric
        document: "{{ mine | combine({'route': mine.route + more}) }}"
        persist: true
      vars:
        mine: "{{ fabric_model | clusternet.fabric.document(inventory_hostname) }}"
"""
# Says when a run has its document on the disk and begins to change the kernel, and when it is over.
WATCH = """
import os, time
path = "%s.new"
print("ready", flush=True)
while not os.path.exists(path): time.sleep(0.001)
print("now", flush=True)
while os.path.exists(path): time.sleep(0.001)
print("over", flush=True)
""" % (FOLDER + "document.json")


class Machine:
    """The machine that the power of is cut, and what it is told to be."""

    def __init__(self, vms, folder):
        self.vms, self.play, self.log = vms, folder / "play.yml", folder / "log"
        self.play.write_text(PLAY % NODE)
        self.options = {}
        for number in (1, 2):
            more = [{"dst": "100.%d.%d.%d/32" % (63 + number, index // 250, index % 250), "type": "blackhole"} for index in range(ROUTES)]
            path = folder / ("%d.json" % number)
            path.write_text(json.dumps({"flannel_vni": number, "more": more}))
            self.options[number] = ("-e", "@%s" % path)

    def begin(self, number):
        """(the run, what watches it)."""
        watch = subprocess.Popen(self.vms.command(NODE, "python3", "-c", WATCH, anew=True), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert watch.stdout.readline() == "ready\n"
        return self.vms.begin(self.play, *self.options[number], log=self.log), watch

    def run(self, number):
        """A whole run; how many seconds it took to change the kernel, and the document that it stored."""
        run, watch = self.begin(number)
        assert watch.stdout.readline() == "now\n", self.log.read_text()
        started = time.monotonic()
        assert watch.stdout.readline() == "over\n"
        took = time.monotonic() - started
        assert watch.wait(30) == run.wait(120) == 0, self.log.read_text()
        return took, self.stored()

    def cut_after(self, number, seconds):
        """Whether a run was cut that many seconds into its changes; False where it was over by then."""
        run, watch = self.begin(number)
        assert watch.stdout.readline() == "now\n", self.log.read_text()
        over = select.select([watch.stdout], [], [], seconds)[0]
        if not over:
            self.vms.cut(NODE)
        run.wait(120)
        watch.wait(30)
        return not over

    def stored(self):
        return json.loads(on(self.vms, NODE, "cat %sdocument.json" % FOLDER))["document"]

    def comes_back(self):
        """Wait until it has built what it holds."""
        self.vms.start(NODE)
        done = "systemctl show --property ExecMainExitTimestampMonotonic --value clusternet@fabric.service"
        eventually(lambda: int(on(self.vms, NODE, done)) > 0, 120)
        assert on(self.vms, NODE, "systemctl show --property Result --value clusternet@fabric.service") == "success\n"

    def is_wholly(self, number):
        """Of the kernel, asked with stock tools, and of the node's own command."""
        routes = json.loads(on(self.vms, NODE, "ip -j route show proto 160 type blackhole"))
        assert {route["dst"].split(".")[1] for route in routes} == {str(63 + number)} and len(routes) == ROUTES
        links = json.loads(on(self.vms, NODE, "ip -j link show type vxlan"))
        assert [link["ifname"] for link in links if link] == ["flannel.%d" % number]
        assert on(self.vms, NODE, COMMAND + " status").startswith("fabric: in sync\n")
        # Nothing of a file that was being written is taken for the file, and none is empty.
        assert on(self.vms, NODE, "find %s /usr/local/sbin /etc/systemd/system -path '*clusternet*' -type f -size 0" % FOLDER) == ""


def test_it_is_the_one_or_the_other(vms, tmp_path):
    machine, dice, outcomes = Machine(vms, tmp_path), random.Random(SEED), collections.Counter()
    seconds, documents = {}, {}
    for number in (1, 2):
        seconds[number], documents[number] = machine.run(number)
    print("changing the kernel takes %s s" % seconds)
    assert documents[1] != documents[2]
    stands, tries = 2, 0
    while sum(outcomes.values()) < CUTS:
        tries += 1
        assert tries <= 3 * CUTS + 3, "too many runs were over before the power went: %s" % outcomes
        wanted, moment = 3 - stands, dice.uniform(0, min(seconds.values()))
        if not machine.cut_after(wanted, moment):
            stands = wanted
            continue
        machine.comes_back()
        found = machine.stored()
        assert found in documents.values()
        stands, before = (1 if found == documents[1] else 2), stands
        machine.is_wholly(stands)
        outcomes["as before" if stands == before else "as wanted"] += 1
        print("cut %.2f s into the changes: %s" % (moment, dict(outcomes)))
    # Right after the end of a run there is nothing that is not on the disk yet.
    machine.run(3 - stands)
    vms.cut(NODE)
    machine.comes_back()
    machine.is_wholly(3 - stands)
    run = vms.playbook("playbooks/site.yml", "--limit", NODE, "--skip-tags", "verify")
    assert run["returncode"] == 0, run
