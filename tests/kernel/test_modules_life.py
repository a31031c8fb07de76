# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every granular module from absent to present and back, on a real kernel: check mode, twice, the diff, and as found."""

import pytest
from features import cases
from module_node import ModuleNode

pytestmark = pytest.mark.kernel

# br0 has a port already: from the first one on, a bridge keeps some of its port's limits.
SETUP = """
ip link add eth0 type veth peer name far
ip address add 192.0.2.11/24 dev eth0
ip link set eth0 up
ip link set far up
ip link add br0 address 02:00:5e:10:00:01 type bridge
ip link add port master br0 type veth peer name port-end
ip link add vtep type vxlan id 7 dstport 4789 local 192.0.2.11 dev eth0
ip link set vtep up
ip netns add web
ip -n web link add eth0 type veth peer name far
ip -n web link set far up
ip netns exec web sysctl -qw net/ipv4/conf/all/send_redirects=0
ip -n web link set eth0 up
ip -n web address add 2001:db8::11/64 dev eth0
ipset create theirs hash:ip
printf '0x%072d' 7 > /run/esp
iptables -N THEIRS
iptables -A THEIRS -j RETURN
"""

# module: (options, those that name the object or None where it cannot be absent, commands)
LIVES = {
    "netns": ({"name": "db"}, {"name": "db"}, ["ip netns add db", "ip -n db link set dev lo up"]),
    "veth": (
        {"name": "v0", "mtu": "1400", "master": "br0", "bridge_port": {"hairpin": True},
         "peer": {"name": "eth1", "netns": "web", "mac": "02:00:5e:10:00:02"}},
        {"name": "v0"},
        ["ip link add name v0 mtu 1400 master br0 type veth peer name eth1 address 02:00:5e:10:00:02 netns web",
         "ip link set dev v0 up",
         "ip link set dev v0 type bridge_slave hairpin on",
         "ip -n web link set dev eth1 up"],
    ),
    "bridge": (
        {"netns": "web", "name": "br1", "ageing_time": 20, "stp": True, "forward_delay": 4, "group_fwd_mask": 16384},
        {"netns": "web", "name": "br1"},
        ["ip -n web link add name br1 type bridge stp_state 1 forward_delay 400 ageing_time 2000 group_fwd_mask 16384", "ip -n web link set dev br1 up"],
    ),
    "bridge_vlan": (
        {"dev": "port", "vid": "10-12", "untagged": True},
        {"dev": "port", "vid": "10-12"},
        ["bridge vlan add dev port vid 10-12 untagged"],
    ),
    "bridge_vlan of the bridge": (
        {"dev": "br0", "vid": "7"},
        {"dev": "br0", "vid": "7"},
        ["bridge vlan add dev br0 vid 7 self"],
    ),
    "dummy": (
        {"netns": "web", "name": "d0", "mtu": "1400"},
        {"netns": "web", "name": "d0"},
        ["ip -n web link add name d0 mtu 1400 type dummy", "ip -n web link set dev d0 up"],
    ),
    "tuntap": (
        {"netns": "web", "name": "vm1", "mode": "tap", "owner": 1000, "vnet_hdr": True, "mac": "02:00:5e:10:00:77"},
        {"netns": "web", "name": "vm1"},
        ["ip -n web tuntap add dev vm1 mode tap user 1000 vnet_hdr", "ip -n web link set dev vm1 address 02:00:5e:10:00:77",
         "ip -n web link set dev vm1 up"],
    ),
    "tuntap without Ethernet": (
        {"name": "vpn"},
        {"name": "vpn"},
        ["ip tuntap add dev vpn mode tun", "ip link set dev vpn up"],
    ),
    "vlan": (
        {"name": "eth0.42", "parent": "eth0", "id": 42},
        {"name": "eth0.42"},
        ["ip link add link eth0 name eth0.42 type vlan protocol 802.1Q id 42", "ip link set dev eth0.42 up"],
    ),
    "macvlan": (
        {"netns": "web", "name": "eth1", "parent": "eth0", "mtu": "1400"},
        {"netns": "web", "name": "eth1"},
        ["ip link add link eth0 name tmpbf6e140e netns web mtu 1400 type macvlan mode bridge",
         "ip -n web link set dev tmpbf6e140e name eth1", "ip -n web link set dev eth1 up"],
    ),
    "macvlan of sources": (
        {"name": "m0", "parent": "eth0", "mode": "source", "source_macs": ["02:00:5e:10:00:0B", "02:00:5e:10:00:0a"], "bcqueuelen": 500},
        {"name": "m0"},
        ["ip link add link eth0 name m0 type macvlan mode source macaddr set 02:00:5e:10:00:0a 02:00:5e:10:00:0b bcqueuelen 500",
         "ip link set dev m0 up"],
    ),
    "ipvlan": (
        {"netns": "web", "name": "eth1", "parent": "eth0", "parent_netns": "web", "mode": "l3"},
        {"netns": "web", "name": "eth1"},
        ["ip -n web link add link eth0 name eth1 type ipvlan mode l3 bridge", "ip -n web link set dev eth1 up"],
    ),
    "ipip": (
        {"name": "to-b", "local": "192.0.2.11", "dev": "auto", "mtu": "auto"},
        {"name": "to-b"},
        ["ip link add name to-b mtu 1480 type ipip local 192.0.2.11 dev eth0", "ip link set dev to-b up"],
    ),
    "vxlan": (
        {"name": "vxlan42", "vni": 42, "local": "192.0.2.11", "dev": "auto", "mtu": "auto", "learning": False,
         "mac": "02:00:5e:10:00:2a"},
        {"name": "vxlan42"},
        ["ip link add name vxlan42 mtu 1450 address 02:00:5e:10:00:2a type vxlan id 42 dstport 4789 local 192.0.2.11 dev eth0 nolearning",
         "ip link set dev vxlan42 up"],
    ),
    "wireguard": (
        {"name": "wg0", "netns": "web", "listen_port": 51820, "private_key_file": "/run/key", "peers": [
            {"public_key": "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=", "endpoint": "192.0.2.12:51820", "allowed_ips": ["198.51.100.7/24"]}]},
        {"name": "wg0", "netns": "web"},
        ["ip -n web link add name wg0 type wireguard",
         "test -e /run/key || wg genkey | (umask 0277 && cat > /run/key)",
         "ip netns exec web wg set wg0 listen-port 51820 private-key /run/key",
         "ip netns exec web wg set wg0 peer BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ= preshared-key /dev/null endpoint 192.0.2.12:51820 "
         "persistent-keepalive 0 allowed-ips 198.51.100.0/24",
         "ip -n web link set dev wg0 up"],
    ),
    "xfrm_state": (
        {"netns": "web", "src": "192.0.2.11", "dst": "192.0.2.12", "spi": "4096", "reqid": 11, "key_file": "/run/esp"},
        {"netns": "web", "dst": "192.0.2.12", "spi": 4096},
        ["ip -n web xfrm state add src 192.0.2.11 dst 192.0.2.12 proto esp spi 0x00001000 reqid 11 mode tunnel replay-window 32 "
         "aead 'rfc4106(gcm(aes))' \"$(cat /run/esp)\" 128"],
    ),
    "xfrm_policy": (
        {"netns": "web", "dir": "out", "src": "198.51.100.0/24", "dst": "203.0.113.0/24",
         "template": {"src": "192.0.2.11", "dst": "192.0.2.12", "reqid": 11}},
        {"netns": "web", "dir": "out", "src": "198.51.100.0/24", "dst": "203.0.113.0/24"},
        ["ip -n web xfrm policy add src 198.51.100.0/24 dst 203.0.113.0/24 dir out priority 0 tmpl src 192.0.2.11 dst 192.0.2.12 proto esp "
         "reqid 11 mode tunnel level required"],
    ),
    "bridge_port": (
        {"name": "far", "master": "br0", "bridge_port": {"isolated": True}, "move_addresses": False},
        {"name": "far"},
        ["ip link set dev far master br0", "ip link set dev far type bridge_slave isolated on"],
    ),
    "vxlan by a group": (
        {"name": "vxlan43", "vni": 43, "dev": "eth0", "group": "239.1.1.1", "ttl": 8, "tos": 16, "srcport": "49152-65535", "udpcsum": False,
         "learning": False, "l2miss": True},
        {"name": "vxlan43"},
        ["ip link add name vxlan43 type vxlan id 43 dstport 4789 dev eth0 group 239.1.1.1 nolearning ttl 8 tos 0x10 srcport 49152 65535 l2miss noudpcsum",
         "ip link set dev vxlan43 up"],
    ),
    "vxlan in external mode": (
        {"name": "vxlan-ext", "netns": "web", "external": True, "port": 4790},
        {"name": "vxlan-ext", "netns": "web"},
        ["ip -n web link add name vxlan-ext type vxlan external dstport 4790 learning", "ip -n web link set dev vxlan-ext up"],
    ),
    "vxlan_fdb by another device": (
        {"dev": "vtep", "mac": "00:00:00:00:00:00", "dst": "192.0.2.12", "port": 8472, "vni": 9, "via": "port"},
        {"dev": "vtep", "mac": "00:00:00:00:00:00", "dst": "192.0.2.12"},
        ["bridge fdb append 00:00:00:00:00:00 dev vtep dst 192.0.2.12 port 8472 vni 9 via port self permanent"],
    ),
    "vxlan_fdb": (
        {"dev": "vtep", "mac": "02:00:5e:10:00:2b", "dst": "192.0.2.12"},
        {"dev": "vtep", "mac": "02:00:5e:10:00:2b"},
        ["bridge fdb replace 02:00:5e:10:00:2b dev vtep dst 192.0.2.12 self permanent"],
    ),
    "address": (
        {"dev": "eth0", "address": "198.51.100.1/24"},
        {"dev": "eth0", "address": "198.51.100.1/24"},
        ["ip address add 198.51.100.1/24 brd + dev eth0 scope global"],
    ),
    "route": (
        {"dst": "203.0.113.0/24", "via": "192.0.2.1"},
        {"dst": "203.0.113.0/24"},
        ["ip route add 203.0.113.0/24 via 192.0.2.1 proto 4 scope global"],
    ),
    "route in IPv6": (
        {"netns": "web", "dst": "default", "via": "2001:db8::1", "src": "2001:db8::11"},
        {"netns": "web", "dst": "::/0"},
        ["ip -n web -6 route add ::/0 via 2001:db8::1 proto 4 metric 1024 src 2001:db8::11"],
    ),
    "route that drops": (
        {"dst": "203.0.113.0/24", "type": "blackhole", "metric": 9, "table": 1000},
        {"dst": "203.0.113.0/24", "metric": 9, "table": 1000},
        ["ip route add blackhole 203.0.113.0/24 proto 4 scope global table 1000 metric 9"],
    ),
    "route by several ways": (
        {"dst": "203.0.113.0/24", "nexthops": [{"via": "192.0.2.1", "weight": 3}, {"via": "192.0.2.2", "dev": "eth0"}], "mtu": 1400,
         "src": "192.0.2.11"},
        {"dst": "203.0.113.0/24"},
        ["ip route add 203.0.113.0/24 proto 4 scope global src 192.0.2.11 mtu 1400 nexthop via 192.0.2.1 weight 3 nexthop via 192.0.2.2 dev eth0"],
    ),
    "route by several ways in IPv6": (
        {"netns": "web", "dst": "2001:db8:1::/64", "nexthops": [{"via": "2001:db8::1"}, {"via": "fe80::1", "dev": "eth0"}], "advmss": 1200},
        {"netns": "web", "dst": "2001:db8:1::/64"},
        ["ip -n web -6 route add 2001:db8:1::/64 proto 4 metric 1024 advmss 1200 nexthop via 2001:db8::1 nexthop via fe80::1 dev eth0"],
    ),
    "route that goes on with the next rule": (
        {"dst": "203.0.113.0/24", "type": "throw", "table": 1000},
        {"dst": "203.0.113.0/24", "table": 1000},
        ["ip route add throw 203.0.113.0/24 proto 4 scope global table 1000"],
    ),
    "rule": (
        {"netns": "web", "priority": 100, "from": "198.51.100.0/24", "fwmark": "0x10/0xff", "ipproto": "tcp", "dport": "80", "table": 99},
        {"netns": "web", "priority": 100, "from": "198.51.100.0/24", "fwmark": "0x10/0xff", "ipproto": "tcp", "dport": "80", "table": 99},
        ["ip -n web rule add from 198.51.100.0/24 fwmark 0x10/0xff ipproto 6 dport 80 priority 100 protocol 4 lookup 99"],
    ),
    "rule in IPv6": (
        {"priority": 100, "to": "2001:db8::/32", "invert": True, "action": "unreachable", "protocol": 186},
        {"priority": 100, "to": "2001:db8::/32", "action": "unreachable"},
        ["ip -6 rule add not from all to 2001:db8::/32 priority 100 protocol 186 unreachable"],
    ),
    "neighbour": (
        {"dev": "eth0", "address": "192.0.2.12", "mac": "02:00:5e:10:00:2b"},
        {"dev": "eth0", "address": "192.0.2.12"},
        ["ip neighbour replace 192.0.2.12 lladdr 02:00:5e:10:00:2b dev eth0 nud permanent"],
    ),
    "proxy_neighbour": (
        {"dev": "eth0", "address": "192.0.2.12", "protocol": 186},
        {"dev": "eth0", "address": "192.0.2.12"},
        ["ip neighbour add proxy 192.0.2.12 dev eth0 protocol 186"],
    ),
    "proxy_neighbour in IPv6": (
        {"netns": "web", "dev": "eth0", "address": "2001:db8::0012"},
        {"netns": "web", "dev": "eth0", "address": "2001:db8::12"},
        ["ip -n web neighbour add proxy 2001:db8::12 dev eth0"],
    ),
    "sysctl": (
        {"netns": "web", "key": "net.ipv4.conf.eth0.rp_filter", "value": "2"},
        None,
        ["ip netns exec web sysctl -w net/ipv4/conf/eth0/rp_filter=2"],
    ),
    "ipset": (
        {"name": "peers", "type": "hash:net", "timeout": 600, "members": ["192.0.2.7/24", {"member": "198.51.100.1", "timeout": 0, "comment": "a b"}]},
        {"name": "peers"},
        ["ipset create peers hash:net family inet maxelem 65536 timeout 600 comment", "ipset add peers 192.0.2.0/24 -exist",
         "ipset add peers 198.51.100.1 timeout 0 comment 'a b' -exist"],
    ),
    "ipset of sets": (
        {"netns": "web", "name": "all", "type": "list:set", "members": []},
        {"netns": "web", "name": "all"},
        ["ip netns exec web ipset create all list:set size 8"],
    ),
    "iptables rule with a set": (
        {"chain": "THEIRS", "rule": "-m set --match-set theirs src -j ACCEPT"},
        {"chain": "THEIRS", "rule": "-m set --match-set theirs src -j ACCEPT"},
        ["iptables -t filter -A THEIRS -m set --match-set theirs src -j ACCEPT"],
    ),
    "iptables chain": (
        {"table": "nat", "chain": "BLUE", "rules": ["--destination 192.0.2.0/24 -j RETURN", "-j MASQUERADE -s 192.0.2.0/24"]},
        {"table": "nat", "chain": "BLUE"},
        ["iptables -t nat -N BLUE", "iptables -t nat -A BLUE -d 192.0.2.0/24 -j RETURN",
         "iptables -t nat -A BLUE -s 192.0.2.0/24 -j MASQUERADE"],
    ),
    "iptables rule": (
        {"chain": "THEIRS", "rule": "-p tcp --dport 80 -j ACCEPT", "position": "first"},
        {"chain": "THEIRS", "rule": "-p tcp -m tcp --dport 80 -j ACCEPT"},
        ["iptables -t filter -I THEIRS 1 -p tcp -m tcp --dport 80 -j ACCEPT"],
    ),
    "iptables rule in IPv6": (
        {"netns": "web", "ip_version": 6, "chain": "FORWARD", "rule": "-s 2001:db8::/32 -j ACCEPT"},
        {"netns": "web", "ip_version": 6, "chain": "FORWARD", "rule": "-s 2001:db8::/32 -j ACCEPT"},
        ["ip netns exec web ip6tables -t filter -A FORWARD -s 2001:db8::/32 -j ACCEPT"],
    ),
}


@pytest.fixture(scope="module")
def node():
    node = ModuleNode(SETUP)
    yield node
    node.close()


@pytest.mark.parametrize("what", cases(LIVES, of=lambda what: what.split()[0]))
def test_life(node, what):
    options, name, commands = LIVES[what]
    made = node.life(what.split()[0], options, name)
    assert made["commands"] == commands
    assert made["diff"][0]["before"] != made["diff"][0]["after"]
    assert made["diff"][1]["prepared"] == "".join(line + "\n" for line in commands)
