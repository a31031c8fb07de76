# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico's IPIP and WireGuard between machines, which the lab's kernel need not have: packets are in the tunnel where the mode says so, and whole."""

import json

import pytest
from lab_host import capture
from runs import NODES, SITE, TEARDOWN, on, pods, stats, succeeded
from vms import up

BIRD = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never", "fabric_converge": 120}
# By name: the variables, what tunnelled packets are for tcpdump, the MTU, and whether packets to a node on the same segment are tunnelled too.
WAYS = {
    "IPIP across subnets": (dict(BIRD, calico_ipip_mode="CrossSubnet"), "ip proto 4", 1480, False),
    "IPIP always": (dict(BIRD, calico_ipip_mode="Always"), "ip proto 4", 1480, True),
    "WireGuard": ({"fabric_backend": "calico", "calico_vxlan_mode": "Never", "calico_wireguard": True}, "udp port 51820", 1440, True),
}
LEFT = "ip -o link show type ipip | grep -v ' tunl0' || true; ip -o link show type wireguard; ip route show proto bird; ip route show proto 160"
# What pings are padded with.
SECRET = "c1u57e2ne7"


@pytest.fixture(scope="module", name="vms")
def fixture_vms():
    with up(suffix="tunnels") as vms:
        yield vms


def seen(vms, addresses, source, target, tunnel):
    """Of five pings between two nodes' pods and their answers, how many packets pass the target's port of the switch in the tunnel, how many as
    they are, and whether what is in the former can be read there."""
    ends = [addresses[source, "a"], addresses[target, "a"]]
    ping = "ip netns exec a ping -n -c 5 -i 0.2 -W 5 -p %s %s" % (SECRET.encode().hex()[:32], ends[1])
    with capture(target, "-X " + tunnel) as wrapped, capture(target, "icmp") as plain:
        on(vms, source, ping)
    open_ = [line for line in plain if "ICMP echo" in line and all(" %s" % end in line for end in ends)]
    return sum(line.startswith("IP ") for line in wrapped), len(open_), SECRET in "".join(line[-16:] for line in wrapped)


@pytest.mark.parametrize("way", WAYS)
def test_between_machines(vms, way, monkeypatch):
    monkeypatch.setenv("CLUSTERNET_LAB_NAME", vms.name)
    variables, tunnel, mtu, near = WAYS[way]
    # With the proof: every pod reaches every other, and full-size packets pass whole.
    succeeded(vms.playbook(SITE, "-e", json.dumps(variables)))
    addresses = pods(vms)
    for target, tunnelled in (("node2", near), ("node3", True)):
        wrapped, plain, readable = seen(vms, addresses, "node1", target, tunnel)
        print("%s, node1 to %s: %d packets in the tunnel, %d as they are" % (way, target, wrapped, plain))
        # BGP and keep-alives go between nodes, not in the tunnel, but WireGuard has packets of its own.
        assert plain == (0 if tunnelled else 10) and (wrapped >= 10) == tunnelled
        if tunnelled:
            assert readable == (way != "WireGuard")
    assert json.loads(on(vms, "node1", "ip netns exec a ip -j link show dev eth0"))[0]["mtu"] == mtu
    again = vms.playbook(SITE, "-e", json.dumps(variables), "--skip-tags", "verify")
    succeeded(again)
    assert stats(again, "changed") == dict.fromkeys(NODES, 0)


def test_nothing_is_left(vms):
    succeeded(vms.playbook(TEARDOWN))
    for node in NODES:
        assert on(vms, node, LEFT) == ""
        on(vms, node, "test ! -e /etc/clusternet")
