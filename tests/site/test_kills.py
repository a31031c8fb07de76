# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 of the controller, of the module on a node, or of both, at random moments: the next run finishes what that one began.

CLUSTERNET_KILLS says how many, CLUSTERNET_KILLS_SEED which ones (`make kills` does 30).
"""

import collections
import os
import random
import time

import processes
from runs import NODES, SITE, TEARDOWN, same, stats, succeeded

KILLS = int(os.environ.get("CLUSTERNET_KILLS", "3"))
SEED = int(os.environ.get("CLUSTERNET_KILLS_SEED", "3"))
# Few kills are measured on the wire once in the end, many after each run that was not killed.
QUICK = () if KILLS > 6 else ("--skip-tags", "verify")
# What the killed run was about to do, each from what the one before it made.
WAYS = [
    (SITE, "-e", "flannel_vni=1"),
    (SITE, "-e", "flannel_vni=2"),
    (SITE, "-e", "flannel_vni=2", "-e", '{"flannel_direct_routing": true}'),
    (TEARDOWN,),
]
TARGETS = ("module applying", "controller", "module", "module applying", "everything", "module applying", "controller")
# Seconds that a module may go on for when it has taken the lock, or has begun to change the node.
LOCKED, APPLYING = 0.2, 0.03
# Seconds into a run that may go by before it is killed.
LONGEST = 4.0


class Killer:
    def __init__(self, lab, folder):
        self.lab, self.log = lab, folder / "run.log"
        self.dice = random.Random(SEED)
        self.done = collections.Counter()

    def kill(self, target, way):
        """One run that does not come to its end, or whose module on one node does not."""
        run = processes.Run(self.lab, *way, "--skip-tags", "verify", log=self.log)
        try:
            self.done[self.kill_module(run, target) if target.startswith("module") else self.kill_run(run, target)] += 1
        finally:
            run.wait()

    def enough(self):
        """Of those that hit, a third has to have hit a module that was changing the node."""
        return sum(self.done[target] for target in set(TARGETS)) >= KILLS and self.done["module applying"] >= KILLS // 3

    def kill_module(self, run, target):
        applying = target == "module applying"
        module = run.module_at_work(self.lab.pid(self.dice.choice(NODES)), applying)
        if module is None:
            return "nothing to hit"
        time.sleep(self.dice.uniform(0, APPLYING if applying else LOCKED))
        during = module.holds_the_engines_lock()
        module.kill()
        return target if during else "too late"

    def kill_run(self, run, target):
        time.sleep(self.dice.uniform(0.3, LONGEST))
        if run.over():
            return "too late"
        if target == "controller":
            run.kill_controller()
        else:
            run.kill_everything()
        return target


def test_killed_runs_are_finished_by_the_next(lab, tmp_path):
    found = {node: lab.snapshot(node) for node in NODES}
    killer = Killer(lab, tmp_path)
    number = 0
    while not killer.enough() and number < 2 * KILLS:
        way, target = WAYS[number % len(WAYS)], TARGETS[number % len(TARGETS)]
        killer.kill(target, way)
        # Each third time it is the next killed run that meets what this one left.
        if number % 3:
            succeeded(lab.playbook(*way, *QUICK))
            if way[0] == TEARDOWN:
                for node in NODES:
                    same(found[node], lab.snapshot(node))
        number += 1
    print("%d runs, seed %d: %s" % (number, SEED, dict(killer.done)))
    assert killer.enough(), killer.done
    # The last word: what is there is whole, and nothing else is.
    succeeded(lab.playbook(*WAYS[1], "--skip-tags", "verify"))
    again = lab.playbook(*WAYS[1])
    succeeded(again)
    assert stats(again, "changed") == dict.fromkeys(NODES, 0)
    succeeded(lab.playbook(TEARDOWN))
    for node in NODES:
        same(found[node], lab.snapshot(node))
    assert sorted(path.name for path in lab.folder.glob("*lease*")) == ["leases.yml"]
