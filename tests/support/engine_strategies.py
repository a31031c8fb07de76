# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random documents that are good: everything stands on something that is there. Names and addresses are few, so that two documents
drawn one after the other share objects, and have others in each other's way: a name that is a bridge's in one and a pair's in the next.

A new kind needs an entry in STRATEGIES: a function that draws objects of the kind into a draft. It finds there what the kinds before it
have made (`devices`, `places`) and says of a device what others need to know (`device`). A kind without an entry fails a test.
"""

import zlib

from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from engine_documents import peer, policy, state
from hypothesis import strategies as st

PODS = ("p", "q")
UNDERLAY = "198.18.0.11"
MACS = ["02:00:00:00:01:%02x" % n for n in range(4)]
RULES = ["-s 10.0.0.0/8 -j ACCEPT", "-d 10.0.0.0/8 -j ACCEPT", "-p tcp -m tcp --dport 80 -j DROP", "-j RETURN",
         '-m comment --comment "two words" -j ACCEPT']
IPV6_MTU = 1280


class Draft:
    """A document in the making. `devices` are {(netns, name): {up, mtu, master, kind}} of what is in it, and the underlay device;
    an MTU of 0 is one that is not said, and so may be whatever it was before."""

    def __init__(self, draw, remembered=None):
        self.draw, self.remembered = draw, {} if remembered is None else remembered
        self.document = {name: [] for name in KINDS}
        self.places = [""]
        self.devices = {("", "eth9"): {"kind": "", "up": True, "mtu": 1500, "master": ""}}
        self.segments = {}  # {(netns, bridge): the bridge that stands for all that pairs join to it}

    def pick(self, *options):
        """One of these; what stands there several times, more often."""
        return self.draw(st.sampled_from(options))

    def some(self, *options):
        """Each of these more often than not; mostly the same ones as in the document before, so that there is something to change."""
        if options not in self.remembered or self.draw(st.integers(0, 9)) > 6:
            self.remembered[options] = [option for option in options if self.draw(st.integers(0, 9)) > 2]
        return list(self.remembered[options])

    def again(self, name, *options, tenths=3):
        """One of these, mostly that of the document before: an object whose every field is drawn anew is hardly ever the one that was there."""
        if name not in self.remembered or self.remembered[name] not in options or self.draw(st.integers(0, 9)) < tenths:
            self.remembered[name] = self.pick(*options)
        return self.remembered[name]

    def maybe(self):
        return self.draw(st.booleans())

    def place(self):
        return self.pick("", *self.places)

    def add(self, kind, **fields):
        """An entry, without what is None or the own namespace's empty name."""
        entry = {field: value for field, value in fields.items() if value is not None and (field, value) != ("netns", "")}
        self.document[kind].append(entry)
        return entry

    # --- devices ---

    def device(self, netns, name, up=True, mtu=None, master="", kind=""):
        self.devices[netns, name] = {"kind": kind, "up": up, "mtu": mtu or 0, "master": master}

    def free(self, netns, *names):
        """Of these names some that no device has yet in that namespace."""
        return [name for name in self.some(*names) if (netns, name) not in self.devices]

    def bridges(self, netns):
        return [name for (place, name), device in self.devices.items() if place == netns and device["kind"] == "bridge"]

    def parents(self, **limits):
        """Keys of devices that another can stand on: the underlay device and bridges, or those with these fields."""
        return [key for key, device in self.devices.items()
                if (key[1] == "eth9" and key[0] == "" or device["kind"] in ("bridge", "dummy")) and limits.items() <= device.items()]

    def segment(self, netns, name):
        return self.segments.get((netns, name), (netns, name))

    def join(self, one, two):
        """A pair makes one segment of the two that these bridges belong to."""
        kept, gone = self.segment(*one), self.segment(*two)
        for key, device in self.devices.items():
            if device["kind"] == "bridge" and self.segment(*key) == gone:
                self.segments[key] = kept

    def end(self, netns, name, kind, mtus=(None, 1300, 1400, 1200), twin=""):
        """What any link can be told, and perhaps a bridge to be a port of: of the second end of a pair none that the first one's
        `twin` bridge is joined to already. A loop would carry its first multicast packet for ever, and take a processor with it."""
        up, mtu = self.again(("up", netns, name), True, True, True, False, tenths=5), self.pick(*mtus)
        found = {"netns": netns or None, "name": name, "mtu": mtu, "mac": self.pick(*own_macs(netns + name)), "up": up}
        bridges = [bridge_ for bridge_ in self.bridges(netns) if not twin or self.segment(netns, bridge_) != self.segment("", twin)]
        if bridges and self.maybe():
            found["master"] = self.pick(*bridges)
            found["bridge_port"] = {flag: self.maybe() for flag in self.some(*PORT_FLAGS)} or None
        elif self.maybe():
            found["master"] = ""  # a port is released; where nothing is said it stays one
        self.device(netns, name, up, mtu, found.get("master", ""), kind)
        return {option: value for option, value in found.items() if value is not None}


PORT_FLAGS = ("hairpin", "learning", "isolated", "neigh_suppress", "guard")


def own_macs(name):
    """A device's choice; no two devices can have the same, since which port of a bridge then holds it is a matter of history."""
    low = "%02x:%02x" % tuple(zlib.crc32(name.encode()).to_bytes(4, "big")[:2])
    return [None, "02:00:00:03:" + low, "02:00:00:04:" + low]


def own_net(netns, name):
    """The first two numbers of a device's own subnets, so that no two devices have one route."""
    one, two = zlib.crc32(("%s/%s" % (netns, name)).encode()).to_bytes(4, "big")[:2]
    return one, two


# --- links ---------------------------------------------------------------------------------------------------------

def netns(draft):
    for name in draft.some(*PODS):
        draft.add("netns", name=name)
        draft.places.append(name)


def bridge(draft):
    for name in draft.free("", "b0", "b1", "s0"):
        mtu, up = draft.pick(1300, 1500, 1500), draft.pick(True, True, True, False)
        draft.add("bridge", name=name, mac=draft.pick(*own_macs(name)[1:]), mtu=mtu, stp=False, up=up,
                  ageing_time=draft.pick(None, 60, 100), multicast_snooping=draft.pick(None, True, False))
        draft.device("", name, up, mtu, kind="bridge")
    place = draft.place()
    if place and draft.maybe():
        draft.add("bridge", netns=place, name="b0", stp=False, mac=draft.pick(*own_macs(place + "b0")[1:]), mtu=1500)
        draft.device(place, "b0", mtu=1500, kind="bridge")


def veth(draft):
    for name in draft.free("", "v0", "v1", "s0"):
        place = draft.again(("veth", name), "", *draft.places, tenths=7)
        if (place, name + "x") not in draft.devices:
            one = draft.end("", name, "veth")
            two = draft.end(place, name + "x", "veth", twin=one.get("master", ""))
            draft.document["veth"].append(dict(one, peer=two))
            if "master" in one and "master" in two:
                draft.join(("", one["master"]), (place, two["master"]))


def vxlan(draft):
    for name in draft.free("", "t0", "t1", "s0"):
        number = ("t0", "t1", "s0").index(name)
        found = dict(draft.end("", name, "vxlan"), local=UNDERLAY, dev="eth9", learning=draft.again(("learning", name), False, True),
                     ttl=draft.pick(None, 4, 9), ageing_time=draft.pick(None, 60, 100), l2miss=draft.pick(None, None, None, True))
        if number == 1 and draft.maybe():
            found.update(external=True, port=4790)
        else:
            found.update(vni=10 * number + draft.again(("vni", name), 7, 8, tenths=9), port=draft.again(("port", name), 8472, 8472, 4789),
                         group=draft.pick("", "", "", "239.1.1.1"))
        draft.document["vxlan"].append({option: value for option, value in found.items() if value is not None})
    if draft.document["bridge_port"]:
        no_tunnel_is_a_port(draft)


def no_tunnel_is_a_port(draft):
    """Where the underlay's far end is one: it would carry itself, packets without end, for which the kernel drops those of the whole machine."""
    for tunnel in draft.document["vxlan"]:
        tunnel.pop("bridge_port", None)
        tunnel["master"] = draft.devices["", tunnel["name"]]["master"] = ""


def bridge_port(draft):
    """The far end of the underlay, which the engine did not make."""
    masters = [name for (place, name), device in draft.devices.items() if not place and device["kind"] == "bridge" and device["up"]]
    if not masters and draft.free("", "b0"):
        draft.add("bridge", name="b0", stp=False, mac=own_macs("b0")[1], mtu=1500)
        draft.device("", "b0", mtu=1500, kind="bridge")
        masters = ["b0"]
    if masters and draft.draw(st.integers(0, 4)):
        flags = {flag: draft.maybe() for flag in draft.some(*PORT_FLAGS)} or None
        draft.add("bridge_port", name="eth9p", master=draft.pick(*masters), bridge_port=flags, move_addresses=draft.pick(None, None, False))
        no_tunnel_is_a_port(draft)


def dummy(draft):
    place = draft.place()
    for name in draft.free(place, "d0", "d1"):
        draft.document["dummy"].append(draft.end(place, name, "dummy"))


def child(draft, kind, name, parent, **fields):
    """A link that stands on another, in whatever namespace."""
    place = draft.again((kind, name), "", *draft.places, tenths=1)
    if (place, name) in draft.devices:
        return None
    up = draft.pick(True, True, False)
    mtu = draft.pick(None, 1290)
    entry = draft.add(kind, netns=place, name=name, parent=parent[1], parent_netns=parent[0] or None, mtu=mtu, up=up, **fields)
    draft.device(place, name, up, mtu, kind=kind)
    return entry


def macvlan(draft):
    parents = draft.parents(master="")
    for name in draft.some("m0", "m1", "eth9"):
        parent = draft.again(("parent", name), ("", "eth9"), *parents, tenths=8)
        if draft.devices[parent].get("bears") != "ipvlan":
            draft.devices[parent]["bears"] = "macvlan"
            mode = draft.again(("mode", name), "bridge", "bridge", "vepa", "private", "source")
            child(draft, "macvlan", name, parent, mode=mode, mac=draft.pick(*own_macs("macvlan" + name)), bcqueuelen=draft.pick(None, 500, 2000),
                  source_macs=draft.some(*MACS) if mode == "source" else None)


def vlan(draft):
    for number, name in enumerate(draft.some("l0", "l1")):
        # a vlan device comes up only on a parent that is up
        child(draft, "vlan", name, draft.pick(("", "eth9"), *draft.parents(up=True)), id=draft.pick(5, 5, 5, 6) + 2 * number)


def ipvlan(draft):
    parents = [parent for parent in draft.parents(master="") if draft.devices[parent].get("bears") != "macvlan"
               and draft.devices[parent]["kind"] == "dummy"]
    if not parents:
        return
    parent, mode = draft.pick(*parents), draft.pick("l2", "l2", "l3", "l3s")
    draft.devices[parent]["bears"] = "ipvlan"
    for name in draft.some("i0", "i1"):
        child(draft, "ipvlan", name, parent, mode=mode, flag="private" if mode == "l3" else "bridge")


def ipip(draft):
    for name in draft.free("", "tip"):
        draft.add("ipip", name=name, local=UNDERLAY, remote=draft.pick("198.18.0.12", "198.18.0.13"), dev="eth9", ttl=draft.pick(32, 64))
        draft.device("", name, mtu=IPV6_MTU, kind="ipip")


def wireguard(draft):
    for name in draft.free("", "wg0"):
        peers = [peer(number, "10.200.%d.0/24" % number, endpoint=draft.pick(None, "198.18.0.12:51820")) for number in draft.some(4, 5, 6)]
        peers = [{field: value for field, value in one.items() if value is not None} for one in peers]
        draft.add("wireguard", name=name, listen_port=draft.pick(51820, 51821), private_key_file="/run/keys/wireguard%d" % draft.pick(1, 2), peers=peers)
        draft.device("", name, mtu=1420, kind="wireguard")


# --- what stands on links ------------------------------------------------------------------------------------------

def tuntap(draft):
    for name in draft.free("", "u0", "u1", "s0"):
        found = draft.end("", name, "tap", mtus=(None, 1300, 1400))
        if draft.again(("tun", name), False, True):
            found = dict({field: found[field] for field in found if field not in ("mac", "master", "bridge_port")}, mode="tun")
            draft.devices["", name].update(kind="tun", master="")
        draft.document["tuntap"].append(dict({"mode": "tap"}, **found, multi_queue=draft.again(("queues", name), False, False, True, tenths=5),
                                             owner=draft.again(("owner", name), 0, 0, 1000)))


def sysctl(draft):
    for place in draft.some(*draft.places):
        draft.add("sysctl", netns=place, key="net/ipv4/ip_forward", value=draft.pick("0", "1") if place else "1")  # as the other fabric wants it
    for place, name in [key for key in draft.devices if key != ("", "eth9") and draft.some(key)]:
        key = draft.again(("key", place, name), "net/ipv4/conf/%s/proxy_arp", "net/ipv4/conf/%s/rp_filter", "net/ipv6/conf/%s/accept_ra")
        draft.add("sysctl", netns=place, key=key % name, value=draft.pick("0", "1", "2"))
    if draft.maybe():
        draft.add("sysctl", key="net/ipv4/conf/eth9/proxy_arp", value=draft.pick("0", "1"))


def ipset(draft):
    """Of types that any kernel has. A set has another type by turns, so that there are swaps and sets made anew."""
    members = {
        "hash:ip": ["10.0.0.%d" % n for n in range(1, 6)],
        "hash:net": ["10.0.%d.0/24" % n for n in range(1, 6)],
        "bitmap:port": ["%d" % n for n in range(1000, 1006)],
    }
    for name in draft.some("S", "T"):
        type_ = draft.again(("type", name), "hash:ip", "hash:ip", "hash:net", "bitmap:port", tenths=8)
        shape = {"range": "1000-1100"} if type_ == "bitmap:port" else {"family": "inet", "maxelem": draft.again(("maxelem", name), 65536, 100)}
        listed = [dict({"member": text}, **draft.pick({}, {"comment": "two words"})) for text in draft.some(*members[type_])]
        draft.add("ipset", name=name, type=type_, comment=True, timeout=draft.again(("timeout", name), None, None, 0, 3000), members=listed, **shape)
    names = [entry["name"] for entry in draft.document["ipset"]]
    if names and draft.maybe():
        draft.add("ipset", name="L", type="list:set", size=8, members=draft.draw(st.permutations(names)))
    place = draft.place()
    if place:
        draft.add("ipset", netns=place, name="S", type="hash:ip", family="inet", maxelem=65536, members=draft.some("10.9.9.9", "10.9.9.8"))


def bridge_vlan(draft):
    """Of bridges and their ports; the bridges learn here that they filter VLANs, which only this kind's kernels can do."""
    if not draft.document["bridge"]:
        bridge(draft)
    for entry in draft.document["bridge"]:
        entry.update(draft.pick({}, {"vlan_filtering": True}, {"vlan_filtering": True, "vlan_default_pvid": 5}, {"vlan_default_pvid": 0}))
    for place, device in draft.devices.items():
        if device["kind"] != "bridge" and not device["master"]:
            continue
        pvid = draft.pick(None, None, "5", "20")
        for vid in draft.some("1", "5", "20", "100-102"):
            draft.add("bridge_vlan", vid=vid, pvid=vid == pvid, untagged=draft.pick(False, False, True), **on(place))


def on(place):
    return dict({"dev": place[1]}, **({"netns": place[0]} if place[0] else {}))


def address(draft):
    for place, device in draft.devices.items():
        if place == ("", "eth9"):
            for text in draft.some("198.18.0.77/32", "198.19.0.1/24"):
                draft.add("address", dev="eth9", address=text)
            continue
        if not draft.again(("addresses", place), True, True, True, False):
            continue
        net = "10.%d.%d" % (own_net(*place)[0] % 100, own_net(*place)[1])
        device["hosts"] = ["%s.%d" % (net, host) for host in draft.draw(st.permutations(draft.some(1, 2, 3)))]
        for host in device["hosts"]:
            draft.add("address", address=host + "/24", **on(place))
        if device["up"] and device["mtu"] >= IPV6_MTU and draft.maybe():
            draft.add("address", address="fd00:%x:%x::1/64" % own_net(*place), **on(place))
            device["ipv6"] = "fd00:%x:%x::" % own_net(*place)


def reachable(draft):
    """(place, an address of the device beside which others can be, a prefix of its own beyond) of devices that are up."""
    for place, device in draft.devices.items():
        if device["up"] and device.get("hosts"):
            one, two = own_net(*place)
            yield place, device["hosts"], device["hosts"][0].rpartition(".")[0], "10.%d.%d" % (100 + one % 100, two)


def vxlan_fdb(draft):
    if not draft.document["vxlan"]:
        vxlan(draft)
    for link in draft.document["vxlan"]:
        number = draft.pick(7, 8) if link.get("external") else None
        for mac in draft.some("66:00:00:00:00:02", "66:00:00:00:00:03"):
            draft.add("vxlan_fdb", dev=link["name"], mac=mac, dst=draft.pick("198.18.0.12", "198.18.0.13", "198.18.0.14"),
                      vni=draft.again((link["name"], mac), None, None, 99), src_vni=number)
        for dst in draft.some("198.18.0.12", "198.18.0.13"):
            draft.add("vxlan_fdb", dev=link["name"], mac="00:00:00:00:00:00", dst=dst, port=draft.pick(None, 4789, 5000),
                      via=draft.pick(None, None, "eth9"), src_vni=number)


def neighbour(draft):
    for place, dummy, beside, dummy in reachable(draft):
        if draft.devices[place]["kind"] == "tun":
            continue  # nobody has a MAC there
        for host in draft.some(9, 10):
            draft.add("neighbour", address="%s.%d" % (beside, host), mac=draft.pick(*MACS), **on(place))
        if draft.devices[place].get("ipv6") and draft.maybe():
            draft.add("neighbour", address=draft.devices[place]["ipv6"] + "9", mac=draft.pick(*MACS), **on(place))
    for host in draft.some(12, 13):
        draft.add("neighbour", dev="eth9", address="198.18.0.%d" % host, mac=draft.pick(*MACS))


def proxy_neighbour(draft):
    for place, dummy, beside, dummy in reachable(draft):
        for host in draft.some(77, 78):
            draft.add("proxy_neighbour", address="%s.%d" % (beside, host), **on(place))
        if draft.devices[place].get("ipv6") and draft.maybe():
            draft.add("proxy_neighbour", address=draft.devices[place]["ipv6"] + "77", **on(place))
    for host in draft.some(77, 78):
        draft.add("proxy_neighbour", dev="eth9", address="198.18.0.%d" % host)


def ways(draft, number, hops, version):
    """A route by one or several of these hops."""
    chosen = draft.draw(st.lists(st.sampled_from(hops), unique_by=lambda hop: hop["via"], min_size=1, max_size=3))
    draft.add("route", dst="fd02:%x::/64" % number if version == 6 else "10.22%d.0.0/16" % number, mtu=draft.pick(None, None, 1400),
              nexthops=[dict(hop, weight=draft.pick(1, 1, 3)) for hop in chosen])


def rule(draft):
    for number in draft.some(0, 1, 2, 3, 4):
        fields = ({"from": "10.1.0.0/16", "table": 99}, {"table": 99}, {"fwmark": "0x7/0xff", "from": "10.0.0.0/8", "table": 99},
                  {"iif": "eth9", "action": "goto", "goto": draft.pick(200, 300)}, {"ip_version": 6, "to": "fd00::/8", "tos": 8, "table": 99})[number]
        draft.add("rule", priority=100, invert=draft.maybe(), netns=draft.pick("", "", draft.place()), **fields)


def route(draft):
    hops = [{"via": "198.18.0.1", "dev": "eth9"}, {"via": "198.18.0.2"}]
    hops += [{"via": beside + ".9", "dev": place[1]} for place, dummy, beside, dummy in reachable(draft) if not place[0]]
    for number in draft.some(5, 6):
        ways(draft, number, hops, 4)
    hops = [{"via": draft.devices[place]["ipv6"] + host, "dev": place[1]} for place, dummy, dummy, dummy in reachable(draft) for host in ("8", "9")
            if not place[0] and draft.devices[place].get("ipv6")]
    for number in draft.some(5, 6) if hops else ():
        ways(draft, number, hops, 6)

    for place, hosts, beside, beyond in reachable(draft):
        for third in draft.some(0, 128):
            dst = "%s.%d/25" % (beyond, third)
            draft.add("route", dst=dst, via=draft.pick(None, beside + ".9", beside + ".10"), src=draft.pick(None, *hosts),
                      metric=draft.again((dst, "metric"), 0, 0, 5), table=draft.again((dst, "table"), None, None, 99), **on(place))
        if draft.devices[place].get("ipv6") and draft.maybe():
            draft.add("route", dst="fd01:%x:%x::/64" % own_net(*place), via=draft.devices[place]["ipv6"] + draft.pick("8", "9"), **on(place))
    for number in draft.some(98, 99):
        draft.add("route", dst="10.2%d.0.0/16" % (number - 60), type=draft.pick("blackhole", "blackhole", "unreachable"))
    for number in draft.some(1, 2):
        draft.add("route", dst="10.24%d.0.0/16" % number, via="10.24%d.0.0" % number, dev="eth9", onlink=True, metric=draft.pick(0, 0, 0, 7))


def xfrm_policy(draft):
    for place in draft.places:
        for direction in draft.some("out", "in", "fwd"):
            template = draft.pick(None, {"src": UNDERLAY, "dst": "198.18.0.12", "reqid": 11}, {"mode": "transport", "level": "use"})
            fields = {"priority": draft.pick(0, 7), "template": template, "netns": place}
            draft.add("xfrm_policy", **policy(direction, "10.244.1.0/24", "10.244.2.0/24", **fields))


def xfrm_state(draft):
    for spi in draft.some(0x1000, 0x1001):
        draft.document["xfrm_state"].append(state(UNDERLAY, "198.18.0.12", spi, key=draft.pick(1, 1, 2), replay_window=draft.pick(128, 64)))


# --- rules ---------------------------------------------------------------------------------------------------------

def rules_of(draft):
    """For chains of the own namespace, those with its sets included."""
    return RULES + ["-m set --match-set %s src -j ACCEPT" % entry["name"] for entry in draft.document["ipset"] if "netns" not in entry]


def iptables_chain(draft):
    for name in draft.some("ONE", "TWO", "THREE"):
        rules = draft.draw(st.lists(st.sampled_from(rules_of(draft)), min_size=1, max_size=5))
        draft.add("iptables_chain", chain=name, rules=rules, ip_version=draft.pick(None, None, 6) if name == "THREE" and not any(
            "10." in rule or "--match-set" in rule for rule in rules) else None, table="mangle" if name == "TWO" else None)
    place = draft.place()
    if place:
        draft.add("iptables_chain", netns=place, chain="ONE", table="nat", rules=draft.pick(RULES[:1], RULES[:2]))


def iptables_rule(draft):
    wanted = [("filter", rule) for rule in draft.some(*RULES[:3])]
    wanted += [(entry.get("table", "filter"), "-j " + entry["chain"]) for entry in draft.document["iptables_chain"]
               if not {"netns", "ip_version"} & set(entry)]
    for table, rule in draft.draw(st.permutations(wanted)):
        draft.add("iptables_rule", table=table, chain="FORWARD", rule=rule, position=draft.pick("first", "last", "last"))


STRATEGIES = {
    "netns": netns, "bridge": bridge, "bridge_port": bridge_port, "dummy": dummy, "veth": veth, "vlan": vlan, "macvlan": macvlan,
    "ipvlan": ipvlan, "vxlan": vxlan, "ipip": ipip, "wireguard": wireguard, "sysctl": sysctl, "ipset": ipset, "bridge_vlan": bridge_vlan,
    "address": address, "vxlan_fdb": vxlan_fdb, "neighbour": neighbour, "tuntap": tuntap, "proxy_neighbour": proxy_neighbour,
    "rule": rule, "route": route, "xfrm_state": xfrm_state, "xfrm_policy": xfrm_policy, "iptables_chain": iptables_chain,
    "iptables_rule": iptables_rule,
}  # fmt: skip

# What a kind's documents are also about: what its objects stand on, and what takes their names. Without an entry, any two others.
BESIDE = {
    "bridge": ("veth", "vxlan"), "veth": ("netns", "bridge", "address"), "vxlan": ("bridge", "address", "neighbour"), "macvlan": ("netns", "bridge"),
    "bridge_port": ("bridge",),
    "dummy": ("netns", "bridge"), "vlan": ("netns", "bridge", "dummy"), "ipvlan": ("netns", "dummy"), "sysctl": ("netns", "vxlan", "veth"),
    "address": ("netns", "vxlan", "veth"), "vxlan_fdb": ("vxlan",), "neighbour": ("vxlan", "address"), "route": ("vxlan", "address"),
    "bridge_vlan": ("bridge", "veth"), "tuntap": ("netns", "bridge", "address"), "proxy_neighbour": ("vxlan", "veth", "address"), "rule": ("netns",),
    "ipset": ("iptables_chain",), "iptables_chain": ("iptables_rule",), "iptables_rule": ("iptables_chain",), "xfrm_state": ("xfrm_policy",),
}  # fmt: skip

# How many times as many examples: of these a document has one or two, where it has any, or something seldom becomes of them.
SELDOM = {"bridge_port": 4, "macvlan": 2, "tuntap": 2, "ipset": 2, "sysctl": 2, "vxlan_fdb": 2, "neighbour": 2, "proxy_neighbour": 4, "route": 2,
          "xfrm_policy": 2}

# What can become of an object that is wanted before and after: of most kinds it can be changed, or has to be made anew.
TRANSITIONS = ("made", "changed", "replaced", "removed")
NEVER = {
    "netns": ("changed", "replaced"),  # there is nothing to it but its name
    "bridge": ("replaced",),  # all that there is to it can be changed
    "address": ("changed",),  # one that is there is there
    "proxy_neighbour": ("changed",),  # all there is to it is its name and its mark
    "bridge_port": ("replaced",),  # somebody else made it
    "rule": ("replaced",),
    "iptables_chain": ("replaced",),  # its rules change
    "iptables_rule": ("changed",),  # its text is its name; it moves
    "xfrm_policy": ("replaced",),
    "xfrm_state": ("changed",),
}


@st.composite
def documents(draw, kinds=tuple(STRATEGIES)):
    return draft(draw, kinds)


def draft(draw, kinds, remembered=None):
    """A document of these kinds; what one of them needs may be of another."""
    made = Draft(draw, remembered)
    for kind in KINDS:
        if kind in kinds:
            STRATEGIES[kind](made)
    return {section: entries for section, entries in made.document.items() if entries}


@st.composite
def lives(draw, kind, there, length=3):
    """Documents that follow one another and are about the same few kinds, so that one finds what the other had; `there` are the kinds
    that the kernel has."""
    beside = [name for name in BESIDE.get(kind, ()) if name in there]
    others = sorted(set(there) - {kind, *beside})
    others += 2 * [name for name in others if name in SELDOM]
    about = {kind, *beside, *draw(st.lists(st.sampled_from(others), min_size=0 if beside else 2, max_size=1 if beside else 2, unique=True))}
    remembered = {}
    return [draft(draw, about, remembered) for dummy in range(length)]
