# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents for the engine's tests: a flannel node as the recipe makes it, and what a life does to it."""

import base64
import copy

CLUSTER = "10.244.0.0/16"


def flannel(pods=("a", "b"), peers=(2, 3), vni=1, mtu="auto", bridge="cni0", subnet=1, port=8472, masquerade=True):
    """A node of a flannel network (reference: plugins/plugin_utils/recipes/flannel.py), written out."""
    device = "flannel.%d" % vni
    base = "10.244.%d." % subnet
    document = {
        "underlay": {"address": "198.18.0.11", "overhead": 50},
        "netns": [{"name": name} for name in pods],
        "bridge": [{"name": bridge, "mtu": mtu, "mac": "0a:58:0a:f4:01:01", "stp": False}],
        "veth": [
            {
                "name": "veth" + name, "mtu": mtu, "master": bridge, "bridge_port": {"hairpin": True},
                "peer": {"name": "eth0", "netns": name, "mtu": mtu, "mac": "0a:58:0a:f4:01:%02x" % (2 + index)},
            }
            for index, name in enumerate(pods)
        ],
        "vxlan": [
            {
                "name": device, "vni": vni, "port": port, "local": "198.18.0.11", "dev": "auto", "learning": False,
                "mac": "66:00:00:00:00:01", "mtu": mtu,
            }
        ],
        "address": [{"dev": bridge, "address": base + "1/24"}, {"dev": device, "address": base + "0/32"}]
        + [{"dev": "eth0", "netns": name, "address": base + "%d/24" % (2 + index)} for index, name in enumerate(pods)],
        "route": [{"dst": "10.244.%d.0/24" % peer, "via": "10.244.%d.0" % peer, "dev": device, "onlink": True} for peer in peers]
        + [{"dst": "default", "via": base + "1", "dev": "eth0", "netns": name} for name in pods],
        "neighbour": [{"dev": device, "address": "10.244.%d.0" % peer, "mac": "66:00:00:00:00:%02x" % peer} for peer in peers],
        "vxlan_fdb": [{"dev": device, "mac": "66:00:00:00:00:%02x" % peer, "dst": "198.18.0.%d" % (10 + peer)} for peer in peers],
        "sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}, {"key": "net/ipv6/conf/%s/accept_ra" % device, "value": "0"}],
        "iptables_chain": [
            {"table": "filter", "chain": "FLANNEL-FWD", "rules": ["-s %s -j ACCEPT" % CLUSTER, "-d %s -j ACCEPT" % CLUSTER]}
        ],
        "iptables_rule": [{"table": "filter", "chain": "FORWARD", "rule": "-j FLANNEL-FWD"}],
    }
    if masquerade:
        document["iptables_chain"].append(
            {
                "table": "nat", "chain": "FLANNEL-POSTRTG",
                "rules": [
                    "-m mark --mark 0x4000/0x4000 -j RETURN",
                    "-s %s -d %s -j RETURN" % (CLUSTER, CLUSTER),
                    "-s %s ! -d 224.0.0.0/4 -j MASQUERADE --random-fully" % CLUSTER,
                ],
            }
        )
        document["iptables_rule"].append({"table": "nat", "chain": "POSTROUTING", "rule": "-j FLANNEL-POSTRTG"})
    return document


# IPv6, several tables, a blackhole, a flood list, a veth within one namespace, ports with flags: what flannel has not.
MIXED = {
    "underlay": {"address": "198.18.0.11", "overhead": 50},
    "netns": [{"name": "p"}],
    "bridge": [
        {"name": "br0", "mtu": 1400, "mac": "02:00:00:00:00:10", "stp": False, "ageing_time": 60, "multicast_snooping": False},
        {"name": "br1", "mtu": 1400, "up": False},
    ],
    "veth": [
        {
            "name": "x0", "master": "br0", "mtu": 1400, "bridge_port": {"hairpin": True, "learning": False, "isolated": True},
            "peer": {"name": "x1", "mtu": 1400},
        },
        {"name": "y0", "mtu": 1400, "peer": {"name": "y1", "netns": "p", "mtu": 1400}},
    ],
    "vxlan": [{"name": "weave-vx", "vni": 77, "port": 6784, "local": "198.18.0.11", "dev": "eth9", "mtu": 1400, "master": "br0"}],
    "address": [
        {"dev": "br0", "address": "10.32.0.1/12"},
        {"dev": "br0", "address": "10.32.0.2/12"},
        {"dev": "br0", "address": "fd00:32::1/64"},
        {"dev": "y0", "address": "fd00:33::1/64"},
        {"dev": "y1", "netns": "p", "address": "fd00:33::2/64"},
        {"dev": "y1", "netns": "p", "address": "10.33.0.2/32"},
        {"dev": "eth9", "address": "198.18.0.77/32"},
        {"dev": "lo", "address": "192.0.2.77/32"},
    ],
    "route": [
        {"dst": "10.33.0.2/32", "dev": "y0"},
        {"dst": "10.34.0.0/16", "via": "10.32.0.9", "dev": "br0"},
        {"dst": "10.34.0.0/16", "via": "10.32.0.8", "dev": "br0", "metric": 50, "src": "10.32.0.1"},
        {"dst": "10.35.0.0/16", "type": "blackhole"},
        {"dst": "10.35.0.0/16", "type": "unreachable", "table": 1000},
        {"dst": "fd00:34::/64", "via": "fd00:32::9", "dev": "br0"},
        {"dst": "fd00:35::/64", "type": "blackhole"},
        {"dst": "::/0", "via": "fd00:33::1", "dev": "y1", "netns": "p"},
        {"dst": "192.0.2.1", "dev": "y1", "netns": "p", "scope": "link"},
        {"dst": "default", "via": "192.0.2.1", "netns": "p"},
    ],
    "neighbour": [
        {"dev": "br0", "address": "10.32.0.9", "mac": "02:00:00:00:00:09"},
        {"dev": "y0", "address": "fd00:33::2", "mac": "02:00:00:00:00:33"},
    ],
    "vxlan_fdb": [
        {"dev": "weave-vx", "mac": "00:00:00:00:00:00", "dst": "198.18.0.12"},
        {"dev": "weave-vx", "mac": "00:00:00:00:00:00", "dst": "198.18.0.13"},
        {"dev": "weave-vx", "mac": "02:00:00:00:00:44", "dst": "198.18.0.14", "port": 4789, "vni": 78},
    ],
    "sysctl": [
        {"key": "net/ipv4/conf/y0/proxy_arp", "value": "1"},
        {"key": "net/ipv4/ip_forward", "value": "1", "netns": "p"},
    ],
    "iptables_chain": [
        {"table": "filter", "chain": "WEAVE", "rules": ['-m comment --comment "two words" -j ACCEPT', "-p tcp --dport 80 -j DROP"]},
        {"table": "filter", "chain": "WEAVE6", "ip_version": 6, "rules": ["-s fd00::/16 -j ACCEPT"]},
        {"table": "mangle", "chain": "IN-POD", "netns": "p", "rules": ["-j MARK --set-mark 7"]},
    ],
    "iptables_rule": [
        {"table": "filter", "chain": "FORWARD", "rule": "-i br0 -j WEAVE", "position": "first"},
        {"table": "filter", "chain": "FORWARD", "ip_version": 6, "rule": "-j WEAVE6"},
        {"table": "mangle", "chain": "PREROUTING", "netns": "p", "rule": "-j IN-POD"},
    ],
}  # fmt: skip

DOCUMENTS = {"flannel": flannel(), "mixed": MIXED, "empty": {}, "bridge": {"bridge": [{"name": "br9"}]}}


def changed(document, **sections):
    """A copy with sections replaced; None takes one out."""
    document = copy.deepcopy(document)
    for name, entries in sections.items():
        if entries is None:
            document.pop(name, None)
        else:
            document[name] = entries
    return document


def ports(*names, **more):
    """A bridge and its ports; what is called like one of them are its settings there, and the rest the bridge's own."""
    settings = {name: more.pop(name) for name in names if name in more}
    return {"bridge": [dict({"name": "br0", "mtu": 1500, "mac": "02:00:00:00:00:10"}, **more)],
            "veth": [{"name": name, "master": "br0", "bridge_port": settings.get(name, {}), "peer": {"name": name + "x"}} for name in names]}


def vlans(*entries, master="br0", **more):
    """A bridge that filters VLANs, one of another default PVID, and two ports, the second of which moves between them."""
    return {
        "bridge": [dict({"name": "br0", "mtu": 1500, "mac": "02:00:00:00:00:10", "vlan_filtering": True}, **more),
                   {"name": "br1", "mtu": 1500, "mac": "02:00:00:00:00:11", "vlan_default_pvid": 5}],
        "veth": [{"name": "x0", "master": "br0", "peer": {"name": "x1"}}, {"name": "y0", "master": master, "peer": {"name": "y1"}}],
        "bridge_vlan": list(entries),
    }  # fmt: skip


def peer(number, *prefixes, **more):
    """A peer of a WireGuard device; its key is nobody's."""
    return dict({"public_key": base64.b64encode(bytes([number]) * 32).decode(), "allowed_ips": list(prefixes)}, **more)


def wireguard(*peers, key=1, **more):
    device = {"name": "wg0", "listen_port": 51820, "private_key_file": "/run/keys/wireguard%d" % key, "peers": list(peers)}
    return {"wireguard": [dict(device, **more)], "address": [{"dev": "wg0", "address": "10.0.0.1/24"}],
            "route": [{"dst": "10.1.0.0/16", "dev": "wg0"}]}


def policy(direction, src, dst, **more):
    return dict({"dir": direction, "src": src, "dst": dst}, **more)


def tunnel(here="10.244.1.0/24", there="10.244.2.0/24", ends=("198.18.0.11", "198.18.0.12"), reqid=11, **more):
    """The three policies that flannel's backend ipsec has for a peer (pkg/backend/ipsec/handle_xfrm.go)."""
    out, back = dict(zip(("src", "dst"), ends), reqid=reqid), dict(zip(("dst", "src"), ends), reqid=reqid)
    return [policy("out", here, there, template=out, **more), policy("in", there, here, template=back, **more),
            policy("fwd", there, here, template=back, **more)]


def state(src, dst, spi, key=1, **more):
    """An IPsec state as Weave's fast datapath has them (net/ipsec): ESP in transport mode, AES-GCM with 32 bytes of key and 4 of salt."""
    return dict({"src": src, "dst": dst, "spi": spi, "mode": "transport", "key_file": "/run/keys/esp%d" % key, "esn": True,
                 "replay_window": 128}, **more)


def sets(peers=("192.0.2.0/24", "198.51.100.7"), type_="hash:net", maxelem=65536, using=("peers", "both"), **more):
    """Sets, a set of them, and rules that use them."""
    peers = {"name": "peers", "type": type_, "maxelem": maxelem, "members": list(peers)}
    return {
        "netns": [{"name": "p"}],
        "ipset": [
            {"name": "both", "type": "list:set", "members": ["ports", "peers"]},
            dict(peers, **more),
            {"name": "ports", "type": "bitmap:port", "range": "1000-2000", "counters": True, "members": ["1000-1003"]},
            {"name": "filled", "type": "hash:ip,port", "timeout": 600},
            {"name": "six", "netns": "p", "type": "hash:ip", "family": "inet6", "timeout": 0,
             "members": [{"member": "FD00::0001", "comment": "two words"}, {"member": "fd00::2", "timeout": 3000}]},
        ],
        "iptables_chain": [
            {"chain": "SETS", "rules": ["-s 192.0.2.0/24 -j RETURN"] + ["-m set --match-set %s src -j ACCEPT" % name for name in using]},
            {"chain": "SIX", "netns": "p", "ip_version": 6, "rules": ["-m set ! --match-set six src -j DROP"]},
        ],
        "iptables_rule": [{"chain": "FORWARD", "rule": "-m set --match-set filled dst,dst -j SETS"}],
    }  # fmt: skip


# From one document to another, on a running network: what a life brings.
CHANGES = {
    "nothing to flannel": ({}, flannel()),
    "nothing to mixed": ({}, MIXED),
    "flannel to nothing": (flannel(), {}),
    "mixed to nothing": (MIXED, {}),
    "VNI": (flannel(), flannel(vni=2)),
    "UDP port": (flannel(), flannel(port=4789)),
    "MTU": (flannel(), flannel(mtu=1300)),
    "pod added": (flannel(pods=("a",)), flannel(pods=("a", "b"))),
    "pod removed": (flannel(), flannel(pods=("b",))),
    "peer added": (flannel(peers=(2,)), flannel(peers=(2, 3))),
    "bridge renamed": (flannel(), flannel(bridge="cni1")),
    "subnet": (flannel(), flannel(subnet=9)),
    "masquerade off": (flannel(), flannel(masquerade=False)),
    "flannel to mixed": (flannel(), MIXED),
}
