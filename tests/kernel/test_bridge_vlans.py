# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLANs of bridges: what the kernel does to them in passing, whose they are, and what a kernel without them is told to be."""

import json
import socket

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import bridge_vlan
from engine_documents import vlans
from engine_watched import Watched
from features import has

pytestmark = pytest.mark.kernel
NEEDS = pytest.mark.needs("bridge_vlan")

# Ports with the default, with another PVID beside it, with the default as a tagged VLAN, and without it.
PORTS = """
ip netns add p
ip link add br0 address 02:00:00:00:00:10 type bridge vlan_filtering 1
ip link add br1 type bridge vlan_default_pvid 9
for port in given moved tagged bare taken; do ip link add $port master br0 type veth peer name $port-end; done
bridge vlan add dev moved vid 20 pvid
bridge vlan add dev tagged vid 1
bridge vlan del dev bare vid 1
bridge vlan add dev taken vid 5
bridge vlan add dev br0 vid 30 self
"""


@pytest.fixture
def ports(node):
    node.sh(PORTS)
    watched = Watched()
    watched.compare("nothing")
    assert len(watched.planner.work["bridge_vlan"]) == 9
    return watched


def of(node, dev):
    """{VLAN: flags} of a device, as bridge(8) tells them."""
    told = json.loads(node.sh("bridge -j vlan show dev %s" % dev))
    return {vlan["vlan"]: sorted(vlan.get("flags", ())) for block in told for vlan in block["vlans"]}


GIVEN = ["Egress Untagged", "PVID"]


@NEEDS
@pytest.mark.parametrize("pvids", [(5, 1), (20, 6), (0, 7), (30,), (0, 1)])
def test_another_default_pvid_moves_what_still_is_as_it_was_given(ports, pvids):
    for pvid in pvids:
        ports.change("bridge", "", "br0", vlan_default_pvid=pvid)


@NEEDS
def test_a_port_that_leaves_loses_its_vlans_and_gets_the_default_of_the_next_bridge(ports):
    ports.change("veth", "", "moved", master="")
    assert not [key for key in ports.planner.work["bridge_vlan"] if key[1] == "moved"]
    ports.change("veth", "", "moved", master="br1")
    assert [key for key in ports.planner.work["bridge_vlan"] if key[1] == "moved"] == [("", "moved", 9)]
    ports.change("veth", "", "taken", master="br1")


@NEEDS
def test_a_bridge_or_a_port_that_goes_takes_them(ports):
    ports.remove("veth", "", "taken-end")
    ports.remove("bridge", "", "br0")
    assert [key[1] for key in ports.planner.work["bridge_vlan"]] == ["br1"]


@NEEDS
def test_a_new_pvid_takes_it_from_the_old(ports):
    ports.change("bridge_vlan", "", "taken", 5, pvid=True)
    ports.remove("bridge_vlan", "", "moved", 20)
    assert not [key for key, item in ports.planner.work["bridge_vlan"].items() if key[1] == "moved" and item["pvid"]]


@NEEDS
def test_ports_have_what_is_listed_and_the_default_whatever_was_before(node):
    entries = [{"dev": "x0", "vid": "10-11"}, {"dev": "y0", "vid": 10, "pvid": True, "untagged": True}]
    node.apply(vlans(*entries))
    expected = {"x0": {1: GIVEN, 10: [], 11: []}, "y0": {1: GIVEN[:1], 10: GIVEN}, "br0": {1: GIVEN}}
    assert {dev: of(node, dev) for dev in expected} == expected
    node.sh("bridge vlan del dev x0 vid 1; bridge vlan add dev x0 vid 11 untagged; bridge vlan add dev y0 vid 12; bridge vlan add dev br0 vid 10 self;"
            "bridge vlan add dev y0 vid 1 pvid")
    done = node.apply(vlans(*entries))
    assert sorted(done.commands()) == [
        "bridge vlan add dev x0 vid 1 pvid untagged", "bridge vlan add dev x0 vid 11", "bridge vlan add dev y0 vid 1 untagged",
        "bridge vlan add dev y0 vid 10 pvid untagged", "bridge vlan delete dev br0 vid 10 self", "bridge vlan delete dev y0 vid 12"]
    assert {dev: of(node, dev) for dev in expected} == expected
    node.settled(vlans(*entries))


@NEEDS
def test_a_document_without_vlans_says_nothing_of_them(node):
    document = dict(vlans(vlan_filtering=None), bridge_vlan=None)
    done = node.apply(document)
    assert "bridge_vlan" not in done.after and "bridge_vlan" not in done.counts()["add"]
    assert of(node, "x0") == {1: GIVEN}


@NEEDS
def test_thousands_are_a_line_of_commands(node):
    node.apply(vlans())
    document = vlans({"dev": "x0", "vid": "2-4094"})
    assert node.apply(document, check=True).commands() == ["bridge vlan add dev x0 vid 2-4094"]
    done = node.apply(document)
    assert done.counts() == {"add": {"bridge_vlan": 4093}} and done.after["bridge_vlan"] == [
        {"dev": "x0", "vid": "2-4094", "pvid": False, "untagged": False}]
    node.settled(document)


@NEEDS
def test_what_is_not_ours_is_left_alone(node):
    node.sh("ip link add br7 type bridge; ip link add t0 master br7 type veth peer name t1; bridge vlan add dev t0 vid 70")
    start = node.snapshot()
    for dev in ("br7", "t0"):
        with pytest.raises(Conflict) as caught:
            node.apply({"bridge_vlan": [{"dev": dev, "vid": 71}]})
        assert str(caught.value) == ("VLAN 71 of %s: the device is not made by this fabric, and a fabric cannot mark VLANs of such a one; "
                                     "add them with the module bridge_vlan" % dev)
    node.apply(vlans({"dev": "x0", "vid": 10}))
    node.apply({})
    node.same(start)


@NEEDS
def test_frames_are_kept_apart(node):
    """Two ports of VLAN 10 reach each other, one of VLAN 20 does not, and a VLAN device on the bridge is in VLAN 20."""
    names = ("a", "b", "c")
    node.apply({
        "netns": [{"name": name} for name in names],
        "bridge": [{"name": "br0", "vlan_filtering": True, "vlan_default_pvid": 0}],
        "veth": [{"name": "v" + name, "master": "br0", "peer": {"name": "eth0", "netns": name}} for name in names],
        "bridge_vlan": [{"dev": "v" + name, "vid": vid, "pvid": True, "untagged": True} for name, vid in zip(names, (10, 10, 20))]
        + [{"dev": "br0", "vid": 20}],
        "vlan": [{"name": "br0.20", "parent": "br0", "id": 20}],
        "address": [{"dev": "eth0", "netns": name, "address": "10.0.0.%d/24" % number} for number, name in enumerate(names, 1)]
        + [{"dev": "br0.20", "address": "10.0.0.9/24"}],
    })

    def reaches(name, address):
        with node.inside(name):
            try:
                socket.create_connection((address, 9), timeout=2).close()
            except ConnectionRefusedError:  # nobody listens: it was there to say so
                return True
            except OSError:
                return False
        raise AssertionError("somebody listens")

    assert [reaches(*pair) for pair in (("a", "10.0.0.2"), ("c", "10.0.0.9"), ("a", "10.0.0.3"), ("b", "10.0.0.9"))] == [True, True, False, False]


@pytest.mark.parametrize("standing", [False, True])
def test_a_kernel_without_them_is_said_to_be_one_beforehand(node, standing, monkeypatch):
    """It answers 0 to the first two, and does nothing."""
    if has("bridge_vlan"):
        monkeypatch.setattr(bridge_vlan, "supported", lambda kernel, links: False)
    if standing:
        node.apply({"bridge": [{"name": "br0"}]})
    start = node.snapshot()
    for option in ({"vlan_protocol": "802.1ad"}, {"vlan_default_pvid": 5}, {"vlan_filtering": True}):
        for check in (True, False):
            with pytest.raises(Conflict) as caught:
                node.apply({"bridge": [dict(option, name="br0")]}, check=check)
            assert str(caught.value) == ("link br0: %s: this kernel has no VLAN filtering of bridges (CONFIG_BRIDGE_VLAN_FILTERING); leave it out"
                                         % next(iter(option)))
    with pytest.raises(Conflict, match="VLAN 5 of br0: this kernel has no VLAN filtering"):
        node.apply({"bridge": [{"name": "br0"}], "bridge_vlan": [{"dev": "br0", "vid": 5}]})
    node.same(start)
    node.apply({"bridge": [{"name": "br0", "vlan_filtering": False}]})
    node.settled({"bridge": [{"name": "br0", "vlan_filtering": False}]})
