# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changes on a running network is mended with the fewest operations, and nothing else is touched."""

import re

import pytest
from engine_documents import flannel

pytestmark = pytest.mark.kernel

RULE = '-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "clusternet:blue" -j MASQUERADE --random-fully'

# What happens, and the commands that mend it.
DRIFT = {
    "FDB entry removed": (
        "bridge fdb del 66:00:00:00:00:02 dev flannel.1 dst 198.18.0.12",
        ["bridge fdb replace 66:00:00:00:00:02 dev flannel.1 dst 198.18.0.12 self permanent"]),
    "FDB entry led elsewhere": (
        "bridge fdb replace 66:00:00:00:00:02 dev flannel.1 dst 198.18.0.99 self permanent",
        ["bridge fdb replace 66:00:00:00:00:02 dev flannel.1 dst 198.18.0.12 self permanent"]),
    "neighbour removed": (
        "ip neigh del 10.244.2.0 dev flannel.1",
        ["ip neighbour replace 10.244.2.0 lladdr 66:00:00:00:00:02 dev flannel.1 nud permanent protocol 160"]),
    "bridge MTU": ("ip link set cni0 mtu 1300", ["ip link set dev cni0 mtu 1450"]),
    "pod MTU": ("ip -n a link set eth0 mtu 1300", ["ip -n a link set dev eth0 mtu 1450"]),
    "route led elsewhere": (
        "ip route change 10.244.2.0/24 via 10.244.3.0 dev flannel.1 onlink proto 160",
        ["ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 160 scope global onlink"]),
    "route removed": (
        "ip route del 10.244.2.0/24", ["ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 160 scope global onlink"]),
    "pod's route removed": ("ip -n a route del default", ["ip -n a route add 0.0.0.0/0 via 10.244.1.1 dev eth0 proto 160 scope global"]),
    "rule deleted": ("iptables -D FLANNEL-FWD 1", ["iptables -t filter -I FLANNEL-FWD 1 -s 10.244.0.0/16 -m comment --comment clusternet:blue -j ACCEPT"]),
    "last rule deleted": ("iptables -t nat -D FLANNEL-POSTRTG 3", ["iptables -t nat " + RULE.replace('"', "").replace(" ! ", " '!' ")]),
    "rule added to our chain": ("iptables -I FLANNEL-FWD 2 -m comment --comment clusternet:blue -s 192.0.2.1 -j DROP", ["iptables -t filter -D FLANNEL-FWD 2"]),
    "jump deleted": ("iptables -D FORWARD 1", ["iptables -t filter -A FORWARD -m comment --comment clusternet:blue:rule -j FLANNEL-FWD"]),
    "stray route": ("ip route add 192.0.2.0/24 dev cni0 proto 160", ["ip route delete 192.0.2.0/24 dev cni0 proto 160 scope link"]),
    "foreign route": ("ip route add 192.0.2.0/24 dev eth9 proto 99", []),
    "hairpin off": ("ip link set vetha type bridge_slave hairpin off", ["ip link set dev vetha type bridge_slave hairpin on"]),
    "port released": ("ip link set vetha nomaster", ["ip link set dev vetha master cni0", "ip link set dev vetha type bridge_slave hairpin on"]),
    "alias lost": ("ip link set cni0 alias ''", ["ip link set dev cni0 alias blue"]),
    "learning on": ("ip link set flannel.1 type vxlan learning", ["ip link set dev flannel.1 type vxlan nolearning"]),
    "forwarding off": ("sysctl -qw net/ipv4/ip_forward=0", ["sysctl -w net/ipv4/ip_forward=1"]),
    "a pod's loopback down": ("ip -n a link set lo down", ["ip -n a link set dev lo up"]),
    "VTEP MAC": (
        "ip link set flannel.1 address 66:00:00:00:00:99",
        ["ip link set dev flannel.1 address 66:00:00:00:00:01",
         "ip neighbour replace 10.244.2.0 lladdr 66:00:00:00:00:02 dev flannel.1 nud permanent protocol 160",
         "ip neighbour replace 10.244.3.0 lladdr 66:00:00:00:00:03 dev flannel.1 nud permanent protocol 160"]),
    "flannel.1 down": (
        "ip link set flannel.1 down",
        ["ip link set dev flannel.1 up",
         "ip neighbour replace 10.244.2.0 lladdr 66:00:00:00:00:02 dev flannel.1 nud permanent protocol 160",
         "ip neighbour replace 10.244.3.0 lladdr 66:00:00:00:00:03 dev flannel.1 nud permanent protocol 160",
         "ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 160 scope global onlink",
         "ip route add 10.244.3.0/24 via 10.244.3.0 dev flannel.1 proto 160 scope global onlink"]),
    "host veth deleted": (
        "ip link del vetha",
        ["ip link add name vetha mtu 1450 group 160 master cni0 type veth peer name eth0 mtu 1450 address 0a:58:0a:f4:01:02 group 160 netns a",
         "ip link set dev vetha alias blue up",
         "ip link set dev vetha type bridge_slave hairpin on",
         "ip -n a link set dev eth0 alias blue up",
         "ip -n a address add 10.244.1.2/24 brd + dev eth0 scope global",
         "ip -n a route add 0.0.0.0/0 via 10.244.1.1 dev eth0 proto 160 scope global"]),
    "cni0 deleted": (
        "ip link del cni0",
        ["ip link add name cni0 address 0a:58:0a:f4:01:01 group 160 type bridge stp_state 0",
         "ip link set dev cni0 mtu 1450",
         "ip link set dev cni0 alias blue up",
         "ip link set dev vetha master cni0",
         "ip link set dev vethb master cni0",
         "ip link set dev vetha type bridge_slave hairpin on",
         "ip link set dev vethb type bridge_slave hairpin on",
         "ip address add 10.244.1.1/24 brd + dev cni0 scope global"]),
}  # fmt: skip


@pytest.mark.parametrize("case", DRIFT)
def test_drift(node, case):
    script, commands = DRIFT[case]
    node.apply(flannel())
    whole = node.snapshot()
    node.sh(script)
    outcome = node.apply(flannel())
    assert sorted(outcome.commands()) == sorted(commands)
    node.settled(flannel())
    if case != "foreign route":
        found = [line for line in node.differences(whole, node.snapshot()) if not re.search("address|mac=", line)]
        assert not found


def test_two_rules_swapped(node):
    node.apply(flannel())
    node.sh("iptables -t nat -D FLANNEL-POSTRTG 1")
    node.sh("iptables -t nat -I FLANNEL-POSTRTG 2 -m comment --comment clusternet:blue -m mark --mark 0x4000/0x4000 -j RETURN")
    outcome = node.apply(flannel())
    assert 1 <= len(outcome.operations) <= 2
    node.settled(flannel())


def test_counters_of_rules_that_stay_are_kept(node):
    """Also those of somebody's rules in the same chain, and a rule that only nft can say."""
    node.apply(flannel())
    node.sh("""
    iptables -I FORWARD 1 -s 203.0.113.1 -j DROP
    iptables-save -c | sed 's/^\\[[0-9:]*\\] -A/[700:70000] -A/' | iptables-restore -c
    """)
    before = counted(node)
    assert len(before) == 8 and all(packets >= 700 for packets, rule in before)
    node.sh("iptables -D FLANNEL-FWD 1; iptables -t nat -D FLANNEL-POSTRTG 2; iptables -D FORWARD -j FLANNEL-FWD -m comment --comment clusternet:blue:rule")
    assert node.apply(flannel()).counts() == {"add": {"iptables_rule": 3}}
    after = counted(node)
    assert [rule for packets, rule in after] == [rule for packets, rule in before]
    assert sum(packets >= 700 for packets, rule in after) == 5


def counted(node):
    """[(packets, rule)]"""
    return [(int(line[1:].partition(":")[0]), line.partition(" ")[2]) for line in node.sh("iptables-save -c").splitlines() if line[:1] == "["]


def test_a_pod_keeps_its_namespace_and_what_runs_in_it(node):
    node.apply(flannel())
    sleeper = node.sh("ip netns exec a sh -c 'sleep 30 >/dev/null 2>&1 & echo $!'").strip()
    try:
        inode = node.sh("stat -L -c %i /run/netns/a")
        node.sh("ip link del vetha")
        node.apply(flannel())
        assert node.sh("stat -L -c %i /run/netns/a") == inode
        assert node.sh("ip netns pids a").split() == [sleeper]
    finally:
        node.sh("kill %s" % sleeper)
