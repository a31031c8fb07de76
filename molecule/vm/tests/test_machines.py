# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What converge has built on machines with their own kernel, and what one of them is like after its power was cut."""

import time

from runs import NODES, SITE, eventually, on, pods, stats, succeeded

COMMAND = "/usr/local/sbin/clusternet-fabric"
# Seconds from SSH being there until the last pod is reached.
BACK = 30


def test_each_machine_holds_its_part(vms, name):
    host = vms.host(name)
    assert host.system_info.codename == "bookworm"
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""
    assert host.check_output(COMMAND + " status").startswith("fabric: in sync\n")
    # The kernel's own modules, loaded by the run or by a start.
    for module in ("vxlan", "br_netfilter"):
        assert host.file("/sys/module/" + module).is_directory
    for service in ("clusternet-fabric-a.service",):
        assert host.service(service).is_running
    assert host.user().name == "root" and host.file("/home/debian").user == "debian"


def test_after_a_power_cut_a_machine_is_back_without_a_run(vms):
    addresses = {place: address for place, address in pods(vms).items() if place[0] == "node2"}
    assert set(addresses) == {("node2", "a"), ("node2", "b")}
    vms.cut("node2")
    up = vms.start("node2")
    since = time.monotonic()
    reach = "; ".join("ip netns exec a ping -n -q -c 1 -W 1 %s" % address for address in addresses.values())
    # What runs in its pod, too.
    reach += "; ip netns exec b python3 -c 'import urllib.request as r; r.urlopen(\"http://%s/GPL-3\", timeout=3)'" % addresses["node2", "a"]
    for name in ("node1", "node3"):
        eventually(lambda name=name: vms.ssh(name, "sh", "-ec", reach).returncode == 0, BACK - (time.monotonic() - since))
    print("SSH %.1f s after its start, reached from the others %.1f s later" % (up, time.monotonic() - since))
    assert on(vms, "node2", COMMAND + " status").startswith("fabric: in sync\n")
    run = vms.playbook(SITE)
    succeeded(run)
    assert stats(run, "changed") == dict.fromkeys(NODES, 0)
