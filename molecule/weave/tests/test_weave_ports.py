# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is no node, behind an interface of one, is on the link with all pods; and the interface is what it was when it is let go."""

import json
import os
import pathlib

from flannel_node import pod_address
from lab import Lab
from lab_host import in_pod, node, run_json
from runs import SITE, failures, same, stats, succeeded

INVENTORY = pathlib.Path(__file__).parents[1] / "inventory/scenario.yml"
ADDRESS = "10.244.100.9"
MACHINE = ("ip netns add machine; ip link add ext1 type veth peer name eth0 netns machine; ip link set ext1 up; ip -n machine link set eth0 up mtu 1376; "
           "ip -n machine address add %s/17 dev eth0" % ADDRESS)


def site(port):
    ports = "{{ ['%s'] if inventory_hostname == 'node1' else [] }}" % port
    return Lab(os.environ["CLUSTERNET_LAB_NAME"]).playbook(
        SITE, "-i", str(INVENTORY), "--skip-tags", "verify", "--limit", "node1", "-e", json.dumps({"weave_ports": ports if port else []}))


def test_what_is_behind_an_interface_is_on_the_link():
    host, lab = node("node1"), Lab(os.environ["CLUSTERNET_LAB_NAME"])
    host.check_output(MACHINE)
    try:
        before = lab.snapshot("node1")
        succeeded(site("ext1"), ("node1",))
        assert set(stats(site("ext1"), "changed").values()) == {0}
        for place in ("node1", "node3"):
            host.check_output(in_pod("machine", "ping -n -t 1 -c 2 -i 0.2 -W 2 %s" % pod_address(place, "a")))
            assert node(place).run(in_pod("b", "ping -n -t 1 -q -c 2 -i 0.2 -W 2 " + ADDRESS)).rc == 0
        # Across nodes in full size.
        host.check_output(in_pod("machine", "ping -n -M do -s 1348 -c 1 -W 2 %s" % pod_address("node3", "a")))
        succeeded(site(None), ("node1",))
        assert "master" not in run_json(host, "ip -j link show dev ext1")[0]
        same(before, lab.snapshot("node1"))
    finally:
        host.check_output("ip netns delete machine")


def test_the_interface_of_the_underlay_is_refused():
    assert "expected a device without the underlay's address" in failures(site("eth0"))["node1"]
