# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that stand on others: what they follow and fall with, in whatever namespace, and whose they are."""

import json

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._child import temporary
from engine_watched import Watched

pytestmark = pytest.mark.kernel

# x0 is everybody's parent, in turn; the child is in the node's own namespace or in p.
PARENT = """
ip netns add p
ip link add x0 mtu 1500 address 02:00:00:00:00:10 type veth peer name x1
ip link set dev x0 up
ip link set dev x1 up
"""
ADDRESSED = """
ip %(in)s address add 10.0.0.1/24 dev c0
ip %(in)s address add fd00::1/64 dev c0 nodad
ip %(in)s link set dev c0 up
ip %(in)s route add 10.9.0.0/24 via 10.0.0.9
ip %(in)s neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev c0 nud permanent
"""
CHILDREN = {
    "macvlan": "type macvlan mode bridge",
    "macvlan with a MAC": "address 02:00:00:00:00:c0 type macvlan mode bridge",
    "macvlan in passthru": "type macvlan mode passthru",
    "macvlan of sources": "type macvlan mode source macaddr set 02:00:00:00:00:aa",
    "ipvlan": "type ipvlan mode l2",
    "vlan": "type vlan id 5",
    "vlan with a MAC": "address 02:00:00:00:00:c0 type vlan id 5",
}


@pytest.fixture(params=[pytest.param((name, netns), marks=pytest.mark.needs(name.split()[0]), id="%s, %s" % (name, netns or "here"))
                        for name in CHILDREN for netns in ("", "p")])
def family(request, node):
    name, netns = request.param
    node.sh(PARENT + "ip link add link x0 name c0 %s %s" % ("netns p" if netns else "", CHILDREN[name]))
    node.sh(ADDRESSED % {"in": "-n p" if netns else ""})
    watched = Watched()
    watched.compare("nothing")
    assert watched.planner.work["link"][netns, "c0"]["parent"] == ("", "x0")
    return watched


def test_it_follows_its_parent(family):
    """The model and the kernel, after each change of the parent."""
    family.change("veth", "", "x0", mac="02:00:00:00:00:11")
    family.change("veth", "", "x0", mtu=1400)
    family.change("veth", "", "x0", mtu=1500)
    family.change("veth", "", "x0", mtu=1270)
    family.change("veth", "", "x0", up=False)
    family.change("veth", "", "x0", up=True)


def test_it_goes_with_its_parent(family):
    family.remove("veth", "", "x1")
    assert not [key for key in family.planner.work["link"] if key[1] == "c0"]


@pytest.mark.needs("ipvlan")
def test_ipvlans_of_a_parent_share_mode_and_flag(node):
    node.sh(PARENT + "ip link add link x0 name c0 type ipvlan mode l2; ip link add link x0 name c1 netns p type ipvlan mode l2")
    node.sh(ADDRESSED % {"in": ""})
    node.sh("ip -n p link set dev c1 up; ip -n p address add 10.0.0.2/24 dev c1; ip -n p neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev c1 nud permanent")
    watched = Watched()
    for fields in ({"mode": "l3"}, {"flag": "private"}, {"mode": "l3s", "flag": "vepa"}, {"mode": "l2"}):
        watched.change("ipvlan", "", "c0", **fields)
        assert {name: watched.planner.work["link"]["p", "c1"][name] for name in fields} == fields


@pytest.mark.needs("ipvlan")
def test_somebodys_ipvlan_keeps_its_mode(node):
    node.sh(PARENT + "ip link add link x0 name c0 netns p type ipvlan mode l3")
    start = node.snapshot()
    document = {"ipvlan": [{"name": "i0", "parent": "x0"}]}
    for check in (True, False):
        with pytest.raises(Conflict) as caught:
            node.apply(document, check=check)
        assert str(caught.value) == ("link i0: its mode l2 would be that of link c0 in namespace p too, which has l3 and is not made by this fabric; "
                                     "choose the same, or another parent")
    node.same(start)
    document["ipvlan"][0]["mode"] = "l3"
    node.apply(document)
    node.settled(document)


@pytest.mark.needs("vlan")
def test_ids_can_be_swapped_and_somebodys_is_not_taken(node):
    def document(*ids):
        return {"vlan": [{"name": "a%d" % number, "parent": "eth9", "id": wanted} for number, wanted in enumerate(ids)]}

    for ids in ((5, 6), (6, 5), (5,)):
        node.apply(document(*ids))
        node.settled(document(*ids))
    node.apply({"vlan": [{"name": "other", "parent": "eth9", "id": 5}]})  # of ours: it makes way
    node.sh("ip link add link eth9 name theirs type vlan id 9")
    with pytest.raises(Conflict) as caught:
        node.apply(document(9))
    assert str(caught.value) == "link a0: VLAN 9 (802.1Q) of eth9 is taken by link theirs, not made by this fabric; choose another id or parent"


@pytest.mark.needs("macvlan")
def test_a_name_that_the_parents_namespace_has_is_no_obstacle(node):
    """Nor is what a run left that was killed between birth and name."""
    document = {"netns": [{"name": "p"}], "macvlan": [{"name": "eth9", "netns": "p", "parent": "eth9"}]}
    node.apply({"netns": [{"name": "p"}]})
    node.sh("ip link add link eth9 name %s netns p group 160 type macvlan" % temporary(("p", "eth9")))
    node.apply(document)
    node.settled(document)
    assert [link["ifname"] for link in json.loads(node.sh("ip -n p -j link"))] == ["lo", "eth9"]


@pytest.mark.needs("macvlan")
def test_what_cannot_be_named_does_not_stay(node):
    """The name is taken after the run has looked."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine

    document = {"netns": [{"name": "p"}], "macvlan": [{"name": "eth0", "netns": "p", "parent": "eth9"}]}
    node.apply({"netns": [{"name": "p"}]})
    original = engine.Transaction.run
    start = []

    def run(self, operations):
        if not start:
            node.sh("ip -n p link add eth0 type veth peer name far")
            start.append(node.snapshot())
        original(self, operations)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.Transaction, "run", run)
        with pytest.raises(Exception, match="add link eth0 in namespace p: .*File exists.*Nothing is changed"):
            node.apply(document)
    now = node.snapshot()
    now["run"] = start[0]["run"]
    assert not node.differences(start[0], now)


@pytest.mark.needs("macvlan")
def test_a_namespace_that_is_held_open_does_not_keep_them(node):
    node.apply({"netns": [{"name": "p"}], "macvlan": [{"name": "eth0", "netns": "p", "parent": "eth9", "mac": "02:00:00:00:00:a1"}]})
    sleeper = node.sh("ip netns exec p sh -c 'sleep 30 >/dev/null 2>&1 & echo $!'").strip()
    try:
        node.apply({})
        # The parent is free for another taker, which it is not while a macvlan stands on it.
        node.sh("ip link add br9 type bridge; ip link set dev eth9 master br9")
    finally:
        node.sh("kill %s" % sleeper)


@pytest.mark.needs("ipip")
def test_the_modules_own_tunnel_is_left_alone(node):
    """It is in every namespace, and goes with one; a fabric may use it and does not own it."""
    document = {"netns": [{"name": "p"}], "address": [{"dev": "tunl0", "address": "10.0.0.1/32"}, {"dev": "tunl0", "netns": "p", "address": "10.0.0.2/32"}]}
    start = node.snapshot()
    node.apply({"netns": [{"name": "p"}]})
    node.apply(document)
    node.settled(document)
    node.apply({})
    node.same(start)
    with pytest.raises(Conflict, match="link tunl0: there is already a ipip of that name, not made by this fabric"):
        node.apply({"ipip": [{"name": "tunl0"}]})


@pytest.mark.needs("ipip")
def test_a_tunnel_whose_device_is_made_anew_is_too(node):
    """It would keep the number of the one that went."""
    def document(**peer):
        return {"netns": [{"name": "p"}], "veth": [{"name": "x0", "peer": dict({"name": "x1"}, **peer)}],
                "ipip": [{"name": "a0", "local": "198.18.0.11", "dev": "x0"}], "address": [{"dev": "a0", "address": "10.0.0.1/32"}]}

    node.apply(document())
    node.apply(document(netns="p"))
    node.settled(document(netns="p"))
    assert json.loads(node.sh("ip -j -d link show a0"))[0]["link"] == "x0"


@pytest.mark.needs("macvlan")
@pytest.mark.parametrize("theirs, mode", [("passthru", "bridge"), ("bridge", "passthru")])
def test_a_parent_that_bears_one_in_passthru_bears_no_other(node, theirs, mode):
    node.sh(PARENT + "ip link add link x0 name c0 netns p type macvlan mode " + theirs)
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict) as caught:
            node.apply({"macvlan": [{"name": "m0", "parent": "x0", "mode": mode}]}, check=check)
        assert str(caught.value) == "link m0: parent x0 is taken by link c0 in namespace p, not made by this fabric; choose another parent"
    node.same(start)


@pytest.mark.needs("macvlan")
def test_a_set_of_sources_is_compared_as_one(node):
    document = {"macvlan": [{"name": "m0", "parent": "eth9", "mode": "source", "source_macs": ["02:00:00:00:00:0b", "02:00:00:00:00:0A"]}]}
    node.apply(document)
    document["macvlan"][0]["source_macs"].reverse()
    node.settled(document)
    node.sh("ip link set dev m0 type macvlan macaddr add 02:00:00:00:00:0c")
    assert node.apply(document).commands() == ["ip link set dev m0 type macvlan macaddr set 02:00:00:00:00:0a 02:00:00:00:00:0b"]


@pytest.mark.needs("macvlan")
@pytest.mark.parametrize("netns", ["", "p"])
def test_a_child_and_a_larger_mtu_for_its_parent_come_together(node, netns):
    """The kernel refuses a child that has a larger MTU than its parent; forward, and on the way back."""
    def documents(mtu, *children):
        return {"netns": [{"name": "p"}], "bridge": [{"name": "b0", "mac": "02:00:00:00:00:10", "mtu": mtu}],
                "macvlan": [{"name": "m0", "parent": "b0", "mac": "02:00:00:00:00:11", "mtu": mtu, "netns": netns}] * len(children)}

    small, large = documents("1300"), documents("1500", "m0")
    node.apply(small)
    for after in (large, small):
        start = node.snapshot(sysctls=False)
        foretold = node.apply(after, check=True)
        for number in range(len(foretold.operations)):
            with pytest.raises(Exception, match="Nothing is changed"):
                node.apply(after, fail_at=number)
            node.same(start, sysctls=False)
        assert node.apply(after).commands() == foretold.commands()
        node.settled(after)
