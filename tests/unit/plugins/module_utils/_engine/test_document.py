# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is rejected with the field's path, the value and what was expected; the kernel is not asked."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import document as documents
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, Invalid
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.state import State
from engine_documents import DOCUMENTS, peer, policy

OWNER = Owner("blue", 160)


def parse(document):
    return documents.parse(document, OWNER)


def vxlan(**fields):
    return {"vxlan": [dict({"name": "vx", "vni": 1}, **fields)]}


def route(**fields):
    return {"route": [dict({"dst": "192.0.2.0/24", "dev": "br0"}, **fields)]}


def chain(*rules, **fields):
    return {"iptables_chain": [dict({"chain": "C", "rules": list(rules)}, **fields)]}


def wireguard(**fields):
    return {"wireguard": [dict({"name": "wg0"}, **fields)]}


def ipset(**fields):
    return {"ipset": [dict({"name": "s", "type": "hash:ip"}, **fields)]}


# The document, and the whole of the error.
BAD = [
    ([], "document: []: expected a mapping of sections (%s)" % ", ".join(KINDS)),
    ({"vxlans": []},
     "document.vxlans: '...': expected a known kind (%s); did you mean 'vxlan'?" % ", ".join(sorted([*KINDS, "underlay"]))),
    ({"ipip": [{"name": "t"}]},
     "document.ipip[0].local: None: expected an address here or as remote: the tunnel that has neither is the kernel's own, tunl0"),
    ({"ipip": [{"name": "t", "local": "fd00::1"}]},
     "document.ipip[0].local: 'fd00::1': expected an IPv4 address: the outer packets are IPv4"),
    ({"ipvlan": [{"name": "i", "parent": "eth0", "mac": "02:00:00:00:00:01"}]},
     "document.ipvlan[0].mac: '02:00:00:00:00:01': expected a known option (bridge_port, flag, master, mode, mtu, name, netns, parent, parent_netns, "
     "up)"),
    ({"bridge": {"name": "br0"}}, "document.bridge: {'name': 'br0'}: expected a list of entries"),
    ({"dummy": ["d0"]}, "document.dummy[0]: 'd0': expected a mapping with the options name, netns, mtu, mac, up, master, bridge_port"),
    ({"dummy": [{"name": "d0", "mtuu": 1}]},
     "document.dummy[0].mtuu: 1: expected a known option (bridge_port, mac, master, mtu, name, netns, up); did you mean 'mtu'?"),
    ({"veth": [{"name": "v", "peer": {"name": "w", "hairpin": True}}]},
     "document.veth[0].peer.hairpin: True: expected a known option (bridge_port, mac, master, mtu, name, netns, up)"),
    ({"bridge": [{}]}, "document.bridge[0].name: None: expected a value: the option is required"),
    # names
    ({"bridge": [{"name": "a-name-that-is-16"}]},
     "document.bridge[0].name: 'a-name-that-is-16': expected an interface name of 1 to 15 characters, not 17; shorten it"),
    ({"bridge": [{"name": "brücke-zu-lang"}]}, None),
    ({"bridge": [{"name": "brücke-zu-lange"}]},
     "document.bridge[0].name: 'brücke-zu-lange': expected an interface name of 1 to 15 characters, not 16; shorten it"),
    ({"bridge": [{"name": ""}]}, "document.bridge[0].name: '': expected an interface name of 1 to 15 characters, not 0; shorten it"),
    ({"bridge": [{"name": "a b"}]}, "document.bridge[0].name: 'a b': expected an interface name without white space, '/', ':' or '%'"),
    ({"bridge": [{"name": "br%d"}]}, "document.bridge[0].name: 'br%d': expected an interface name without white space, '/', ':' or '%'"),
    ({"bridge": [{"name": "all"}]},
     "document.bridge[0].name: 'all': expected an interface name other than 'all' and 'default', which have a meaning among sysctls"),
    ({"bridge": [{"name": "lo"}]}, "document.bridge[0].name: 'lo': expected a device other than lo, which every namespace has by itself"),
    ({"netns": [{"name": "a/b"}]}, "document.netns[0].name: 'a/b': expected a namespace name of at most 255 characters without white space or '/'"),
    ({"netns": [{"name": ".."}]}, "document.netns[0].name: '..': expected a namespace name of at most 255 characters without white space or '/'"),
    ({"netns": [{"name": ""}]}, "document.netns[0].name: '': expected a namespace name"),
    # links
    ({"bridge": [{"name": "b", "mtu": 67}]}, "document.bridge[0].mtu: 67: expected 'auto' or an MTU in bytes from 68 to 65535"),
    ({"bridge": [{"name": "b", "mtu": "big"}]}, "document.bridge[0].mtu: 'big': expected an integer"),
    ({"bridge": [{"name": "b", "mac": "02:00:00:00:00"}]}, "document.bridge[0].mac: '02:00:00:00:00': expected a MAC address such as 02:00:5e:10:00:01"),
    ({"bridge": [{"name": "b", "mac": "01:00:5e:00:00:01"}]},
     "document.bridge[0].mac: '01:00:5e:00:00:01': expected a unicast MAC address (the first byte even, not all zero)"),
    ({"bridge": [{"name": "b", "up": "perhaps"}]}, "document.bridge[0].up: 'perhaps': expected true or false"),
    (vxlan(vni=0), "document.vxlan[0].vni: 0: expected a VNI from 1 to 16777215"),
    (vxlan(vni=1 << 24), "document.vxlan[0].vni: 16777216: expected a VNI from 1 to 16777215"),
    (vxlan(vni=1.5), "document.vxlan[0].vni: 1.5: expected an integer"),
    (vxlan(vni=True), "document.vxlan[0].vni: True: expected an integer"),
    (vxlan(port=65536), "document.vxlan[0].port: 65536: expected a UDP port from 1 to 65535"),
    (vxlan(local="198.18.0.300"), "document.vxlan[0].local: '198.18.0.300': expected an IP address without a prefix length"),
    (vxlan(dev="no/where"), "document.vxlan[0].dev: 'no/where': expected an interface name without white space, '/', ':' or '%'"),
    ({"bridge": [{"name": "a", "master": "b"}, {"name": "b", "master": "a"}]},
     "document.bridge[0].master: 'a -> b -> a': expected links whose masters and underlay devices do not form a cycle"),
    ({"bridge": [{"name": "a", "master": "a"}]}, "document.bridge[0].master: 'a -> a': expected links whose masters and underlay devices do not form a cycle"),
    ({"bridge": [{"name": "a", "master": "vx"}], "vxlan": [{"name": "vx", "vni": 1, "dev": "a"}]},
     "document.bridge[0].master: 'a -> vx -> a': expected links whose masters and underlay devices do not form a cycle"),
    ({"bridge": [{"name": "a"}], "vxlan": [{"name": "a", "vni": 1}]},
     "document.vxlan[0]: 'link a': expected each object once, but it is also at document.bridge[0]; drop one"),
    ({"veth": [{"name": "a", "peer": {"name": "a"}}]}, "document.veth[0]: 'link a': expected each object once, but it is also at document.veth[0]; drop one"),
    # addresses, routes, neighbours
    ({"address": [{"dev": "b", "address": "10.0.0.1/33"}]},
     "document.address[0].address: '10.0.0.1/33': expected an IP address with its prefix length, such as 192.0.2.1/24"),
    ({"address": [{"dev": "b", "address": "224.0.0.1/24"}]},
     "document.address[0].address: '224.0.0.1/24': expected a unicast address with its prefix length, such as 192.0.2.1/24"),
    ({"address": [{"dev": "b", "address": "10.0.0.1/24"}, {"dev": "b", "address": "10.0.0.1/24"}]},
     "document.address[1]: 'address 10.0.0.1/24 on b': expected each object once, but it is also at document.address[0]; drop one"),
    ({"address": [{"dev": "b", "address": "fd00::1/64"}, {"dev": "b", "address": "FD00:0::1/64"}]},
     "document.address[1]: 'address fd00::1/64 on b': expected each object once, but it is also at document.address[0]; drop one"),
    (route(dst="192.0.2.1/24"), "document.route[0].dst: '192.0.2.1/24': expected a prefix without host bits; write 192.0.2.0/24"),
    (route(dst="everywhere"), "document.route[0].dst: 'everywhere': expected a prefix such as 192.0.2.0/24, or 'default'"),
    (route(dst="fd00::/64", via="192.0.2.1"), "document.route[0]: '192.0.2.1': expected addresses of the same family as dst fd00::/64"),
    (route(via="fd00::1"), None),  # IPv6 gateways serve both
    (route(via="192.0.2.9", src="fd00::1"), "document.route[0]: '192.0.2.9': expected addresses of the same family as dst 192.0.2.0/24"),
    (route(dev=None), "document.route[0].dev: None: expected a device or a gateway (via) for a unicast route"),
    (route(type="blackhole"), "document.route[0].type: 'blackhole': expected unicast, since a device or a gateway is given; drop `dev` and `via`, or the type"),
    (route(onlink=True), "document.route[0].onlink: True: expected both `via` and `dev` with it"),
    (route(table=255), "document.route[0].table: 255: expected a table other than 255, the kernel's own (local)"),
    (route(table=0), "document.route[0].table: 0: expected a routing table's number from 1 to 4294967295"),
    (route(metric=-1), "document.route[0].metric: -1: expected a metric from 0 to 4294967295"),
    (route(scope="site"), "document.route[0].scope: 'site': expected one of global, link, host"),
    (route(protocol=4), "document.route[0].protocol: 4: expected the fabric's own number 160, or nothing"),
    ({"route": [{"dst": "default", "dev": "b"}, {"dst": "0.0.0.0/0", "dev": "c"}]},
     "document.route[1]: 'route 0.0.0.0/0': expected each object once, but it is also at document.route[0]; drop one"),
    ({"neighbour": [{"dev": "b", "address": "10.0.0.1/24", "mac": "02:00:00:00:00:01"}]},
     "document.neighbour[0].address: '10.0.0.1/24': expected an IP address without a prefix length"),
    # FDB
    ({"vxlan_fdb": [{"dev": "v", "mac": "66:00:00:00:00:02", "dst": "198.18.0.2"}, {"dev": "v", "mac": "66:00:00:00:00:02", "dst": "198.18.0.3"}]},
     "document.vxlan_fdb[1]: 'FDB entry 66:00:00:00:00:02 on v': expected each object once, but it is also at document.vxlan_fdb[0]; only "
     "the all-zero MAC can have several destinations"),
    ({"vxlan_fdb": [{"dev": "v", "mac": "00:00:00:00:00:00", "dst": "198.18.0.2"}, {"dev": "v", "mac": "00-00-00-00-00-00", "dst": "198.18.0.3"}]}, None),
    ({"vxlan_fdb": [{"dev": "v", "mac": "zz", "dst": "198.18.0.2"}]}, "document.vxlan_fdb[0].mac: 'zz': expected a MAC address such as 02:00:5e:10:00:01"),
    # sysctls
    ({"sysctl": [{"key": "kernel/panic", "value": "1"}]}, "document.sysctl[0].key: 'kernel/panic': expected a key below net, such as net/ipv4/ip_forward"),
    ({"sysctl": [{"key": "net/../kernel/panic", "value": "1"}]},
     "document.sysctl[0].key: 'net/../kernel/panic': expected a key below net, such as net/ipv4/ip_forward"),
    ({"sysctl": [{"key": "net/ipv4/ip_forward", "value": True}]}, "document.sysctl[0].value: True: expected a string; in YAML, quote it"),
    # iptables
    (chain(), "document.iptables_chain[0].rules: []: expected at least one rule: a chain's mark is on its rules"),
    (chain("-j ACCEPT", chain="INPUT"),
     "document.iptables_chain[0].chain: 'INPUT': expected a chain that is not built in; built-in chains are shared: name single rules of "
     "theirs (iptables_rule; the module's option rule)"),
    (chain("-j ACCEPT", chain="C" * 29),
     "document.iptables_chain[0].chain: '%s': expected a chain name of 1 to 28 characters without white space, not beginning with '-' or '!'" % ("C" * 29)),
    (chain("-j ACCEPT", table="nats"), "document.iptables_chain[0].table: 'nats': expected one of filter, nat, mangle, raw, security"),
    (chain("-j ACCEPT", ip_version=5), "document.iptables_chain[0].ip_version: 5: expected one of 4, 6"),
    (chain("-j ACCEPT", "-A C -j DROP"),
     "document.iptables_chain[0].rules[1]: '-A C -j DROP': expected a rule without -A: table, chain and position are options of their own"),
    (chain("-j 'ACCEPT"), "document.iptables_chain[0].rules[0]: \"-j 'ACCEPT\": expected a rule with balanced quotes (No closing quotation)"),
    (chain("-j ACCEPT\nCOMMIT"),
     "document.iptables_chain[0].rules[0]: '-j ACCEPT\\nCOMMIT': expected one rule on one line, such as '-s 192.0.2.0/24 -j ACCEPT'"),
    # WireGuard
    (wireguard(private_key_file="key"),
     "document.wireguard[0].private_key_file: 'key': expected an absolute path of a file on the node, such as /etc/clusternet/key"),
    (wireguard(peers=[{"public_key": "abc"}]),
     "document.wireguard[0].peers[0].public_key: 'abc': expected a WireGuard public key, 32 bytes in base64"),
    (wireguard(peers=[{"allowed_ips": []}]), "document.wireguard[0].peers[0].public_key: None: expected a value: the option is required"),
    (wireguard(peers=[peer(1, endpoint="node2:51820")]),
     "document.wireguard[0].peers[0].endpoint: 'node2:51820': expected an address and a UDP port, such as 192.0.2.1:51820 or [2001:db8::1]:51820"),
    (wireguard(peers=[peer(1, endpoint="[fd00::1]:65535")]), None),
    (wireguard(peers=[peer(1), peer(2), peer(1)]),
     "document.wireguard[0].peers[2].public_key: '%s': expected each peer once; drop one" % peer(1)["public_key"]),
    (wireguard(peers=[peer(1, "10.0.0.0/8"), peer(2, "fd00::/8", "10.1.0.0/8")]),
     "document.wireguard[0].peers[1].allowed_ips[1]: '10.1.0.0/8': expected each prefix once, but it is also at "
     "document.wireguard[0].peers[0].allowed_ips[0]; drop one"),
    (wireguard(peers=[peer(1, "10.0.0.0/33")]),
     "document.wireguard[0].peers[0].allowed_ips[0]: '10.0.0.0/33': expected a prefix such as 192.0.2.0/24"),
    # IPsec policies
    ({"xfrm_policy": [policy("both", "10.0.0.0/8", "10.0.0.0/8")]}, "document.xfrm_policy[0].dir: 'both': expected one of in, out, fwd"),
    ({"xfrm_policy": [policy("in", "10.0.0.1/8", "10.0.0.0/8")]},
     "document.xfrm_policy[0].src: '10.0.0.1/8': expected a prefix without host bits, such as 192.0.2.0/24 (10.0.0.1/8 has host bits set)"),
    ({"xfrm_policy": [policy("in", "10.0.0.0/8", "fd00::/8")]},
     "document.xfrm_policy[0].dst: 'fd00::/8': expected a prefix of the same family as src, 10.0.0.0/8"),
    ({"xfrm_policy": [policy("in", "10.0.0.0/8", "10.0.0.0/8", template={})]},
     "document.xfrm_policy[0].template.src: None: expected the addresses of the tunnel's ends, src and dst"),
    ({"xfrm_policy": [policy("in", "10.0.0.0/8", "10.0.0.0/8", template={"src": "192.0.2.1", "dst": "fd00::1"})]},
     "document.xfrm_policy[0].template: ['192.0.2.1', 'fd00::1']: expected src and dst of one family, or none of the two"),
    # sets
    (ipset(name="a b"),
     "document.ipset[0].name: 'a b': expected a set's name of 1 to 31 characters without white space and quotes, not beginning with '-' or ':'"),
    (ipset(name="clusternet-swap"), "document.ipset[0].name: 'clusternet-swap': expected another name: sets are swapped by way of this one"),
    (ipset(type="bitmap:port"), "document.ipset[0].range: None: expected a range with the type bitmap:port, such as 192.0.2.0/24 or 1024-2047"),
    (ipset(members=["10.0.0.1", "10.0.0.1"]), "document.ipset[0].members[1]: '10.0.0.1': expected each member once; drop one"),
    (ipset(members=["10.0.0.1 timeout 5"]),
     "document.ipset[0].members[0].member: '10.0.0.1 timeout 5': expected one word, such as 192.0.2.0/24 or 192.0.2.1,tcp:80"),
    (ipset(members=["10.0.0.1", "localhost"]),
     "document.ipset[0].members[1]: 'localhost': expected an address, or a network or range of them, where the type hash:ip has one"),
    (ipset(type="hash:ip,port,net", members=["10.0.0.1,tcp:80,10.0.0.0/24", "10.0.0.1,http,somewhere"]),
     "document.ipset[0].members[1]: '10.0.0.1,http,somewhere': expected an address, or a network or range of them, where the type "
     "hash:ip,port,net has one"),
    (ipset(type="hash:net", members=["fd00::/64", "10.0.0.0-10.0.1.255", "10.0.0.0/8"]), None),
    (ipset(members=[{"member": "10.0.0.1", "timeout": 5}]),
     "document.ipset[0].members[0].timeout: 5: expected a set with a timeout, the default of its members; 0 means none"),
    (ipset(members=[{"member": "10.0.0.1", "comment": 'a "b"'}]),
     "document.ipset[0].members[0].comment: 'a \"b\"': expected at most 255 characters on one line, without double quotes"),
    (ipset(members=[{"address": "10.0.0.1"}]),
     "document.ipset[0].members[0].address: '10.0.0.1': expected a known option (comment, member, nomatch, timeout, wildcard)"),
    ({"iptables_rule": [{"chain": "FORWARD", "rule": "-j X", "position": "middle"}]},
     "document.iptables_rule[0].position: 'middle': expected one of first, last"),
    ({"underlay": {"overhead": 50}}, "document.underlay.address: None: expected a value: the option is required"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(BAD)), ids=lambda case: (BAD[case][1] or "good")[:60])
def test_bad_input(case):
    document, message = BAD[case]
    if message is None:
        parse(document)
        return
    with pytest.raises(Invalid) as caught:
        parse(document)
    assert str(caught.value) == message


def link(kind="bridge", **fields):
    item = {"kind": kind, "index": 5, "mtu": 1500, "mac": "02:00:00:00:00:05", "up": True, "master": "", "group": 0, "alias": "", "port": None}
    return dict(item, **fields)


NODE = State({
    "link": {
        ("", "eth0"): link("", index=2),
        ("", "br9"): link(),
        ("", "ours"): link(group=160, alias="blue"),
        ("", "port"): link("veth", master="br9"),
        ("", "down"): link("dummy", up=False),
        ("", "mac0"): link("macvlan", parent=("", "eth0"), mode="bridge"),
        ("", "vx4"): link("vxlan", vni=7, dstport=8472, local="198.18.0.11", dev="eth0", learning=False),
    },
    "netns": {("pod",): {"up": True, "group": 160, "alias": "blue"}, ("theirs",): {"up": True, "group": 0, "alias": ""}},
    "address": {("", "eth0", "198.18.0.11/20"): {"dev": "eth0", "family": 4, "scope": "global"}},
})  # fmt: skip
SMALL = {"bridge": [{"name": "b", "mtu": 1279}]}
UNDERLAY = {"underlay": {"address": "198.18.0.11", "overhead": 50}}

# What only the node knows: missing devices and namespaces, and what cannot stand together.
UNFIT = [
    (Conflict, {"address": [{"dev": "gone", "address": "10.0.0.1/24"}]},
     "document.address[0].dev: there is no device gone on this node; create it first, or in the same document"),
    (Conflict, {"address": [{"dev": "ours", "address": "10.0.0.1/24"}]},
     "document.address[0].dev: there is no device ours when this run is over: it is this fabric's, and not in the document; add it"),
    (Conflict, {"bridge": [{"name": "b", "netns": "gone"}]},
     "document.bridge[0].netns: there is no namespace gone on this node; create it first, or in the same document"),
    (Conflict, {"bridge": [{"name": "b", "netns": "pod"}]},
     "document.bridge[0].netns: there is no namespace pod when this run is over: it is this fabric's, and not in the document; add it"),
    (Conflict, {"veth": [{"name": "b", "peer": {"name": "c", "netns": "gone"}}]},
     "document.veth[0].peer.netns: there is no namespace gone on this node; create it first, or in the same document"),
    (Conflict, {"bridge": [{"name": "b", "master": "gone"}]},
     "document.bridge[0].master: there is no device gone on this node; create it first, or in the same document"),
    (Conflict, vxlan(dev="gone"), "document.vxlan[0].dev: there is no device gone on this node; create it first, or in the same document"),
    (Conflict, route(dev="gone"), "document.route[0].dev: there is no device gone on this node; create it first, or in the same document"),
    (Conflict, {"iptables_rule": [{"chain": "GONE", "rule": "-j ACCEPT"}]},
     "document.iptables_rule[0].chain: there is no iptables chain GONE of table filter; create it first, or in the same document"),
    (Invalid, {"bridge": [{"name": "b", "master": "eth0"}]}, "document.bridge[0].master: 'eth0': expected a bridge, not a device of another kind"),
    (Invalid, {"veth": [{"name": "v", "master": "vx4", "peer": {"name": "w"}}]}, "document.veth[0].master: 'vx4': expected a bridge, not a vxlan"),
    (Invalid, dict(SMALL, address=[{"dev": "b", "address": "fd00::1/64"}]),
     "document.address[0].dev: 'b': expected a device with an MTU of at least 1280, which IPv6 needs, not 1279"),
    (Invalid, dict(SMALL, route=[{"dev": "b", "dst": "fd00::/64"}]),
     "document.route[0].dev: 'b': expected a device with an MTU of at least 1280, which IPv6 needs, not 1279"),
    (Invalid, dict(SMALL, macvlan=[{"name": "m", "parent": "b"}], address=[{"dev": "m", "address": "fd00::1/64"}]),
     "document.address[0].dev: 'm': expected a device with an MTU of at least 1280, which IPv6 needs, not 1279"),
    (Invalid, {"vxlan_fdb": [{"dev": "vx4", "mac": "66:00:00:00:00:02", "dst": "fd00::2"}]},
     "document.vxlan_fdb[0].dst: 'fd00::2': expected an address of the same family as the device's own, 198.18.0.11"),
    (Invalid, {"bridge": [{"name": "b", "mtu": "auto"}]},
     "document.bridge[0].mtu: 'auto': expected a document with `underlay`, which says what auto means; or give a number"),
    (Conflict, {"macvlan": [{"name": "m", "parent": "gone"}]},
     "document.macvlan[0].parent: there is no device gone on this node; create it first, or in the same document"),
    (Conflict, {"macvlan": [{"name": "m", "parent": "eth0", "parent_netns": "theirs"}]},
     "document.macvlan[0].parent: there is no device eth0 in namespace theirs on this node; create it first, or in the same document"),
    (Invalid, {"macvlan": [{"name": "m", "parent": "auto"}]},
     "document.macvlan[0].parent: 'auto': expected no parent_netns, and a document with `underlay`, which says what auto means; or name a link"),
    (Invalid, {"macvlan": [{"name": "m", "parent": "mac0"}]},
     "document.macvlan[0].parent: 'mac0': expected a link that is no macvlan itself: name the one that it stands on"),
    (Invalid, {"ipvlan": [{"name": "i", "parent": "port"}]},
     "document.ipvlan[0].parent: 'port': expected a link that is no port of a bridge: what that receives is the bridge's"),
    (Invalid, {"macvlan": [{"name": "m", "parent": "eth0"}], "ipvlan": [{"name": "i", "parent": "eth0"}]},
     "document.macvlan[0].parent: 'eth0': expected a link that bears either macvlans or ipvlans, but link i is an ipvlan of it"),
    (Invalid, {"ipvlan": [{"name": "i", "parent": "eth0"}, {"name": "j", "netns": "theirs", "parent": "eth0", "mode": "l3"}]},
     "document.ipvlan[0].mode: 'l2': expected the same for all ipvlans of a parent, and link j in namespace theirs has l3"),
    (Invalid, {"vlan": [{"name": "v", "parent": "down", "id": 5}]},
     "document.vlan[0].up: True: expected false as long as its parent down is down; or have that up too"),
    (Invalid, {"vlan": [{"name": "v", "parent": "eth0", "id": 5}, {"name": "w", "parent": "eth0", "id": 5}]},
     "document.vlan[1]: 'VLAN 5 (802.1Q) of eth0': expected each such once, but link v has it too; choose another id or parent"),
    (Invalid, {"ipip": [{"name": "t", "local": "198.18.0.11"}, {"name": "u", "local": "198.18.0.11"}]},
     "document.ipip[1]: 'the tunnel from 198.18.0.11 to any': expected each such once, but link t has it too; choose other addresses"),
    (Invalid, {"ipip": [{"name": "t", "remote": "198.18.0.12", "mtu": "auto"}]},
     "document.ipip[0].mtu: 'auto': expected a document with `underlay`, which says what auto means; or give a number"),
    (Invalid, {"ipip": [{"name": "t", "remote": "198.18.0.12", "dev": "auto"}]},
     "document.ipip[0].dev: 'auto': expected a document with `underlay`, which says what auto means; or name a device"),
    (Invalid, {"underlay": {"address": "198.18.0.99"}},
     "document.underlay.address: '198.18.0.99': expected an address that a device of this node holds; see `ip address`; a fabric's node "
     "address is fabric_node_ip"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(UNFIT)), ids=lambda case: UNFIT[case][2][:60])
def test_what_does_not_fit_the_node(case):
    error, document, message = UNFIT[case]
    with pytest.raises(error) as caught:
        wanted = parse(document)
        documents.resolve(wanted, NODE)
        documents.present_places(wanted, NODE, OWNER)
    assert str(caught.value) == message


def test_auto_is_the_underlays():
    wanted = parse(dict(UNDERLAY, bridge=[{"name": "b", "mtu": "auto"}], vxlan=[{"name": "v", "vni": 1, "dev": "auto", "mtu": "auto"}]))
    assert documents.resolve(wanted, NODE) == {"dev": "eth0", "mtu": 1450}
    assert wanted["bridge"][("", "b")]["mtu"] == 1450 and wanted["vxlan"][("", "v")]["dev"] == "eth0"


def test_a_vxlan_device_knows_its_own_underlay():
    wanted = parse(vxlan(local="198.18.0.11", dev="auto", mtu="auto"))
    documents.resolve(wanted, NODE)
    assert wanted["vxlan"][("", "vx")]["dev"] == "eth0" and wanted["vxlan"][("", "vx")]["mtu"] == 1450


@pytest.mark.parametrize("name", DOCUMENTS)
def test_parsing_leaves_the_document_alone(name):
    import copy

    document = copy.deepcopy(DOCUMENTS[name])
    parse(document)
    assert document == DOCUMENTS[name]


def test_what_is_written_in_several_ways_is_one_thing():
    one = parse({"bridge": [{"name": "b", "mtu": "1400", "up": "yes", "mac": "02-00-00-00-00-0A"}], "route": [{"dst": "10.0.0.1", "dev": "b", "metric": 0}]})
    two = parse({"bridge": [{"name": "b", "mtu": 1400, "up": True, "mac": "02:00:00:00:00:0a"}], "route": [{"dst": "10.0.0.1/32", "dev": "b"}]})
    assert one == two


def test_ipv6_routes_without_a_metric_have_the_kernels():
    for metric in (None, 0, 1024):
        wanted = parse({"route": [{"dst": "fd00::/64", "dev": "b", "metric": metric}]})
        assert list(wanted["route"]) == [("", 254, "fd00::/64", 1024)]
