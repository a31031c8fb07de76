# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's underlay document and addresses."""

import ipaddress

import pytest

from ansible_collections.clusternet.fabric.plugins.plugin_utils import lab_underlay as underlay


def test_every_third_node_is_on_the_second_segment():
    assert [underlay.node_segment(index) for index in range(1, 8)] == list("aabaaba")
    assert str(underlay.node_address(1)) == "198.18.0.11"
    assert str(underlay.node_address(3)) == "198.18.16.13"


def test_one_segment_has_all_nodes():
    document = underlay.lab_underlay("x", 7, "1")["document"]
    assert {veth["master"] for veth in document["veth"] if veth["name"].startswith("node")} == {"a"}
    assert [str(underlay.node_address(index, 1)) for index in (1, 3)] == ["198.18.0.11", "198.18.0.13"]


@pytest.mark.parametrize("segments", [0, 3, "two", None])
def test_unusable_segments_name_value_and_expectation(segments):
    with pytest.raises(ValueError, match="lab segments: .* expected 1, .* or 2"):
        underlay.lab_underlay("lab", 3, segments)


def test_addresses_of_the_largest_lab_are_distinct_and_in_their_segment():
    addresses = [underlay.node_address(index) for index in range(1, underlay.MAX_NODES + 1)]
    assert len(set(addresses)) == underlay.MAX_NODES
    for index, address in enumerate(addresses, 1):
        network = underlay.SEGMENTS[underlay.node_segment(index)]
        assert network[1] < address < network.broadcast_address


@pytest.mark.parametrize("count", [0, -1, underlay.MAX_NODES + 1, "three", None, ""])
def test_unusable_counts_name_value_and_expectation(count):
    with pytest.raises(ValueError, match="expected 1 to 1000"):
        underlay.lab_underlay("lab", count)


def test_counts_may_come_as_text():
    assert underlay.lab_underlay("lab", "3") == underlay.lab_underlay("lab", 3)


@pytest.fixture(name="document")
def fixture_document():
    return underlay.lab_underlay("x", 4)["document"]


def test_owner_and_number():
    result = underlay.lab_underlay("x", 1)
    assert (result["owner"], result["number"]) == ("lab-x", 175)


def test_nothing_is_in_the_hosts_own_namespace(document):
    names = {entry["name"] for entry in document["netns"]}
    for kind in set(document) - {"netns"}:
        for entry in document[kind]:
            assert entry["netns"] in names
    for veth in document["veth"]:
        assert veth["peer"]["netns"] in names


def test_every_namespace_begins_with_the_labs_name(document):
    assert {entry["name"] for entry in document["netns"]} == {
        "x-switch", "x-router", "x-outside", "x-node1", "x-node2", "x-node3", "x-node4",
    }


def test_device_names_fit_the_kernel():
    document = underlay.lab_underlay("x" * 24, underlay.MAX_NODES)["document"]
    for veth in document["veth"]:
        assert len(veth["name"]) <= 15 and len(veth["peer"]["name"]) <= 15


def test_every_link_hangs_on_the_bridge_of_its_address(document):
    masters = {(veth["peer"]["netns"], veth["peer"]["name"]): veth["master"] for veth in document["veth"]}
    assert 2 * len(masters) == len(document["address"])
    for entry in document["address"]:
        network, segment = ipaddress.ip_interface(entry["address"]).network, underlay.SEGMENTS[masters[entry["netns"], entry["dev"]]]
        assert network in (segment, ipaddress.ip_network((underlay.address6(segment[0]), underlay.LENGTH6)))


def test_nodes_go_out_by_the_router_of_their_segment(document):
    default = {(entry["netns"], ":" in entry["via"]): entry["via"] for entry in document["route"] if entry["dst"] == "default"}
    ways = {3: ("198.18.16.1", "fd00:198:18:16::1")}
    assert default == {("x-node%d" % index, six): ways.get(index, ("198.18.0.1", "fd00:198:18::1"))[six] for index in (1, 2, 3, 4) for six in (0, 1)}


def test_the_outside_knows_the_nodes_and_nothing_else(document):
    known = [(entry["dst"], entry["via"]) for entry in document["route"] if entry["netns"] == "x-outside"]
    assert known == [("198.18.0.0/20", "198.18.32.1"), ("fd00:198:18::/64", "fd00:198:18:32::1"),
                     ("198.18.16.0/20", "198.18.32.1"), ("fd00:198:18:16::/64", "fd00:198:18:32::1")]


def test_ipv6_addresses_are_read_as_those_of_ipv4_are():
    assert [str(underlay.address6(underlay.node_address(index))) for index in (1, 3)] == ["fd00:198:18::11", "fd00:198:18:16::13"]
    everyone = [underlay.address6(underlay.node_address(index, 1)) for index in range(1, underlay.MAX_NODES + 1)]
    assert len(set(everyone)) == underlay.MAX_NODES
    assert {str(ipaddress.ip_network((address, underlay.LENGTH6), strict=False)) for address in everyone} == {"fd00:198:18::/64"}


def test_only_the_router_forwards(document):
    values = {(entry["netns"], entry["value"]) for entry in document["sysctl"] if entry["key"] == "net/ipv4/ip_forward"}
    assert values == {("x-router", "1"), ("x-outside", "0")}
    assert {entry["netns"] for entry in document["sysctl"] if entry["key"] == "net/ipv6/conf/all/forwarding"} == {"x-router"}


def test_macs_are_unicast_local_and_distinct(document):
    macs = [veth["peer"]["mac"] for veth in document["veth"]]
    assert len(set(macs)) == len(macs)
    assert {int(mac[:2], 16) & 3 for mac in macs} == {2}
