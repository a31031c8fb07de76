# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico's IPIP between machines: the lab's kernel has none. BIRD gives the routes, and packets go into the tunnel where the mode says so."""

import json

import pytest
from lab_host import capture
from runs import NODES, SITE, TEARDOWN, on, pods, stats, succeeded
from vms import up

CALICO = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never", "fabric_converge": 120}
# The outer header takes 20 bytes.
MTU = 1480


@pytest.fixture(scope="module", name="vms")
def fixture_vms():
    with up(suffix="ipip") as vms:
        yield vms


def tunnelled(vms, addresses, source, target):
    """Of five pings between two nodes' pods, and their answers, how many pass the target's port in the tunnel, and how many as they are."""
    ends = {addresses[source, "a"], addresses[target, "a"]}
    with capture(target, "ip proto 4") as wrapped, capture(target, "icmp") as plain:
        on(vms, source, "ip netns exec a ping -n -c 5 -i 0.2 -W 5 %s" % addresses[target, "a"])
    return tuple(len([line for line in lines if "ICMP echo" in line and all(" %s" % end in line for end in ends)]) for lines in (wrapped, plain))


def test_packets_go_into_the_tunnel(vms, monkeypatch):
    monkeypatch.setenv("CLUSTERNET_LAB_NAME", vms.name)
    for mode, near in (("CrossSubnet", (0, 10)), ("Always", (10, 0))):
        variables = json.dumps(dict(CALICO, calico_ipip_mode=mode))
        # With the proof: every pod reaches every other, and full-size packets pass whole.
        succeeded(vms.playbook(SITE, "-e", variables))
        addresses = pods(vms)
        assert tunnelled(vms, addresses, "node1", "node2") == near, mode
        assert tunnelled(vms, addresses, "node1", "node3") == (10, 0), mode
        assert json.loads(on(vms, "node1", "ip netns exec a ip -j link show dev eth0"))[0]["mtu"] == MTU
        again = vms.playbook(SITE, "-e", variables, "--skip-tags", "verify")
        assert stats(again, "changed") == dict.fromkeys(NODES, 0)
    succeeded(vms.playbook(TEARDOWN))
    for node in NODES:
        assert on(vms, node, "ip -o link show type ipip | grep -v ' tunl0' || true; ip route show proto bird; ip route show proto 160") == ""
