# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the granular modules refuse: what belongs to a fabric, what is of another kind, and bad input. Nothing changes then."""

import engine_node
import pytest
from module_node import ModuleNode, forked

pytestmark = pytest.mark.kernel

SETUP = """
ip link add eth0 address 02:00:5e:10:00:01 type veth peer name far
ip link set eth0 up
ip link set far up
ip address add 192.0.2.11/24 dev eth0
ip netns add mine
ipset create used hash:ip
ipset create member hash:ip
ipset create list list:set
ipset add list member
iptables -A INPUT -m set --match-set used src -j ACCEPT
"""
BLUE = {
    "netns": [{"name": "pod"}],
    "bridge": [{"name": "br0"}],
    "veth": [{"name": "v0", "master": "br0", "peer": {"name": "eth0", "netns": "pod"}}],
    "vxlan": [{"name": "vtep", "vni": 1, "local": "192.0.2.11", "dev": "eth0"}],
    "address": [{"dev": "br0", "address": "198.51.100.1/24"}, {"dev": "far", "address": "203.0.113.1/32"}],
    "route": [{"dst": "203.0.113.128/25", "via": "192.0.2.1"}],
    "neighbour": [{"dev": "eth0", "address": "192.0.2.9", "mac": "02:00:5e:10:00:09"}],
    "proxy_neighbour": [{"dev": "eth0", "address": "192.0.2.9"}],
    "rule": [{"priority": 100, "from": "203.0.113.0/24", "table": 99}],
    "vxlan_fdb": [{"dev": "vtep", "mac": "02:00:5e:10:00:09", "dst": "192.0.2.9"}],
    "sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}],
    "ipset": [{"name": "blues", "type": "hash:ip", "members": ["192.0.2.9"]}],
    "iptables_chain": [{"table": "nat", "chain": "BLUE", "rules": ["-j RETURN"]}],
    "iptables_rule": [{"table": "nat", "chain": "POSTROUTING", "rule": "-j BLUE"}],
}
OF_BLUE = "belongs to fabric blue; change it in that fabric's document"
OF_160 = "belongs to the fabric with number 160; change it in that fabric's document"
LOST = "and would be lost with it; change that fabric's document first"


@pytest.fixture(scope="module")
def node():
    node = ModuleNode(SETUP)
    assert node.module("network", owner="blue", document=BLUE)["changed"]
    before = node.snapshot()
    yield node
    after = node.snapshot()
    node.close()
    assert after == before, "something of what was refused was done all the same"


REFUSED = [
    ("netns", {"name": "pod"}, "namespace pod " + OF_BLUE),
    ("netns", {"name": "pod", "state": "absent"}, "namespace pod " + OF_BLUE),
    ("bridge", {"name": "br0", "stp": True}, "link br0 " + OF_BLUE),
    ("veth", {"name": "eth0", "netns": "pod", "mtu": "1400"}, "link eth0 in namespace pod " + OF_BLUE),
    ("veth", {"name": "v0", "state": "absent"}, "link v0 " + OF_BLUE),
    ("veth", {"name": "eth0", "state": "absent"}, "link vtep belongs to fabric blue " + LOST),
    ("vxlan", {"name": "vtep", "vni": 2}, "link vtep " + OF_BLUE),
    ("vxlan", {"name": "other", "vni": 1},
     "link other: VNI 1 on UDP port 4789 is taken by link vtep, which belongs to fabric blue; choose another VNI or port"),
    ("vxlan_fdb", {"dev": "vtep", "mac": "02:00:5e:10:00:09", "state": "absent"}, "FDB entry 02:00:5e:10:00:09 on vtep " + OF_BLUE),
    ("vxlan_fdb", {"dev": "vtep", "mac": "02:00:5e:10:00:08", "dst": "192.0.2.8"}, "FDB entry 02:00:5e:10:00:08 on vtep " + OF_BLUE),
    ("address", {"dev": "br0", "address": "198.51.100.2/24"}, "address 198.51.100.2/24 on br0 " + OF_BLUE),
    ("address", {"dev": "far", "address": "203.0.113.1/32", "state": "absent"}, "address 203.0.113.1/32 on far " + OF_BLUE),
    ("address", {"dev": "far", "address": "198.51.100.2/24"},
     "address 198.51.100.2/24 on far: there is already a route to 198.51.100.0/24 by device br0, which belongs to fabric blue; "
     "choose another prefix or remove it"),
    ("address", {"dev": "eth0", "address": "192.0.2.11/24", "state": "absent"},
     "neighbour 192.0.2.9 on eth0 belongs to fabric number 160 " + LOST),
    ("route", {"dst": "203.0.113.128/25", "via": "192.0.2.2"}, "route 203.0.113.128/25 " + OF_160),
    ("route", {"dst": "203.0.113.128/25", "state": "absent"}, "route 203.0.113.128/25 " + OF_160),
    ("neighbour", {"dev": "eth0", "address": "192.0.2.9", "mac": "02:00:5e:10:00:08"}, "neighbour 192.0.2.9 on eth0 " + OF_160),
    ("neighbour", {"dev": "eth0", "address": "192.0.2.9", "state": "absent"}, "neighbour 192.0.2.9 on eth0 " + OF_160),
    ("proxy_neighbour", {"dev": "eth0", "address": "192.0.2.9", "state": "absent"}, "proxy neighbour 192.0.2.9 on eth0 " + OF_160),
    ("proxy_neighbour", {"dev": "eth0", "address": "192.0.2.9", "protocol": 4}, "proxy neighbour 192.0.2.9 on eth0 " + OF_160),
    ("rule", {"priority": 100, "from": "203.0.113.0/24", "table": 99}, "IPv4 rule 100: from 203.0.113.0/24 lookup 99 " + OF_160),
    ("rule", {"priority": 100, "from": "203.0.113.0/24", "table": 99, "state": "absent"}, "IPv4 rule 100: from 203.0.113.0/24 lookup 99 " + OF_160),
    ("rule", {"priority": 100, "from": "203.0.113.0/24", "table": 99, "protocol": 4}, "IPv4 rule 100: from 203.0.113.0/24 lookup 99 " + OF_160),
    ("sysctl", {"key": "net/ipv4/ip_forward", "value": "0"},
     "sysctl net/ipv4/ip_forward: fabric blue wants 1 and this task wants 0; agree on one value"),
    ("ipset", {"name": "blues", "type": "hash:ip", "members": []}, "ipset blues " + OF_BLUE),
    ("ipset", {"name": "blues", "state": "absent"}, "ipset blues " + OF_BLUE),
    ("ipset", {"name": "used", "state": "absent"},
     "ipset used would go, and a rule of chain INPUT that stays uses it: -m set --match-set used src -j ACCEPT; delete that rule first"),
    ("ipset", {"name": "used", "type": "hash:net"},
     "ipset used: a set of type hash:ip cannot become one of type hash:net while a rule of chain INPUT uses it that is not this task's to take "
     "out: -m set --match-set used src -j ACCEPT; delete that rule first, or choose another name"),
    ("ipset", {"name": "member", "state": "absent"}, "ipset member would go, and is a member of ipset list, which stays; delete it there first"),
    ("iptables", {"chain": "INPUT", "rule": "-m set --match-set gone src -j ACCEPT"},
     "iptables.rule: -m set --match-set gone src -j ACCEPT: there is no set gone on this node; create it first, or in the same document"),
    ("iptables", {"table": "nat", "chain": "BLUE", "rules": ["-j ACCEPT"]}, "iptables chain BLUE of table nat " + OF_BLUE),
    ("iptables", {"table": "nat", "chain": "BLUE", "rule": "-j ACCEPT"}, "iptables chain BLUE of table nat " + OF_BLUE),
    ("iptables", {"table": "nat", "chain": "BLUE", "state": "absent"}, "iptables chain BLUE of table nat " + OF_BLUE),
    ("iptables",
     {"table": "nat", "chain": "POSTROUTING", "rule": '-m comment --comment "clusternet:blue:rule" -j BLUE', "state": "absent"},
     'rule -m comment --comment "clusternet:blue:rule" -j BLUE ' + OF_BLUE),
    # of another kind
    ("bridge", {"name": "far"}, "link far: there is a veth of that name; remove it first, or choose another name"),
    ("vxlan", {"name": "far", "state": "absent"}, "link far: there is a veth of that name; remove it first, or choose another name"),
    ("vxlan_fdb", {"dev": "far", "mac": "02:00:5e:10:00:09", "dst": "192.0.2.8"},
     "vxlan_fdb.dev: 'far': expected a VXLAN device, not a veth"),
    # refused by the kernel
    ("sysctl", {"key": "net/ipv4/no_such", "value": "1"},
     "add sysctl net/ipv4/no_such: this kernel has no such key (is a module or a device of it missing?). "
     "Nothing is changed: what was done before it is put back"),
    ("route", {"dst": "203.0.113.0/26", "via": "198.18.0.1"},
     "add route 203.0.113.0/26: Nexthop has invalid gateway (Network is unreachable). "
     "Nothing is changed: what was done before it is put back"),
]
NO_DEVICE = "there is no device gone on this node; create it first, or in the same document"
NO_NAMESPACE = "there is no namespace gone on this node; create it first, or in the same document"
BUILT_IN = ("iptables.chain: 'INPUT': expected a chain that is not built in; "
            "built-in chains are shared: name single rules of theirs (iptables_rule; the module's option rule)")
BAD = [
    ("netns", {"name": ""}, "netns.name: '': expected a namespace name"),
    ("netns", {"name": "../x"}, "netns.name: '../x': expected a namespace name of at most 255 characters without white space or '/'"),
    ("bridge", {"name": "a-name-too-long-for-it"},
     "bridge.name: 'a-name-too-long-for-it': expected an interface name of 1 to 15 characters, not 22; shorten it"),
    ("bridge", {"name": "b", "mtu": "9"}, "bridge.mtu: 9: expected 'auto' or an MTU in bytes from 68 to 65535"),
    ("bridge", {"name": "b", "mtu": "auto"},
     "bridge.mtu: 'auto': expected a document with `underlay`, which says what auto means; or give a number"),
    ("bridge", {"name": "b", "mac": "01:00:00:00:00:01"},
     "bridge.mac: '01:00:00:00:00:01': expected a unicast MAC address (the first byte even, not all zero)"),
    ("bridge", {"name": "b", "ageing_time": -1}, "bridge.ageing_time: -1: expected seconds from 0 to 1000000"),
    ("bridge", {"name": "b", "master": "b"},
     "bridge.master: 'b -> b': expected links whose masters and underlay devices do not form a cycle"),
    ("bridge", {"name": "b", "master": "gone"}, "bridge.master: " + NO_DEVICE),
    ("bridge", {"name": "b", "netns": "gone"}, "bridge.netns: " + NO_NAMESPACE),
    ("bridge", {"mtu": "1500"}, "missing required arguments: name"),
    ("bridge", {"name": "b", "group_fwd_mask": 0x4001},
     "bridge.group_fwd_mask: 16385: expected a mask without its lowest three bits: STP, pause frames and LACP are not forwarded"),
    ("bridge", {"name": "b", "hello_time": 11}, "bridge.hello_time: 11: expected seconds from 1 to 10"),
    ("veth", {"name": "v", "peer": {"name": "p"}, "bridge_port": {"cost": 0}}, "veth.bridge_port.cost: 0: expected a path cost from 1 to 65535"),
    ("bridge", {"name": "b", "vlan_default_pvid": 4095}, "bridge.vlan_default_pvid: 4095: expected a VLAN ID, or 0 for none, from 0 to 4094"),
    ("bridge_vlan", {"dev": "far", "vid": "10-9"}, "bridge_vlan.vid: '10-9': expected a VLAN ID from 1 to 4094, or a range of them such as 100-199"),
    ("bridge_vlan", {"dev": "far", "vid": "4095"}, "bridge_vlan.vid: '4095': expected a VLAN ID from 1 to 4094, or a range of them such as 100-199"),
    ("bridge_vlan", {"dev": "far", "vid": "10-12", "pvid": True},
     "bridge_vlan.pvid: True: expected a single VLAN ID with it, not 10-12: a port has one PVID"),
    ("bridge_vlan", {"dev": "far", "vid": "10"}, "bridge_vlan.dev: 'far': expected a bridge, or a port of one"),
    ("macvlan", {"name": "m", "parent": "far", "source_macs": ["02:00:5e:10:00:0a"]},
     "macvlan.source_macs: ['02:00:5e:10:00:0a']: expected mode source with it, not bridge"),
    ("macvlan", {"name": "m", "parent": "far", "mode": "source", "source_macs": ["02:00:5e:10:00:0a", "01:00:5e:10:00:0a"]},
     "macvlan.source_macs[1]: '01:00:5e:10:00:0a': expected a unicast MAC address (the first byte even, not all zero)"),
    ("macvlan", {"name": "m", "parent": "far", "mode": "passthru", "mac": "02:00:5e:10:00:0a"},
     "macvlan.mac: '02:00:5e:10:00:0a': expected none in mode passthru: it is the parent's, and who changes it changes that"),
    ("veth", {"name": "v"}, "link v does not exist, and without `peer` it cannot be made; name its peer"),
    ("veth", {"name": "v", "peer": {"name": "p", "mtu": "1"}}, "veth.peer.mtu: 1: expected 'auto' or an MTU in bytes from 68 to 65535"),
    ("veth", {"name": "v", "peer": {"name": "p", "netns": "gone"}}, "veth.peer.netns: " + NO_NAMESPACE),
    ("veth", {"name": "v", "peer": {"netns": "mine"}}, "missing required arguments: name found in peer"),
    ("vxlan", {"name": "x"}, "vxlan.vni: None: expected a VNI from 1 to 16777215, or external"),
    ("vxlan", {"name": "x", "vni": 1 << 24}, "vxlan.vni: 16777216: expected a VNI from 1 to 16777215"),
    ("vxlan", {"name": "x", "vni": 3, "local": "here"}, "vxlan.local: 'here': expected an IP address without a prefix length"),
    ("vxlan", {"name": "x", "vni": 3, "dev": "gone"}, "vxlan.dev: " + NO_DEVICE),
    ("vxlan", {"name": "x", "vni": 3, "local": "192.0.2.77", "dev": "auto"},
     "vxlan.local: '192.0.2.77': expected an address that a device of this node holds; "
     "see `ip address`; a fabric's node address is fabric_node_ip"),
    ("tuntap", {"name": "t", "mac": "02:00:5e:10:00:08"},
     "tuntap.mac: '02:00:5e:10:00:08': expected none with the mode tun: such a device has IP packets and no Ethernet; choose the mode tap"),
    ("tuntap", {"name": "t", "mode": "tap", "owner": -1}, "tuntap.owner: -1: expected a number from 0 to 4294967294"),
    ("vxlan_fdb", {"dev": "vtep", "mac": "02:00:5e:10:00:08"}, "state is present but all of the following are missing: dst"),
    ("vxlan_fdb", {"dev": "vtep", "mac": "00:00:00:00:00:00", "state": "absent"},
     "vxlan_fdb.dst: None: expected the destination that is meant: the all-zero MAC can have several"),
    ("address", {"dev": "far", "address": "192.0.2.300/24"},
     "address.address: '192.0.2.300/24': expected an IP address with its prefix length, such as 192.0.2.1/24"),
    ("address", {"dev": "gone", "address": "192.0.2.30/24"}, "address.dev: " + NO_DEVICE),
    ("route", {"dst": "198.51.100.1/24", "via": "192.0.2.1"},
     "route.dst: '198.51.100.1/24': expected a prefix without host bits; write 198.51.100.0/24"),
    ("route", {"dst": "203.0.113.0/26"}, "route.dev: None: expected a device or a gateway (via) for a unicast route"),
    ("route", {"dst": "2001:db8::/64", "via": "192.0.2.1"},
     "route: '192.0.2.1': expected addresses of the same family as dst 2001:db8::/64"),
    ("route", {"dst": "203.0.113.0/26", "nexthops": []}, "route.nexthops: []: expected at least one next hop"),
    ("route", {"dst": "203.0.113.0/26", "dev": "far", "nexthops": [{"via": "192.0.2.1"}]},
     "route.nexthops: 'far': expected all gateways and devices in it; drop `dev` and `via`"),
    ("route", {"dst": "203.0.113.0/26", "nexthops": [{"via": "192.0.2.1"}, {"via": "192.0.2.1", "weight": 2}]},
     "route.nexthops[1]: '192.0.2.1': expected each next hop once; give it a weight"),
    ("route", {"dst": "203.0.113.0/26", "nexthops": [{"via": "192.0.2.1"}, {}]},
     "route.nexthops[1].via: None: expected a gateway, a device or both for each next hop"),
    ("route", {"dst": "2001:db8:1::/64", "nexthops": [{"via": "2001:db8::1"}, {"dev": "far"}]},
     "route.nexthops[1].via: None: expected a gateway for each of several next hops of an IPv6 route"),
    ("route", {"dst": "203.0.113.0/26", "nexthops": [{"via": "192.0.2.1"}, {"dev": "gone"}]}, "route.nexthops: " + NO_DEVICE),
    ("route", {"dst": "203.0.113.0/26", "nexthops": [{"via": "192.0.2.1", "weight": 257}]},
     "route.nexthops[0].weight: 257: expected a weight from 1 to 256"),
    ("route", {"dst": "203.0.113.0/26", "dev": "far", "type": "blackhole"},
     "route.type: 'blackhole': expected unicast, since a device or a gateway is given; drop `dev` and `via`, or the type"),
    ("route", {"dst": "203.0.113.0/26", "dev": "far", "onlink": True}, "route.onlink: True: expected both `via` and `dev` with it"),
    ("neighbour", {"dev": "far", "address": "192.0.2.0/24", "mac": "02:00:5e:10:00:08"},
     "neighbour.address: '192.0.2.0/24': expected an IP address without a prefix length"),
    ("neighbour", {"dev": "far", "address": "192.0.2.1"}, "state is present but all of the following are missing: mac"),
    ("proxy_neighbour", {"dev": "gone", "address": "192.0.2.1"}, "proxy_neighbour.dev: " + NO_DEVICE),
    ("rule", {"priority": 9}, "rule.table: None: expected the number of the table that the action lookup needs"),
    ("rule", {"priority": 9, "action": "nop", "table": 7}, "rule.table: 7: expected none with the action nop"),
    ("rule", {"priority": 9, "action": "goto", "goto": 9}, "rule.goto: 9: expected a priority behind the rule's own, 9"),
    ("rule", {"priority": 9, "table": 7, "from": "10.0.0.1/8"},
     "rule.from: '10.0.0.1/8': expected a prefix without host bits, such as 192.0.2.0/24"),
    ("rule", {"priority": 9, "table": 7, "from": "10.0.0.0/8", "to": "fd00::/8"},
     "rule.to: 'fd00::/8': expected prefixes of one IP version, and that ip_version"),
    ("rule", {"priority": 9, "table": 7, "from": "10.0.0.0/8", "ip_version": 6},
     "rule.ip_version: 6: expected prefixes of one IP version, and that ip_version"),
    ("rule", {"priority": 9, "table": 7, "fwmark": "0x100/0xff"},
     "rule.fwmark: '0x100/0xff': expected a mark of 32 bits that are all in its mask, such as 0x7/0xff"),
    ("rule", {"priority": 9, "table": 7, "fwmark": "0"},
     "rule.fwmark: '0': expected a mask with the mark 0, such as 0/0xff; or leave it out: any mark will do"),
    ("rule", {"priority": 9, "table": 7, "dport": "90-80"},
     "rule.dport: '90-80': expected a port, or a range of them such as 1000-1999, up to 65535"),
    ("rule", {"priority": 9, "table": 7, "ipproto": "tpc"},
     "rule.ipproto: 'tpc': expected an IP protocol's number from 1 to 255, or one of icmp, tcp, udp, gre, esp, ah, ipv6-icmp, sctp"),
    ("rule", {"priority": 9, "table": 7, "tos": 3}, "rule.tos: 3: expected a multiple of 4 from 0 to 252: the two lowest bits are ECN's"),
    ("rule", {"priority": 9, "table": 7, "suppress_prefixlength": 33},
     "rule.suppress_prefixlength: 33: expected a prefix length of IPv4, up to 32"),
    ("rule", {"priority": 9, "table": 7, "protocol": 2}, "rule.protocol: 2: expected another number: the kernel's own rules are left alone"),
    ("sysctl", {"key": "kernel/hostname", "value": "x"},
     "sysctl.key: 'kernel/hostname': expected a key below net, such as net/ipv4/ip_forward"),
    ("iptables", {"chain": "X"}, "state is present but any of the following are missing: rules, rule"),
    ("iptables", {"chain": "X", "rules": ["-j ACCEPT"], "rule": "-j ACCEPT"}, "parameters are mutually exclusive: rules|rule"),
    ("iptables", {"chain": "X", "rules": ["-j ACCEPT"], "position": "first"}, "missing parameter(s) required by 'position': rule"),
    ("iptables", {"chain": "INPUT", "rules": ["-j ACCEPT"]}, BUILT_IN),
    ("iptables", {"chain": "INPUT", "state": "absent"}, BUILT_IN),
    ("iptables", {"chain": "X", "rules": ["-A X -j ACCEPT"]},
     "iptables.rules[0]: '-A X -j ACCEPT': expected a rule without -A: table, chain and position are options of their own"),
    ("iptables", {"chain": "X", "rule": "-j ACCEPT"},
     "iptables.chain: there is no iptables chain X of table filter; create it first, or in the same document"),
    ("iptables", {"chain": "INPUT", "rule": ""}, "iptables.rule: '': expected one rule on one line, such as '-s 192.0.2.0/24 -j ACCEPT'"),
    ("network_info", {"netns": ["gone"]}, "netns[0]: 'gone': expected a namespace of this node (mine, pod)"),
    ("network_info", {"owner": "blue", "number": 3}, "number: 3: expected a fabric's number from 160 to 175"),
    ("network_info", {"number": 160}, "missing parameter(s) required by 'number': owner"),
]


def label(case):
    return "%s: %s" % (case[0], case[2][:40])


@pytest.mark.parametrize("case", REFUSED, ids=label)
def test_not_to_be_touched(node, case):
    module, options, message = case
    answer = node.module(module, **options)
    assert answer.get("failed") and answer["msg"] == message


@pytest.mark.parametrize("case", BAD, ids=label)
def test_bad_input(node, case):
    module, options, message = case
    answer = node.module(module, check=True, **options)
    assert answer.get("failed") and answer["msg"] == message


def test_rules_that_iptables_does_not_take_are_named(node):
    for rules, start, words in [
        (["-j ACCEPT", "-j NOWHERE"], "iptables.rules[1]: '-j NOWHERE': expected a rule that iptables takes; ", "NOWHERE"),
        (["-j ACCEPT", "--dport 80 -j ACCEPT"], "iptables.rules[1]: '--dport 80 -j ACCEPT': expected a rule that iptables takes; ", "--dport"),
        (["-s 192.0.2.1,192.0.2.2 -j ACCEPT"], "iptables.rules[0]: ", "expected rules that each stand for one rule"),
    ]:
        message = node.module("iptables", chain="X", rules=rules)["msg"]
        assert message.startswith(start) and words in message


@pytest.mark.parametrize("module, options", [("bridge", {"name": "br0"}), ("network", {"owner": "blue", "document": {}}), ("network_info", {})])
def test_what_the_machine_itself_refuses_is_an_error_and_no_traceback(module, options):
    with engine_node.node():
        engine_node.sh("touch /run/clusternet")
        answer = forked(module, **options)
        assert answer["failed"] and "Not a directory: '/run/clusternet" in answer["msg"], answer
