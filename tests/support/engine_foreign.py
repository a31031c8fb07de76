# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node may hold that is not the fabric's, and has to be there afterwards as it was before."""

import engine_node

# Another fabric, with its own number: it shares the underlay device, a base chain and the device of its routes.
GREEN = {
    "netns": [{"name": "gp"}],
    "bridge": [{"name": "g0", "mac": "02:00:00:00:0a:01", "mtu": 1400}],
    "veth": [{"name": "gv", "master": "g0", "peer": {"name": "eth0", "netns": "gp"}}],
    "vxlan": [{"name": "gt", "vni": 500, "port": 8472, "local": "198.18.0.11", "dev": "eth9", "learning": False}],
    "address": [{"dev": "g0", "address": "192.168.80.1/24"}, {"dev": "eth9", "address": "198.18.0.80/32"}],
    "route": [{"dst": "192.168.81.0/24", "via": "198.18.0.81", "dev": "eth9"}, {"dst": "192.168.82.0/24", "type": "blackhole"}],
    "neighbour": [{"dev": "eth9", "address": "198.18.0.81", "mac": "02:00:00:00:0a:81"}],
    "vxlan_fdb": [{"dev": "gt", "mac": "00:00:00:00:00:00", "dst": "198.18.0.81"}],
    "sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}],
    "ipset": [{"name": "GREEN", "type": "hash:ip", "members": ["192.168.80.9"]}],
    "iptables_chain": [{"chain": "GREEN", "rules": ["-m set --match-set GREEN src -j ACCEPT", "-j RETURN"]}],
    "iptables_rule": [{"chain": "FORWARD", "rule": "-s 192.168.80.0/24 -j GREEN", "position": "first"}],
    "xfrm_policy": [{"dir": "out", "src": "192.168.80.0/24", "dst": "192.168.81.0/24", "action": "block"}],
}  # fmt: skip


def _green():
    assert not engine_node.apply(GREEN, "green", 161, check=True).commands(), "the other fabric has lost something"
    return ""


# name: (how it comes, what shows it): shell scripts, or functions
FOREIGN = {
    "bridge": (
        """ip link add fb0 type bridge; ip link set fb0 up; ip address add 192.168.77.1/24 dev fb0
        ip link add fv0 type veth peer name fv1; ip link set fv0 master fb0; ip link set fv0 up; bridge link set dev fv0 hairpin on
        bridge fdb add 02:00:00:00:0f:01 dev fv0 master static""",
        """ip -o -4 address show dev fb0; bridge -d link show dev fv0 | tail -n 1; bridge fdb show dev fv0 | grep 0f:01"""),
    "routes": (
        """ip route add 203.0.113.0/24 via 198.18.0.99 dev eth9 proto 99; ip route add blackhole 203.0.114.0/24 table 77
        ip route add 203.0.115.0/24 proto 99 nexthop via 198.18.0.98 nexthop via 198.18.0.97
        ip -6 address add fd00:9::1/64 dev eth9 nodad; ip -6 route add fd00:77::/64 via fd00:9::9""",
        """ip route show table all | grep 203.0; ip -6 route show | grep 77::; ip -o -6 address show dev eth9 | grep fd00:9"""),
    "neighbours": (
        """ip neighbour add 198.18.0.200 lladdr 02:00:00:00:0f:02 dev eth9 nud permanent protocol 99
        ip neighbour add proxy 198.18.0.201 dev eth9""",
        """ip neighbour show nud permanent | grep 0.200; ip neighbour show proxy | grep 0.201"""),
    # of a device that may become a port, with which they move
    "nic": (
        """ip address add 192.168.88.1/24 brd + dev eth9p; ip address add 192.168.88.2/24 dev eth9p; ip address add 192.168.87.1/32 dev eth9p label eth9p:1
        ip route add 192.168.89.0/24 via 192.168.88.9 proto 99 mtu 1400; ip route add 192.168.90.0/24 via 192.168.88.9 src 192.168.88.2 metric 7 table 78""",
        """ip -o -4 address show | grep -o -e 192.168.88.*/24 -e 192.168.87.1/32 | sort
        ip route show table all | grep -o -e 192.168.89.0/24.*dev -e 192.168.90.0/24.*dev"""),
    "rule": ("""ip rule add from 203.0.113.0/24 table 77 priority 1000""", """ip rule show | grep 203.0.113"""),
    "iptables": (
        """iptables -P FORWARD DROP; iptables -N FOREIGN; iptables -A FOREIGN -j RETURN; iptables -A FORWARD -i foreign0 -c 7 700 -j ACCEPT
        iptables -A FORWARD -j FOREIGN; iptables -t nat -A POSTROUTING -o foreign0 -j MASQUERADE; ip6tables -A FORWARD -i foreign0 -j DROP""",
        """iptables-save -c | grep foreign0; iptables -S | grep -e FOREIGN -e foreign -e "P FORWARD"; ip6tables-save | grep foreign"""),
    "ipset": (
        """ipset create FOREIGN hash:ip comment; ipset add FOREIGN 203.0.113.7 comment 'two words'
        iptables -A FORWARD -m set --match-set FOREIGN src -j DROP""",
        """ipset list FOREIGN | grep 203; iptables-save | grep FOREIGN"""),
    "namespace": (
        """ip netns add fns; ip link add fm0 link eth9 address 02:00:00:00:0f:03 netns fns type macvlan mode bridge; ip -n fns link set fm0 up
        ip -n fns address add 198.18.0.90/20 dev fm0; ip -n fns route add default via 198.18.0.1""",
        """ip -n fns -o -4 address show dev fm0; ip -n fns route show; ip -n fns link show fm0 | tail -n 1"""),
    "vxlan": (
        """ip link add fx0 type vxlan id 77 dev eth9 dstport 8472 local 198.18.0.11 nolearning; ip link set fx0 up
        bridge fdb append 00:00:00:00:00:00 dev fx0 dst 198.18.0.66; bridge fdb add 66:00:00:00:0f:04 dev fx0 dst 198.18.0.67""",
        """bridge fdb show dev fx0 | grep dst | sort"""),
    "xfrm": (
        """ip xfrm policy add src 203.0.113.0/24 dst 203.0.114.0/24 dir out tmpl src 198.18.0.11 dst 198.18.0.66 proto esp mode tunnel""",
        """ip xfrm policy | grep -A 2 203.0"""),
    "sysctl": (
        """sysctl -qw net/ipv4/ip_forward=1 net/ipv4/conf/eth9/proxy_arp=1 net/ipv4/conf/default/rp_filter=2""",
        """sysctl net/ipv4/conf/default/rp_filter"""),
    "green": (lambda: engine_node.apply(GREEN, "green", 161), _green),
}  # fmt: skip


def come(names):
    """Let these be there."""
    scripts = [FOREIGN[name][0] for name in names]
    engine_node.sh("\n".join(script for script in scripts if isinstance(script, str)))
    for function in filter(callable, scripts):
        function()


def shown(names):
    """{name: what shows it}, to be compared with the same at another time."""
    scripts = {name: FOREIGN[name][1] for name in names}
    found = {name: script() for name, script in scripts.items() if callable(script)}
    texts = [name for name, script in scripts.items() if not callable(script)]
    said = engine_node.sh("\necho ==\n".join(scripts[name] for name in texts)).split("==\n")
    return dict(found, **dict(zip(texts, said)))
