# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries that hold where a peer is on the node's own segment, or where it is not."""

import ipaddress

import engine_model
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import conditions
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, Invalid

NEAR, FAR = "198.51.100.2", "203.0.113.9"
HAS = {"wireguard": True}.get
NETWORKS = [ipaddress.ip_network(network) for network in ("198.51.100.0/24", "2001:db8::/64", "192.0.2.0/30")]


def select(*routes):
    return conditions.select({"underlay": {"address": "198.51.100.1"}, "route": list(routes)}, "eth9", NETWORKS, HAS)["route"]


@pytest.mark.parametrize("condition, peer, kept", [
    ("if_onlink", NEAR, True), ("if_onlink", FAR, False), ("if_onlink", "192.0.2.2", True),
    ("unless_onlink", NEAR, False), ("unless_onlink", FAR, True),
    ("needs_onlink", NEAR, True),
])
def test_an_entry_counts_where_its_condition_holds(condition, peer, kept):
    assert select({"dst": "10.0.0.0/8", condition: peer}) == ([{"dst": "10.0.0.0/8"}] if kept else [])


@pytest.mark.parametrize("condition, kept", [("if_kernel", True), ("unless_kernel", False)])
def test_an_entry_counts_by_what_the_kernel_has(condition, kept):
    assert select({"dst": "10.0.0.0/8", condition: "wireguard"}) == ([{"dst": "10.0.0.0/8"}] if kept else [])
    assert conditions.conditional({"route": [{"dst": "10.0.0.0/8", condition: "wireguard"}]})
    with pytest.raises(Invalid, match=r"document\.route\[0\]\.%s: 'gre': expected one of wireguard" % condition):
        select({"dst": "10.0.0.0/8", condition: "gre"})


def test_entries_without_conditions_and_other_sections_stay():
    given = {"underlay": {"address": "198.51.100.1", "overhead": 50}, "route": [{"dst": "10.0.0.0/8"}], "bridge": [{"name": "br0"}]}
    assert conditions.select(given, "eth9", NETWORKS, HAS) == given
    assert not conditions.conditional(given)
    assert conditions.conditional(dict(given, route=[{"dst": "10.0.0.0/8", "if_onlink": NEAR}]))


def test_a_peer_that_has_to_be_side_by_side_and_is_not_stops_the_document():
    with pytest.raises(Conflict) as caught:
        select({"dst": "10.0.0.0/8"}, {"dst": "11.0.0.0/8", "needs_onlink": FAR})
    text = str(caught.value)
    assert text.startswith("document.route[1]: 203.0.113.9 is not on a segment of eth9 (198.51.100.0/24, 192.0.2.0/30)")
    assert "choose a backend that tunnels" in text


def test_a_condition_that_is_no_address_is_named_with_its_path():
    with pytest.raises(Invalid, match=r"document\.route\[0\]\.if_onlink"):
        select({"dst": "10.0.0.0/8", "if_onlink": "node2"})


def test_segments_are_all_networks_of_the_device_that_holds_the_address():
    state = engine_model.bare()
    state["address"]["", "eth9", "2001:db8::1/64"] = {}
    state["address"]["", "eth9", "192.0.2.1/30"] = {}
    state["address"]["", "eth8", "203.0.113.1/24"] = {}
    state["address"]["pod", "eth9", "203.0.113.2/24"] = {}
    assert conditions.segments(state, "198.51.100.1") == ("eth9", NETWORKS)


def test_an_underlay_address_that_nobody_holds_is_refused():
    with pytest.raises(Invalid, match="document.underlay.address: '198.51.100.99'"):
        conditions.segments(engine_model.bare(), "198.51.100.99")
