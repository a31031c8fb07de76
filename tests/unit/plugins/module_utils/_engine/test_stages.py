# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network moves over in stages: what each may do, and that all of them together are the whole."""

import engine_model
import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.stages import ADD, CHANGE, PURGE
from ansible_collections.clusternet.fabric.plugins.plugin_utils import recipes

STANDING = ("link", "address", "route", "neighbour", "vxlan_fdb")


def wanted(**common):
    pods = common.pop("pods", ("a", "b"))
    fabric = intent.fabric(intent.nodes(3, fabric_pods=[{"name": name} for name in pods]), **common)
    return recipes.get(fabric["backend"]).document(fabric, "node1")


WAYS = {
    "nothing": {},
    "vxlan": wanted(),
    "host-gw": wanted(flannel_type="host-gw"),
    "direct routing": wanted(flannel_direct_routing=True),
    "another VNI": wanted(flannel_vni=2),
    "another port": wanted(flannel_port=4789),
    "another MTU": wanted(fabric_mtu=1300),
    "one pod": wanted(pods=("b",)),
    "calico": wanted(fabric_backend="calico"),
}


def settled(way):
    return engine_model.staged(engine_model.bare(), WAYS[way])[1]


def words(operations):
    return sorted("%s %s" % (operation.verb, operation.kind.name) for operation in operations)


@pytest.mark.parametrize("after", WAYS)
@pytest.mark.parametrize("before", WAYS)
def test_the_stages_together_are_the_whole(before, after):
    start = settled(before)
    dummy, whole, pending = engine_model.staged(start, WAYS[after])
    assert pending == []
    state, done = start, []
    for stage in (ADD, CHANGE, PURGE):
        operations, state, left = engine_model.staged(state, WAYS[after], stage)
        done += operations
        assert stage not in left
        # What is not said to be touched would not be put back after a failure.
        assert all(operation.key in state.touched()[operation.kind.table] for operation in operations if operation.kind.table != "chain")
        # The engine asks so whether what it did has stuck.
        assert engine_model.staged(state, WAYS[after], stage)[0] == []
        # What is left is told truly: the rest of the way is that and nothing else.
        assert bool(left) == bool(engine_model.staged(state, WAYS[after])[0])
    assert state == whole == settled(after)
    assert engine_model.staged(state, WAYS[after], ADD)[0] == []


@pytest.mark.parametrize("after", WAYS)
@pytest.mark.parametrize("before", WAYS)
def test_the_first_stage_leaves_alone_what_stands(before, after):
    start = settled(before)
    operations, state, dummy = engine_model.staged(start, WAYS[after], ADD)
    for table in STANDING:
        assert {key: state[table].get(key) for key in start[table]} == dict(start[table])
    assert {operation.verb for operation in operations} <= {"add", "change"}


def test_nothing_to_do_has_nothing_pending():
    assert engine_model.staged(settled("vxlan"), WAYS["vxlan"], ADD)[0::2] == ([], [])


def test_from_nothing_it_is_one_stage():
    operations, state, pending = engine_model.staged(engine_model.bare(), WAYS["vxlan"], ADD)
    assert operations and pending == []
    assert state == settled("vxlan")


def test_another_vni_stands_beside_the_old_one_until_all_use_it():
    state = settled("vxlan")
    operations, state, pending = engine_model.staged(state, WAYS["another VNI"], ADD)
    assert words(operations).count("add vxlan") == 1 and words(operations).count("add vxlan_fdb") == 2
    assert not any("route" in word for word in words(operations))
    assert pending == [CHANGE, PURGE]
    operations, state, pending = engine_model.staged(state, WAYS["another VNI"], CHANGE)
    assert words(operations) == ["change route"] * 2
    assert pending == [PURGE]
    operations, state, pending = engine_model.staged(state, WAYS["another VNI"], PURGE)
    assert {operation.verb for operation in operations} == {"remove"}


def test_to_host_gw_routes_change_in_place_and_the_tunnel_goes_last():
    operations, state, pending = engine_model.staged(settled("vxlan"), WAYS["host-gw"], ADD)
    assert (operations, pending) == ([], [CHANGE, PURGE])
    operations, state, pending = engine_model.staged(state, WAYS["host-gw"], CHANGE)
    # The bridge and the two pods have 50 bytes more.
    assert words(operations) == ["change bridge"] + ["change route"] * 2 + ["change veth"] * 4
    operations, state, pending = engine_model.staged(state, WAYS["host-gw"], PURGE)
    assert words(operations) == ["remove vxlan"]


def test_what_stands_on_a_link_that_is_down_waits_for_it():
    """The kernel takes no route by a device that is down, and the link that stands is not the first stage's to change."""
    state = settled("vxlan").copy()
    state.alter("link", ("", "flannel.1"), up=False)
    for table in ("route", "neighbour"):
        state.drop(table, state.on_device(table, "", "flannel.1"))
    operations, dummy, pending = engine_model.staged(state, WAYS["vxlan"], ADD)
    assert (operations, pending) == ([], [CHANGE])
    operations, dummy, pending = engine_model.staged(state, WAYS["vxlan"], CHANGE)
    assert words(operations) == ["add neighbour"] * 2 + ["add route"] * 2 + ["change vxlan"]
    assert pending == []
