# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random documents that are good: everything stands on something that is there. Names and addresses are few, so that two documents
drawn one after the other share objects, and have others in each other's way.
"""

from hypothesis import strategies as st

PODS = ("p", "q")
MACS = ["02:00:00:00:01:%02x" % n for n in range(4)]
MTUS = [None, 1300, 1400]
RULES = ["-s 10.0.0.0/8 -j ACCEPT", "-d 10.0.0.0/8 -j ACCEPT", "-p tcp -m tcp --dport 80 -j DROP", "-j RETURN"]


def some(options, **limits):
    return st.lists(st.sampled_from(options), unique=True, **limits)


def own_macs(name):
    """A device's choice; no two devices can have the same, since which port of a bridge then holds it is a matter of history."""
    number = int.from_bytes(name.encode(), "big") % 251
    return [None, "02:00:00:00:03:%02x" % number, "02:00:00:00:04:%02x" % number]


MORE = ("dummy", "vlan", "macvlan", "ipvlan", "ipip")


def _more_links(draw, document, pods):
    """A dummy device, and links on it, on the bridges and on the underlay device, in whatever namespace."""
    small, places = st.sampled_from([None, 1290]), st.sampled_from([""] + pods)

    def child(name, parent, **fields):
        found = dict(fields, name=name, netns=draw(places), parent=parent, mtu=draw(small), up=draw(st.booleans()))
        return {option: value for option, value in found.items() if value not in (None, "")}

    document["dummy"] = [{"name": "d0", "mtu": draw(st.sampled_from([1300, 1500])), "mac": draw(st.sampled_from(MACS)), "up": draw(st.booleans())}]
    parents = {"eth9": True, "d0": document["dummy"][0]["up"], **{link["name"]: link["up"] for link in document["bridge"]}}
    document["vlan"] = [child(name, draw(st.sampled_from(sorted(parents))), id=draw(st.sampled_from([5, 6])) + 2 * number)
                        for number, name in enumerate(draw(some(["l0", "l1"])))]
    for link in document["vlan"]:
        link["up"] = link["up"] and parents[link["parent"]]
    document["macvlan"] = [child(name, draw(st.sampled_from(["eth9"] + [link["name"] for link in document["bridge"]])),
                                 mode=draw(st.sampled_from(["bridge", "vepa"]))) for name in draw(some(["m0", "eth9"]))]
    for link in document["macvlan"]:
        if link["name"] == "eth9" and not link.get("netns"):
            link["name"] = "m9"
    mode = draw(st.sampled_from(["l2", "l3", "l3s"]))
    document["ipvlan"] = [child(name, "d0", mode=mode, flag="private" if mode == "l3" else "bridge") for name in draw(some(["i0", "i1"]))]
    document["ipip"] = [{"name": "tip", "local": "198.18.0.11", "remote": "198.18.0.1%d" % draw(st.sampled_from([2, 3])),
                         "dev": draw(st.sampled_from(["eth9", "d0"]))}] if draw(st.booleans()) else []


@st.composite
def documents(draw, more=False):
    """With `more`, links of the kinds that not every kernel has as well: MORE."""
    pods, bridges = draw(some(PODS)), draw(some(["b0", "b1"]))
    document = {"netns": [{"name": name} for name in pods]}
    flags = st.fixed_dictionaries({}, optional={flag: st.booleans() for flag in ("hairpin", "learning", "isolated", "neigh_suppress", "guard")})

    def end(name, netns):
        found = {"name": name, "mtu": draw(st.sampled_from(MTUS)), "mac": draw(st.sampled_from(own_macs(name)))}
        found["up"] = draw(st.sampled_from([True, True, False]))
        if netns:
            found["netns"] = netns
        elif bridges and draw(st.booleans()):
            found["master"] = draw(st.sampled_from(bridges))
            found["bridge_port"] = draw(flags)
        return {option: value for option, value in found.items() if value is not None}

    document["bridge"] = [
        {"name": name, "mac": "02:00:00:00:00:1%d" % number, "mtu": draw(st.sampled_from([1300, 1500])), "stp": False, "up": draw(st.booleans())}
        for number, name in enumerate(bridges)
    ]
    document["veth"] = [
        dict(end(name, ""), peer=end(name + "x", draw(st.sampled_from([""] + pods)))) for name in draw(some(["v0", "v1", "v2"]))
    ]
    document["vxlan"] = [
        dict(end(name, ""), vni=draw(st.sampled_from([7, 8]) if name == "t0" else st.just(9)), port=draw(st.sampled_from([4789, 8472])),
             local="198.18.0.11", dev="eth9", learning=draw(st.booleans()))
        for name in draw(some(["t0", "t1"]))
    ]  # fmt: skip
    document["sysctl"] = [{"key": "net/ipv4/ip_forward", "value": "1"}] if draw(st.booleans()) else []
    for name in pods:
        if draw(st.booleans()):
            document["sysctl"].append({"netns": name, "key": "net/ipv4/ip_forward", "value": draw(st.sampled_from("01"))})

    if more:
        _more_links(draw, document, pods)
    devices = [("", link["name"]) for section in ("bridge", "veth", "vxlan") for link in document[section]]
    devices += [(link["peer"].get("netns", ""), link["peer"]["name"]) for link in document["veth"]]
    up = {("", link["name"]) for section in ("bridge", "veth", "vxlan") for link in document[section] if link["up"]}
    up |= {(link["peer"].get("netns", ""), link["peer"]["name"]) for link in document["veth"] if link["peer"]["up"]}
    for link in [link for section in MORE[:-1] for link in document.get(section, ())]:
        devices.append((link.get("netns", ""), link["name"]))
        up |= {devices[-1]} if link["up"] else set()
    _addresses(draw, document, devices, up)
    _sets(draw, document, pods)
    _chains(draw, document)
    return {section: entries for section, entries in document.items() if entries}


def _addresses(draw, document, devices, up):
    """And what needs them: a device's own subnet, so that no two devices have one route."""
    for section in ("address", "route", "neighbour", "vxlan_fdb"):
        document[section] = []
    for place in devices:
        netns, dev = place
        net = "10.%d." % (100 + int.from_bytes(dev.encode(), "big") % 97)
        on = dict({"dev": dev}, **({"netns": netns} if netns else {}))
        hosts = draw(st.lists(st.sampled_from([1, 2, 3]), unique=True))
        document["address"] += [dict(on, address="%s0.%d/24" % (net, host)) for host in hosts]
        if place in up and draw(st.booleans()):
            document["address"].append(dict(on, address="fd00:%x::1/64" % (int.from_bytes(dev.encode(), "big") % 4096)))
        if place in up and hosts:
            for third in draw(some([7, 8])):
                via = draw(st.sampled_from([None, net + "0.9"]))
                route = dict(on, dst="%s%d.0/24" % (net, third), metric=draw(st.sampled_from([0, 5])))
                route.update({"via": via} if via else {})
                if draw(st.booleans()):
                    route["src"] = "%s0.%d" % (net, draw(st.sampled_from(hosts)))
                document["route"].append(route)
            document["neighbour"] += [dict(on, address="%s0.%d" % (net, host), mac=draw(st.sampled_from(MACS))) for host in draw(some([9, 10]))]
    for link in document["vxlan"]:
        for mac in draw(some(["66:00:00:00:00:02", "66:00:00:00:00:03"])):
            document["vxlan_fdb"].append({"dev": link["name"], "mac": mac, "dst": draw(st.sampled_from(["198.18.0.12", "198.18.0.13"]))})
        for dst in draw(some(["198.18.0.12", "198.18.0.13"])):
            entry = {"dev": link["name"], "mac": "00:00:00:00:00:00", "dst": dst}
            document["vxlan_fdb"].append(dict(entry, port=draw(st.sampled_from([None, 4789, 5000]))))
    if draw(st.booleans()):
        document["route"].append({"dst": "10.99.0.0/16", "type": draw(st.sampled_from(["blackhole", "unreachable"]))})


def _sets(draw, document, pods):
    """Of types that any kernel has. One set has the other's name and type by turns, so that there are swaps and sets made anew."""
    members = {
        "hash:ip": ["10.0.0.%d" % n for n in range(1, 6)],
        "hash:net": ["10.0.%d.0/24" % n for n in range(1, 6)],
        "bitmap:port": ["%d" % n for n in range(1000, 1006)],
    }
    document["ipset"] = []
    for name in draw(some(["S", "T"])):
        type_ = draw(st.sampled_from(list(members)))
        entry = {"name": name, "type": type_, "comment": True, "timeout": draw(st.sampled_from([None, None, 0, 3000]))}
        entry.update({"range": "1000-1100"} if type_ == "bitmap:port" else {"family": "inet", "maxelem": draw(st.sampled_from([100, 65536]))})
        comments = st.sampled_from([None, None, "two words"])
        entry["members"] = [{"member": text, "comment": draw(comments)} for text in draw(some(members[type_]))]
        document["ipset"].append({option: value for option, value in entry.items() if value is not None})
    if document["ipset"] and draw(st.booleans()):
        names = [entry["name"] for entry in document["ipset"]]
        document["ipset"].append({"name": "L", "type": "list:set", "size": 8, "members": draw(st.permutations(names))})
    for name in pods:
        if draw(st.booleans()):
            document["ipset"].append({"netns": name, "name": "S", "type": "hash:ip", "family": "inet", "maxelem": 65536, "members": ["10.9.9.9"]})


def _chains(draw, document):
    sets = [entry["name"] for entry in document["ipset"] if "netns" not in entry]
    rules = st.lists(st.sampled_from(RULES + ["-m set --match-set %s src -j ACCEPT" % name for name in sets]), min_size=1, max_size=6)
    document["iptables_chain"] = [{"chain": name, "rules": draw(rules)} for name in draw(some(["ONE", "TWO"]))]
    document["iptables_rule"] = [
        {"chain": "FORWARD", "rule": "-j " + chain["chain"], "position": draw(st.sampled_from(["first", "last"]))}
        for chain in document["iptables_chain"]
    ]
