# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VXLAN devices: what makes one anew and what then stands again, groups and their place in the flood list, and frames over the wire."""

import json
import socket

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, Invalid
from engine_watched import Watched

pytestmark = pytest.mark.kernel

FLOOD = "00:00:00:00:00:00"
VTEP = {"name": "vx", "vni": 7, "local": "198.18.0.11", "dev": "eth9"}


def flood_list(node, dev="vx"):
    return sorted(entry["dst"] for entry in json.loads(node.sh("bridge -j fdb show dev %s" % dev)) if entry["mac"] == FLOOD)


# field: what it is to be, whether the kernel can change it
OTHER = {
    "vni": (8, False), "port": (8472, False), "local": ("198.18.0.77", False), "dev": ("eth9p", False), "group": ("239.1.1.1", False),
    "srcport": ("40000-50000", False), "proxy": (True, False), "l2miss": (True, False), "l3miss": (True, False), "udpcsum": (False, False),
    "udp6zerocsumtx": (True, False), "udp6zerocsumrx": (True, False),
    "learning": (False, True), "ageing_time": (7, True), "ttl": (7, True), "tos": (8, True), "mtu": (1300, True), "mac": ("02:00:00:00:00:77", True),
}  # fmt: skip


@pytest.mark.parametrize("field", OTHER)
def test_what_makes_it_anew_is_said_and_all_on_it_stands_again(node, field):
    value, changeable = OTHER[field]
    document = {
        "bridge": [{"name": "br0"}], "vxlan": [dict(VTEP, master="br0", bridge_port={"isolated": True})],
        "address": [{"dev": "vx", "address": "10.0.0.1/24"}, {"dev": "vx", "address": "fd00::1/64"}],
        "route": [{"dst": "10.1.0.0/16", "via": "10.0.0.9", "dev": "vx", "onlink": True}],
        "neighbour": [{"dev": "vx", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}],
        "vxlan_fdb": [{"dev": "vx", "mac": "02:00:00:00:00:09", "dst": "198.18.0.12"}, {"dev": "vx", "mac": FLOOD, "dst": "198.18.0.12"}],
    }  # fmt: skip
    before = node.apply(document).after
    changed = dict(document, vxlan=[dict(document["vxlan"][0], **{field: value})])
    done = node.apply(changed)
    assert done.replaced() == ([] if changeable else ["vxlan vx: %s cannot be changed in place" % field])
    assert ("remove" in done.counts()) is not changeable
    assert {name: entries for name, entries in done.after.items() if name != "vxlan"} == {
        name: entries for name, entries in before.items() if name != "vxlan"}
    assert done.after["vxlan"][0][field] == value and done.after["vxlan"][0]["bridge_port"] == {"isolated": True}
    node.settled(changed)


def test_what_goes_with_what_is_made_anew_is_said_too(node):
    def document(peer, kind="veth"):
        found = {"veth": [{"name": "x0", "peer": {"name": peer}}], "vxlan": [{"name": "vx", "vni": 7, "dev": "x0"}], "bridge": [], "address": [
            {"dev": "vx", "address": "10.0.0.1/24"}]}
        found[kind].append({"name": "s0", "peer": {"name": "s1"}} if kind == "veth" else {"name": "s0"})
        return found

    assert node.apply(document("x1")).replaced() == []
    foretold, done = node.apply(document("x2", "bridge"), check=True), node.apply(document("x2", "bridge"))
    assert sorted(done.replaced()) == sorted(foretold.replaced()) == [
        "veth s0: a bridge takes its place", "veth x0: peer cannot be changed in place", "vxlan vx: it goes with what it stands on"]
    node.settled(document("x2", "bridge"))


def learned(node):
    return sorted((entry["mac"][-2:], entry["dst"]) for entry in json.loads(node.sh("bridge -j fdb show dev vx")) if entry["state"] != "permanent")


def test_what_was_learned_from_an_end_goes_with_it(node):
    ends = ["198.18.0.12", "198.18.0.13", "198.18.0.14"]

    def document(*flooded):
        return {"vxlan": [VTEP], "vxlan_fdb": [{"dev": "vx", "mac": FLOOD, "dst": end} for end in flooded]}

    node.apply(document(*ends))
    node.sh("".join("bridge fdb add 02:00:00:00:%s:%s dev vx dst %s self dynamic\n" % (number, end[-2:], end) for end in ends for number in ("01", "02")))
    node.sh("bridge fdb add 02:00:00:00:03:99 dev vx dst 198.18.0.12 self permanent")
    before = learned(node)
    assert len(before) == 6
    node.apply(document(*ends))
    node.apply(document(ends[1]), check=True)
    assert learned(node) == before
    node.apply(document(ends[1]))
    assert learned(node) == [("13", "198.18.0.13")] * 2 and flood_list(node) == [ends[1]]


def test_with_a_device_or_its_namespace_goes_all_that_it_knew(node):
    places = [{}, {"netns": "there"}]
    document = {"netns": [{"name": "there"}], "vxlan": [dict(place, name="vx", vni=7) for place in places],
                "vxlan_fdb": [dict(place, dev="vx", mac=FLOOD, dst="198.18.0.12") for place in places]}
    node.apply(document)
    for inside in ("", "-n there"):
        node.sh("bridge %s fdb add 02:00:00:00:01:12 dev vx dst 198.18.0.12 self dynamic" % inside)
    node.apply({})
    assert node.sh("ip -o link show type vxlan; ls /run/netns") == ""


def test_a_group_is_in_the_flood_list_and_nobody_has_to_ask_for_it(node):
    document = {"vxlan": [dict(VTEP, group="239.1.1.1")]}
    done = node.apply(document)
    assert "vxlan_fdb" not in done.after and flood_list(node) == ["239.1.1.1"]
    more = dict(document, vxlan_fdb=[{"dev": "vx", "mac": FLOOD, "dst": "198.18.0.12"}])
    node.apply(more)
    node.settled(more)
    assert flood_list(node) == ["198.18.0.12", "239.1.1.1"]
    node.apply(document)
    assert flood_list(node) == ["239.1.1.1"]
    node.apply({"vxlan": [dict(VTEP, group="")]})
    assert flood_list(node) == []


def test_an_entry_keeps_the_number_of_a_device_that_went(node):
    node.sh("ip link add x0 type veth peer name x1; ip link add vx type vxlan id 7 dstport 4789 local 198.18.0.11 dev eth9;"
            "bridge fdb append %s dev vx dst 198.18.0.12 via x0; bridge fdb append 02:00:00:00:00:09 dev vx dst 198.18.0.12 via x0" % FLOOD)
    watched = Watched(("",))
    watched.remove("veth", "", "x1")
    assert {item["via"][:2] for item in watched.planner.work["vxlan_fdb"].values()} == {"if"}
    for key in list(watched.planner.work["vxlan_fdb"]):
        watched.remove("vxlan_fdb", *key)


def test_one_mac_behind_two_vteps_by_the_vni_it_comes_with(node):
    document = {"vxlan": [{"name": "vx", "external": True, "learning": False}],
                "vxlan_fdb": [{"dev": "vx", "mac": "02:00:00:00:00:09", "dst": "198.18.0.1%d" % vni, "src_vni": vni} for vni in (2, 3)]}
    node.apply(document)
    found = json.loads(node.sh("bridge -j fdb show dev vx"))
    assert sorted((entry["src_vni"], entry["dst"]) for entry in found) == [(2, "198.18.0.12"), (3, "198.18.0.13")]
    document["vxlan_fdb"][0]["dst"] = "198.18.0.14"
    assert node.apply(document).counts() == {"change": {"vxlan_fdb": 1}}
    del document["vxlan_fdb"][0]
    assert node.apply(document).commands() == ["bridge fdb delete 02:00:00:00:00:09 dev vx dst 198.18.0.14 src_vni 2 self"]


BAD = {
    "vni: 7: expected no VNI with external: each packet brings its own": {"external": True, "vni": 7},
    "vni: None: expected a VNI from 1 to 16777215, or external": {"vni": None},
    "dev: None: expected the underlay device on which the group is joined": {"group": "239.1.1.1", "dev": None},
    "group: '198.18.0.12': expected a multicast address; unicast destinations of the flood list are entries of vxlan_fdb": {"group": "198.18.0.12"},
    "group: 'ff05::7': expected an address of the same family as local, 198.18.0.11": {"group": "ff05::7"},
    "srcport: '60000-5': expected a range of UDP ports such as 49152-65535": {"srcport": "60000-5"},
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_is_refused(node, message):
    with pytest.raises(Invalid) as caught:
        node.apply({"vxlan": [dict(VTEP, **BAD[message])]}, check=True)
    assert str(caught.value) == "document.vxlan[0]." + message


def test_an_entry_of_a_vni_is_for_external_devices_and_a_port_for_one_of_them(node):
    with pytest.raises(Invalid, match="src_vni: 9: expected a device in external mode with it, which vx is not"):
        node.apply({"vxlan": [VTEP], "vxlan_fdb": [{"dev": "vx", "mac": FLOOD, "dst": "198.18.0.12", "src_vni": 9}]})
    with pytest.raises(Invalid, match="'being external on UDP port 4789': expected each such once, but link vx has it too; choose another port"):
        node.apply({"vxlan": [{"name": "vx", "external": True}, {"name": "vy", "external": True}]})
    node.sh("ip link add theirs type vxlan external dstport 4789")
    with pytest.raises(Conflict, match="link vx: being external on UDP port 4789 is taken by link theirs, not made by this fabric; choose another port"):
        node.apply({"vxlan": [{"name": "vx", "external": True}]})


@pytest.mark.parametrize("underlay, group", [("192.0.2.%d/24", "239.1.1.1"), ("2001:db8::%d/64", "ff05::7"), ("2001:db8::%d/64", None)])
def test_frames_cross_by_a_group_and_over_ipv6(node, underlay, group):
    """Two machines and the wire between them, several VNIs on one port; without a group by their flood lists."""
    document = {"netns": [{"name": "a"}, {"name": "b"}], "veth": [{"name": "under", "netns": "a", "peer": {"name": "under", "netns": "b"}}],
                "address": [], "vxlan": [], "vxlan_fdb": []}
    for number, name in enumerate("ab", 1):
        on = {"dev": "under", "netns": name}
        document["address"].append(dict(on, address=underlay % number))
        for vni in (10, 11):
            device = {"name": "vx%d" % vni, "netns": name, "vni": vni, "dev": "under", "local": (underlay % number).partition("/")[0]}
            document["vxlan"].append(dict(device, **({"group": group, "ttl": 3} if group else {})))
            document["address"].append({"dev": "vx%d" % vni, "netns": name, "address": "10.0.%d.%d/24" % (vni, number)})
            if not group:
                there = (underlay % (3 - number)).partition("/")[0]
                document["vxlan_fdb"].append({"dev": "vx%d" % vni, "netns": name, "mac": FLOOD, "dst": there})
    node.apply(document)
    node.settled(document)
    for vni in (10, 11):
        with node.inside("a"), pytest.raises(ConnectionRefusedError):  # nobody listens: it was there to say so
            socket.create_connection(("10.0.%d.2" % vni, 9), timeout=10)
