# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab that grows: what its nodes take of the machine all together, and of the time of a run."""

import time

from runs import NODES, SITE, TEARDOWN, stats, succeeded

UP, DOWN = "playbooks/lab_up.yml", "playbooks/lab_down.yml"
INOTIFY = "/proc/sys/fs/inotify/max_user_instances"
TWENTY = tuple("node%d" % number for number in range(1, 21))


def instances():
    with open(INOTIFY, encoding="ascii") as handle:
        return int(handle.read())


def timed(lab, nodes):
    start = time.monotonic()
    run = lab.playbook(SITE, nodes=len(nodes))
    seconds = time.monotonic() - start
    succeeded(run, nodes)
    return seconds, run


def test_twenty_nodes_take_at_most_ten_times_as_long_as_three(lab):
    three, dummy = timed(lab, NODES)
    lab.playbook(TEARDOWN)
    assert lab.playbook(UP, nodes=20)["returncode"] == 0
    twenty, dummy = timed(lab, TWENTY)
    dummy, again = timed(lab, TWENTY)
    assert stats(again, "changed", TWENTY) == dict.fromkeys(TWENTY, 0)
    print("site.yml: %.1f s for 3 nodes, %.1f s for 20: %.1f times" % (three, twenty, twenty / three))
    assert twenty <= 10 * three


def test_more_nodes_than_inotify_instances(lab):
    assert lab.playbook(UP)["returncode"] == 0
    found = instances()
    assert lab.playbook(UP, nodes=35)["returncode"] == 0
    assert lab.shell("node35", "--", "systemctl", "is-active", "basic.target").stdout == "active\n"
    assert instances() > found
    assert lab.playbook(DOWN, nodes=35)["returncode"] == 0
    assert instances() == found
    assert lab.traces() == []
