# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a life brings to objects of each kind: documents that follow one another on a node, each of which changes something.

A new kind needs an entry here: tests/kernel/test_engine_kinds.py holds every promise of the engine against it. The first word of a
name is the kind.
"""

from engine_documents import MIXED, changed, flannel, peer, policy, ports, sets, state, tunnel, vlans, wireguard

SMALL = dict(pods=("a",), peers=(2,))
FLANNEL = flannel(**SMALL)
BRIDGE = {"bridge": [{"name": "br0", "mac": "02:00:00:00:00:10", "mtu": 1500}]}
ON_BRIDGE = dict(BRIDGE, address=[{"dev": "br0", "address": "10.0.0.1/24"}])
P = {"netns": [{"name": "p"}]}
UNDERLAY = {"underlay": {"address": "198.18.0.11", "overhead": 100}}
TIMERS = {"forward_delay": 4, "hello_time": 1, "max_age": 6, "priority": 4096}
VETH = {"veth": [{"name": "x0", "peer": {"name": "x1"}}]}
WAYS = dict(ON_BRIDGE, veth=[{"name": "x0", "peer": {"name": "x1"}}], address=ON_BRIDGE["address"] + [
    {"dev": "br0", "address": "fd00::1/64"}, {"dev": "x1", "address": "10.0.1.1/24"}, {"dev": "x1", "address": "fd00:1::1/64"}])
FLOOD = "00:00:00:00:00:00"
GROUP = {"group": "239.1.1.1", "dev": "eth9", "local": "198.18.0.11"}
POD = {"dev": "eth0", "netns": "p", "address": "10.0.0.1/24"}


def of(document, *sections):
    """A document without what is not in these sections."""
    return {section: entries for section, entries in document.items() if section in sections}


def vtep(*devices):
    return {"vxlan": list(devices)}


LIVES = {
    "netns": [P, {"netns": [{"name": "p"}, {"name": "q"}]}, {"netns": [{"name": "q"}]}],
    "bridge": [BRIDGE, of(MIXED, "netns", "bridge"), of(FLANNEL, "underlay", "bridge")],
    "bridge with a spanning tree": [ports("v0", "v1"), ports("v0", "v1", stp=True, **TIMERS), ports("v1", group_fwd_mask=0x4008, priority=0)],
    "bridge with ports": [
        ports("v0", v0={"priority": 3, "cost": 7, "neigh_suppress": True, "broadcast_flood": False, "multicast_flood": False}),
        ports("v0", "v1", v0={"priority": 4, "fast_leave": True, "guard": True}, v1={"root_block": True, "cost": 65535}),
        ports("v0", "v1", v0={"guard": False, "neigh_suppress": False}),
    ],
    "bridge_vlan": [
        vlans({"dev": "x0", "vid": 10, "pvid": True, "untagged": True}, {"dev": "br0", "vid": 10}, {"dev": "y0", "vid": "100-102"}),
        # the PVID moves on and VLAN 10 becomes a tagged one; a range grows at one end; one of them is another
        vlans({"dev": "x0", "vid": 10}, {"dev": "x0", "vid": 20, "pvid": True, "untagged": True}, {"dev": "y0", "vid": "101-104"},
              {"dev": "y0", "vid": 105, "untagged": True}),
        # no default, of another protocol; the default itself is wanted; a port is of another bridge
        vlans({"dev": "x0", "vid": 20}, {"dev": "y0", "vid": 7, "pvid": True}, vlan_default_pvid=0, vlan_protocol="802.1ad"),
        vlans({"dev": "x0", "vid": 7, "untagged": True}, vlan_default_pvid=7),
        vlans({"dev": "x0", "vid": 9, "untagged": True}, master="br1", vlan_default_pvid=9, vlan_filtering=False),
    ],
    "bridge_port": [
        dict(BRIDGE, bridge_port=[{"name": "eth9p", "master": "br0"}]),
        {"bridge": [{"name": "br0"}, {"name": "br1"}], "bridge_port": [
            {"name": "eth9p", "master": "br1", "bridge_port": {"hairpin": True, "priority": 7}, "move_addresses": False}]},
        {"bridge": [{"name": "br1"}], "bridge_port": [{"name": "eth9p", "master": "br1", "bridge_port": {"hairpin": False}}]},
        {"bridge": [{"name": "br1"}]},
    ],
    "veth": [of(FLANNEL, "underlay", "netns", "bridge", "veth"), of(MIXED, "netns", "bridge", "veth")],
    "vxlan": [of(FLANNEL, "underlay", "vxlan"), of(MIXED, "underlay", "bridge", "vxlan")],
    "vxlan of every kind": [
        # several VNIs on one port, by a multicast group
        dict(BRIDGE, **vtep(dict(GROUP, name="vx1", vni=10, ttl=4, tos=16, ageing_time=100, master="br0"), dict(GROUP, name="vx2", vni=11)),
             vxlan_fdb=[{"dev": "vx1", "mac": FLOOD, "dst": "198.18.0.12"}], address=[{"dev": "vx2", "address": "10.0.0.1/24"}],
             route=[{"dst": "10.1.0.0/16", "via": "10.0.0.9"}]),
        # some of it in place; another group makes it anew, and its addresses, routes and master with it; external, by two VNIs
        dict(BRIDGE, **vtep(dict(GROUP, name="vx1", vni=10, ttl=9, tos=0, ageing_time=1, learning=False, group="239.1.1.2", master="br0"),
                            {"name": "vx2", "external": True, "port": 4790, "learning": False}),
             vxlan_fdb=[{"dev": "vx1", "mac": FLOOD, "dst": "198.18.0.13", "port": 5000, "vni": 9, "via": "eth9"},
                        {"dev": "vx2", "mac": "02:00:00:00:00:44", "dst": "198.18.0.12", "src_vni": 7, "vni": 8},
                        {"dev": "vx2", "mac": "02:00:00:00:00:44", "dst": "198.18.0.13", "src_vni": 9},
                        {"dev": "vx2", "mac": FLOOD, "dst": "198.18.0.13", "src_vni": 9}, {"dev": "vx2", "mac": FLOOD, "dst": "198.18.0.12", "src_vni": 9}],
             address=[{"dev": "vx2", "address": "10.0.0.1/24"}], route=[{"dst": "10.1.0.0/16", "via": "10.0.0.9"}]),
        # over IPv6, and the flags; by another device than the tunnel's own
        dict(VETH, **vtep({"name": "vx1", "vni": 10, "local": "fd00::11", "dev": "eth9", "group": "ff05::7", "udp6zerocsumtx": True, "udp6zerocsumrx": True},
                          {"name": "vx2", "vni": 12, "port": 4791, "local": "198.18.0.11", "dev": "x0", "srcport": "50000-60000", "proxy": True,
                           "l2miss": True, "l3miss": True, "udpcsum": False}),
             vxlan_fdb=[{"dev": "vx1", "mac": "02:00:00:00:00:44", "dst": "fd00::12", "via": "x0"}, {"dev": "vx1", "mac": FLOOD, "dst": "fd00::13"}]),
        # without a group, and with another device of that name
        {"veth": [{"name": "x0", "peer": {"name": "x2"}}],
         **vtep({"name": "vx1", "vni": 10, "local": "fd00::11", "dev": "eth9", "group": "", "udpcsum": True}),
         "vxlan_fdb": [{"dev": "vx1", "mac": "02:00:00:00:00:44", "dst": "fd00::12", "via": "x0"}]},
    ],
    "vxlan_fdb": [of(FLANNEL, "underlay", "vxlan", "vxlan_fdb"), of(MIXED, "underlay", "bridge", "vxlan", "vxlan_fdb")],
    "sysctl": [{"sysctl": FLANNEL["sysctl"][:1]}, dict(P, sysctl=MIXED["sysctl"][1:])],
    "address": [ON_BRIDGE, of(MIXED, "underlay", "netns", "bridge", "veth", "address")],
    "neighbour": [dict(ON_BRIDGE, neighbour=[{"dev": "br0", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}]),
                  dict(ON_BRIDGE, neighbour=[{"dev": "br0", "address": "10.0.0.9", "mac": "02:00:00:00:00:08"}])],
    "proxy_neighbour": [
        dict(ON_BRIDGE, proxy_neighbour=[{"dev": "br0", "address": "10.0.0.9"}, {"dev": "eth9", "address": "198.18.0.77"}]),
        {"bridge": [{"name": "br0", "mac": "02:00:00:00:00:11", "mtu": 1400}], "address": [{"dev": "br0", "address": "10.0.0.2/24"}],
         "proxy_neighbour": [{"dev": "br0", "address": "10.0.0.9"}, {"dev": "br0", "address": "fd00::9"}]},
        dict(P, **VETH, proxy_neighbour=[{"dev": "x0", "address": "fd00::9"}, {"dev": "x1", "address": "10.0.0.9"}]),
        dict(P, veth=[{"name": "x0", "up": False, "peer": {"name": "x1", "mtu": 1000}}],
             proxy_neighbour=[{"dev": "x0", "address": "fd00::9"}, {"dev": "x1", "address": "10.0.0.9"},
                              {"dev": "lo", "netns": "p", "address": "10.0.0.9"}]),
    ],
    "route": [dict(ON_BRIDGE, route=[{"dst": "10.1.0.0/16", "via": "10.0.0.9"}, {"dst": "10.2.0.0/16", "type": "blackhole"}]),
              dict(ON_BRIDGE, route=[{"dst": "10.1.0.0/16", "via": "10.0.0.8"}, {"dst": "10.2.0.0/16", "dev": "br0", "metric": 5, "table": 99}])],
    "route by several ways": [
        dict(WAYS, route=[
            {"dst": "10.1.0.0/16", "nexthops": [{"via": "10.0.0.9", "weight": 3}, {"via": "10.0.1.9", "dev": "x1"}], "mtu": 1400},
            {"dst": "10.2.0.0/16", "nexthops": [{"dev": "br0"}, {"via": "192.0.2.1", "dev": "x1", "onlink": True, "weight": 256}], "src": "10.0.0.1"},
            {"dst": "10.3.0.0/16", "via": "10.0.0.9", "metric": 5}, {"dst": "10.4.0.0/16", "nexthops": [{"via": "10.0.0.9"}], "advmss": 1200},
            {"dst": "fd01::/64", "nexthops": [{"via": "fd00::9", "weight": 3}, {"via": "fd00:1::9", "dev": "x1"}], "table": 99, "mtu": 1400},
            {"dst": "fd02::/64", "via": "fd00::9"}, {"dst": "fd03::/64", "nexthops": [{"via": "fd00::9"}, {"via": "fd00::8"}, {"via": "fd00::7"}]},
            {"dst": "10.5.0.0/16", "type": "throw"}, {"dst": "fd05::/64", "type": "throw", "table": 99},
            {"dst": "10.6.0.0/16", "via": "fd00::9", "dev": "br0"}]),
        # from several to one and back, other weights, other types, the same hops in another order
        dict(WAYS, route=[
            {"dst": "10.1.0.0/16", "nexthops": [{"via": "10.0.1.9", "dev": "x1"}, {"via": "10.0.0.9", "weight": 3}], "mtu": 1400},
            {"dst": "10.2.0.0/16", "dev": "br0"}, {"dst": "10.4.0.0/16", "nexthops": [{"via": "10.0.0.9"}, {"via": "fd00::9", "dev": "br0"}]},
            {"dst": "10.3.0.0/16", "nexthops": [{"via": "10.0.0.9"}, {"via": "10.0.0.8", "weight": 2}], "metric": 5},
            {"dst": "fd01::/64", "via": "fd00:1::9", "table": 99, "mtu": 1300},
            {"dst": "fd02::/64", "nexthops": [{"via": "fd00::9", "weight": 2}, {"via": "fd00::8"}]},
            {"dst": "fd03::/64", "nexthops": [{"via": "fd00::6"}, {"via": "fd00::8", "weight": 9}, {"via": "fd00:2::1", "dev": "x1", "onlink": True}]},
            {"dst": "10.5.0.0/16", "type": "unreachable"}, {"dst": "fd05::/64", "via": "fd00::9", "table": 99}]),
        # a device goes, and is put in another's place; IPv6 goes off another
        dict(WAYS, veth=[{"name": "x1", "mtu": 1000, "peer": {"name": "x0"}}], address=[
            {"dev": "br0", "address": "10.0.0.2/24"}, {"dev": "br0", "address": "fd00::1/64"}, {"dev": "x1", "address": "10.0.1.1/24"}], route=[
            {"dst": "10.1.0.0/16", "nexthops": [{"via": "10.0.1.9", "dev": "x1"}, {"via": "10.0.0.9", "weight": 3}], "mtu": 1400},
            {"dst": "10.2.0.0/16", "nexthops": [{"dev": "br0"}, {"dev": "x1"}], "src": "10.0.1.1"},
            {"dst": "10.3.0.0/16", "type": "prohibit", "metric": 5},
            {"dst": "fd02::/64", "nexthops": [{"via": "fd00::8"}, {"via": "fd00::9", "weight": 2}]}, {"dst": "fd03::/64", "type": "blackhole"}]),
        {"bridge": BRIDGE["bridge"], "address": [{"dev": "br0", "address": "10.0.0.2/24"}], "route": [
            {"dst": "10.1.0.0/16", "nexthops": [{"via": "10.0.0.9"}, {"via": "198.18.0.1"}]}]},
    ],
    "rule": [
        {"rule": [{"priority": 100, "from": "10.1.0.0/16", "table": 99}, {"priority": 100, "fwmark": "0x7/0xff", "table": 99},
                  {"priority": 100, "table": 99}, {"priority": 100, "table": 98, "suppress_prefixlength": 0},
                  {"priority": 101, "fwmark": 8, "ip_version": 6, "action": "prohibit"}],
         "route": [{"dst": "10.9.0.0/16", "type": "blackhole", "table": 99}]},
        # all that a rule can say, some in a namespace; the widest of those of priority 100 goes from behind the narrower ones
        dict(P, rule=[
            {"priority": 100, "from": "10.1.0.0/16", "table": 99, "invert": True}, {"priority": 100, "fwmark": "0x7/0xff", "table": 99},
            {"priority": 7, "ip_version": 6, "to": "fd00:1::/64", "from": "fd00::/16", "iif": "eth9", "oif": "gone", "tos": 16, "ipproto": "tcp",
             "sport": "1000-1999", "dport": "80", "uidrange": "0-999", "fwmark": "0x1", "suppress_prefixlength": 0, "table": 4000000000},
            {"priority": 40000, "ipproto": 47, "to": "10.0.0.1/32", "action": "goto", "goto": 40001, "netns": "p"},
            {"priority": 40001, "action": "nop", "netns": "p"}, {"priority": 0, "action": "unreachable", "iif": "lo", "uidrange": "7"}]),
        dict(P, rule=[
            {"priority": 100, "from": "10.1.0.0/16", "table": 100}, {"priority": 40001, "action": "blackhole", "netns": "p"},
            {"priority": 40000, "ipproto": "gre", "to": "10.0.0.1", "action": "goto", "goto": 40002, "netns": "p"}]),
        {"rule": [{"priority": 100, "from": "10.1.0.0/16", "table": 100}, {"priority": 100, "table": 100}, {"priority": 100, "tos": 8, "table": 100}]},
        {"rule": [{"priority": 100, "from": "10.1.0.0/16", "table": 100}, {"priority": 100, "table": 100, "invert": True},
                  {"priority": 100, "tos": 8, "table": 100}]},
    ],
    "ipset": [sets(), sets(peers=("192.0.2.0/25", "198.51.100.7")), sets(maxelem=1000, comment=True, using=("both",))],
    "ipset of another type": [sets(), sets(type_="hash:ip", peers=("192.0.2.1-192.0.2.3",))],
    "wireguard": [
        wireguard(),
        wireguard(peer(4, "10.1.0.0/16", "fd00::1/64", endpoint="198.18.0.12:51820", persistent_keepalive=25), peer(5, "10.2.0.1")),
        dict(P, **wireguard(peer(4, "fd00::/64", endpoint="[2001:db8::1]:1", preshared_key_file="/run/keys/wireguard3"),
                            peer(6, "10.1.0.0/16", "10.2.0.1"), fwmark=7, mtu=1300)),
        # never up: at the first time the kernel takes IPv6's own addresses off such a device, and nothing gives them back
        of(wireguard(peer(6, "10.1.0.0/16"), key=2, listen_port=51821, up=False, name="wg1"), "wireguard"),
    ],
    "xfrm_policy": [
        {"xfrm_policy": tunnel()},
        {"xfrm_policy": tunnel(priority=7, reqid=12) + tunnel(there="10.244.3.0/24", ends=("198.18.0.11", "198.18.0.13"))},
        dict(P, xfrm_policy=tunnel("fd00:1::/64", "fd00:2::/64", ("fd00::1", "fd00::2")) + [
            policy("out", "0.0.0.0/0", "198.18.0.12/32", template={"mode": "transport", "level": "use"}),
            policy("out", "10.244.1.0/24", "10.244.2.0/24"),
            dict(policy("in", "10.0.0.0/8", "10.0.0.1/32", action="block"), netns="p")]),
    ],
    "xfrm_state": [
        {"xfrm_state": [state("198.18.0.11", "198.18.0.12", 0x1000), state("198.18.0.12", "198.18.0.11", 0x1001, key=2)]},
        # another key, another window, another mode; and one more, in a namespace, for IPv6
        dict(P, xfrm_state=[
            state("198.18.0.11", "198.18.0.12", 0x1000, key=3), state("198.18.0.12", "198.18.0.11", 0x1001, key=2, replay_window=64),
            dict(state("fd00::1", "fd00::2", 0xFFFFFFFF, mode="tunnel", esn=False, replay_window=32, reqid=11, icv=96), netns="p")]),
        {"xfrm_state": [state("198.18.0.13", "198.18.0.12", 0x1000, esn=False, replay_window=0)],
         "xfrm_policy": [policy("out", "198.18.0.11/32", "198.18.0.12/32", template={"mode": "transport"})]},
    ],
    "iptables_chain": [of(FLANNEL, "iptables_chain"), of(MIXED, "netns", "iptables_chain")],
    "iptables_rule": [of(FLANNEL, "iptables_chain", "iptables_rule"), of(changed(MIXED, iptables_chain=FLANNEL["iptables_chain"]), "iptables_chain")],
    "dummy": [
        {"dummy": [{"name": "d0"}], "address": [{"dev": "d0", "address": "10.0.0.1/24"}]},
        {"dummy": [{"name": "d0", "mtu": 1400, "mac": "02:00:00:00:00:d0"}], "address": [{"dev": "d0", "address": "10.0.0.1/24"}]},
        dict(BRIDGE, dummy=[{"name": "d0", "master": "br0", "bridge_port": {"isolated": True}}, {"name": "d1", "mtu": 9000, "up": False}]),
    ],
    "veth led from a namespace": [dict(P, veth=[{"name": "x0", "netns": "p", "peer": {"name": "x1", "mtu": 1400}}])],
    "macvlan": [
        dict(P, macvlan=[{"name": "eth0", "netns": "p", "parent": "eth9", "mac": "02:00:00:00:00:a1"}], address=[POD]),
        # of the parent's name, and with its MTU and its like in another mode
        dict(P, **UNDERLAY, macvlan=[{"name": "eth9", "netns": "p", "parent": "auto", "mtu": "auto", "mode": "private"},
                                     {"name": "m1", "parent": "eth9", "up": False, "mode": "vepa"}]),
        # on links of ours, one of them in the namespace, which becomes smaller than its children
        dict(BRIDGE, **P, veth=[{"name": "x0", "netns": "p", "peer": {"name": "x1"}}],
             macvlan=[{"name": "m1", "parent": "br0", "mode": "vepa"}, {"name": "m2", "parent": "x0", "parent_netns": "p", "mtu": 1500}]),
        dict(P, bridge=[{"name": "br0", "mtu": 1400}, {"name": "br1", "mac": "02:00:00:00:00:11"}],
             veth=[{"name": "x0", "netns": "p", "mtu": 1300, "peer": {"name": "x1"}}],
             macvlan=[{"name": "m1", "netns": "p", "parent": "br0"}, {"name": "m2", "parent": "x0", "parent_netns": "p", "master": "br1"}]),
    ],
    "macvlan in the other modes": [
        {"macvlan": [{"name": "m1", "parent": "eth9", "mode": "source", "source_macs": ["02:00:00:00:00:0B", "02:00:00:00:00:0a"], "bcqueuelen": 500},
                     {"name": "m2", "parent": "eth9", "mode": "private"}]},
        {"macvlan": [{"name": "m1", "parent": "eth9", "mode": "source", "source_macs": ["02:00:00:00:00:0c", "02:00:00:00:00:0b"]},
                     {"name": "m2", "parent": "eth9", "mode": "source", "source_macs": ["02:00:00:00:00:0a"], "bcqueuelen": 2000}]},
        {"macvlan": [{"name": "m1", "parent": "eth9", "mode": "source", "source_macs": []}, {"name": "m2", "parent": "eth9", "mode": "vepa"}]},
        # alone on its parent, others make way; and back
        dict(P, macvlan=[{"name": "m1", "parent": "eth9", "mode": "passthru"}], address=[{"dev": "m1", "address": "10.0.0.1/24"}]),
        dict(P, macvlan=[{"name": "m9", "netns": "p", "parent": "eth9", "mode": "passthru"}]),
        {"macvlan": [{"name": "m1", "parent": "eth9", "mode": "bridge"}]},
        dict(VETH, macvlan=[{"name": "m1", "parent": "x0", "mode": "passthru"}]),
        {"veth": [{"name": "x0", "mac": "02:00:00:00:00:02", "mtu": 1400, "peer": {"name": "x1"}}],
         "macvlan": [{"name": "m1", "parent": "x0", "mode": "passthru"}]},
    ],
    "ipvlan": [
        dict(P, ipvlan=[{"name": "eth0", "netns": "p", "parent": "eth9"}], address=[POD],
             neighbour=[{"dev": "eth0", "netns": "p", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}]),
        dict(P, ipvlan=[{"name": "eth0", "netns": "p", "parent": "eth9", "mode": "l3", "flag": "private"},
                        {"name": "i1", "parent": "eth9", "mode": "l3", "flag": "private", "mtu": 1400}], address=[POD]),
        dict(P, veth=[{"name": "x0", "mac": "02:00:00:00:00:01", "peer": {"name": "x1"}}], ipvlan=[{"name": "x0", "netns": "p", "parent": "x0"}]),
        dict(P, veth=[{"name": "x0", "mac": "02:00:00:00:00:02", "mtu": 1400, "up": False, "peer": {"name": "x1"}}],
             ipvlan=[{"name": "x0", "netns": "p", "parent": "x0", "mode": "l3s"}]),
    ],
    "vlan": [
        dict(P, vlan=[{"name": "eth0", "netns": "p", "parent": "eth9", "id": 5}, {"name": "eth9.6", "parent": "eth9", "id": 6, "mtu": 1400}],
             address=[POD]),
        dict(P, vlan=[{"name": "eth0", "netns": "p", "parent": "eth9", "id": 6}, {"name": "eth9.6", "parent": "eth9", "id": 5, "up": False},
                      {"name": "a", "parent": "eth9", "id": 6, "protocol": "802.1ad"}], address=[POD]),
        # with the parent, down goes up, and up goes down
        dict(VETH, vlan=[{"name": "v1", "parent": "x0", "id": 7}]),
        {"veth": [{"name": "x0", "up": False, "mtu": 1400, "mac": "02:00:00:00:00:02", "peer": {"name": "x1"}}],
         "vlan": [{"name": "v1", "parent": "x0", "id": 7, "up": False}]},
        dict(VETH, vlan=[{"name": "v1", "parent": "x0", "id": 7, "up": False}]),
    ],
    "tuntap": [
        dict(BRIDGE, tuntap=[{"name": "t0", "mtu": 1400}, {"name": "t3", "mtu": 1400, "process_headers": True},
                             {"name": "t1", "mode": "tap", "master": "br0", "bridge_port": {"hairpin": True}}],
             address=[{"dev": "t0", "address": "10.0.0.1/24"}, {"dev": "t0", "address": "fd00::1/64"}],
             route=[{"dst": "10.1.0.0/16", "dev": "t0"}, {"dst": "10.2.0.0/16", "nexthops": [{"dev": "t0"}, {"via": "198.18.0.1", "dev": "eth9"}]}]),
        # in a namespace, with all that there is; and of another mode under the same name
        dict(P, tuntap=[{"name": "t2", "netns": "p", "mode": "tap", "mac": "02:00:00:00:00:22", "owner": 1000, "owner_group": 0, "pi": True,
                         "vnet_hdr": True, "multi_queue": True}, {"name": "t0", "mode": "tap", "up": False},
                        {"name": "t3"}],
             address=[{"dev": "t2", "netns": "p", "address": "10.0.0.1/24"}],
             neighbour=[{"dev": "t2", "netns": "p", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}]),
        dict(P, tuntap=[{"name": "t2", "netns": "p", "mode": "tap", "mac": "02:00:00:00:00:22", "owner": 0, "owner_group": 0},
                        {"name": "t0", "mode": "tap", "mtu": 9000}, {"name": "t3", "owner": 7}],
             address=[{"dev": "t2", "netns": "p", "address": "10.0.0.1/24"}],
             neighbour=[{"dev": "t2", "netns": "p", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}]),
    ],
    "ipip": [
        dict(UNDERLAY, ipip=[{"name": "ip1", "local": "198.18.0.11", "remote": "198.18.0.12", "dev": "auto", "mtu": "auto", "ttl": 64}],
             address=[{"dev": "ip1", "address": "10.0.0.1/32"}], route=[{"dst": "10.1.0.0/16", "dev": "ip1"}]),
        dict(P, ipip=[{"name": "ip1", "local": "198.18.0.11", "mtu": 1400}, {"name": "ip2", "netns": "p", "remote": "198.18.0.12", "up": False}],
             address=[{"dev": "ip1", "address": "10.0.0.1/32"}], route=[{"dst": "10.1.0.0/16", "via": "198.18.0.13", "dev": "ip1", "onlink": True}]),
        dict(VETH, ipip=[{"name": "ip9", "local": "198.18.0.11", "dev": "x0"}]),
    ],
}  # fmt: skip
