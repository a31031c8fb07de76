# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import os
import random
import stat
import threading
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import leases
from hypothesis import given
from hypothesis import strategies as st

CIDR = ipaddress.ip_network("10.244.0.0/20")


def fabric(nodes, pod_cidr="10.244.0.0/16", subnet_length=24):
    """C(nodes): {name: (pinned subnet or None, {pod: pinned address or None})}."""
    return {
        "pod_cidr": pod_cidr,
        "subnet_length": subnet_length,
        "lease_file": "leases.yml",
        "nodes": {
            name: {"ip": "198.51.100.1", "subnet": subnet, "pods": [{"name": pod, "address": address} for pod, address in pods.items()]}
            for name, (subnet, pods) in nodes.items()
        },
    }


def record(subnet, **pods):
    return {"subnet": subnet, "address": "198.51.100.1", "pods": pods}


def allotted(nodes, held=None, **common):
    table, problems = leases.allot(fabric(nodes, **common), held or {})
    assert not problems
    return table


def problem(nodes, held=None, **common):
    (only,) = leases.allot(fabric(nodes, **common), held or {})[1]
    return str(only)


def test_first_allotment():
    table = allotted({"node10": (None, {}), "node2": (None, {"web": None, "db": None})})
    assert table == {"node2": record("10.244.1.0/24", db="10.244.1.2", web="10.244.1.3"), "node10": record("10.244.2.0/24")}


def test_a_public_key_stays_with_its_node():
    held = {"node1": dict(record("10.244.1.0/24", web="10.244.1.2"), public_key="KEY="), "node2": record("10.244.2.0/24")}
    assert allotted({"node1": (None, {}), "node2": (None, {})}, held) == {
        "node1": dict(record("10.244.1.0/24"), public_key="KEY="), "node2": record("10.244.2.0/24")}
    assert leases.parse(leases.render("fabric", held), "fabric", "x").nodes == held
    with pytest.raises(leases.LeaseError, match="x: nodes.node1.public_key: expected text"):
        leases.parse(leases.render("fabric", {"node1": dict(record("10.244.1.0/24"), public_key=5)}), "fabric", "x")


def test_a_pin_wins_over_the_lease():
    held = {"node1": record("10.244.1.0/24", web="10.244.1.2")}
    assert allotted({"node1": ("10.244.9.0/24", {"web": None})}, held)["node1"] == record("10.244.9.0/24", web="10.244.9.2")
    assert allotted({"node1": (None, {"web": "10.244.1.7"})}, held)["node1"] == record("10.244.1.0/24", web="10.244.1.7")


def test_what_is_chosen_goes_round_pins():
    nodes = {"node1": (None, {"a": None, "b": "10.244.2.2"}), "node2": ("10.244.1.0/24", {}), "node3": ("10.244.4.0/22", {}), "node4": (None, {})}
    table = allotted(dict(nodes, node5=(None, {})))
    assert [table[name]["subnet"] for name in ("node1", "node4", "node5")] == ["10.244.2.0/24", "10.244.3.0/24", "10.244.8.0/24"]
    assert table["node1"]["pods"] == {"a": "10.244.2.3", "b": "10.244.2.2"}


def test_a_narrow_pin_takes_its_place_from_a_wide_subnet():
    assert allotted({"node1": (None, {}), "node2": ("10.244.1.128/26", {})})["node1"]["subnet"] == "10.244.2.0/24"


def test_removing_the_first_pod_renumbers_nobody():
    held = allotted({"node1": (None, {"a": None, "b": None, "c": None})})
    table = allotted({"node1": (None, {"b": None, "c": None})}, held)
    assert table["node1"]["pods"] == {"b": "10.244.1.3", "c": "10.244.1.4"}


def test_nodes_that_left_keep_their_record():
    held = allotted({"node1": (None, {"a": None}), "node2": (None, {})})
    table = allotted({"node2": (None, {}), "node3": (None, {})}, held)
    assert table["node1"] == held["node1"]
    assert table["node3"]["subnet"] == "10.244.3.0/24"


def test_a_longer_subnet_length_is_for_new_nodes():
    held = allotted({"node1": (None, {})})
    table = allotted({"node1": (None, {}), "node2": (None, {})}, held, subnet_length=26)
    assert [entry["subnet"] for entry in table.values()] == ["10.244.1.0/24", "10.244.0.64/26"]


HELD = {"node1": record("10.244.1.0/24", a="10.244.1.2"), "old": record("10.244.8.0/24")}


@pytest.mark.parametrize(
    "nodes, held, expected",
    [
        (
            {"node1": ("10.244.1.0/24", {}), "node2": ("10.244.1.128/25", {})},
            {},
            "node1: fabric_subnet: 10.244.1.0/24: overlaps 10.244.1.128/25, the pin of node2: expected subnets that do not overlap",
        ),
        (
            {"node1": (None, {}), "node2": ("10.244.1.0/24", {})},
            HELD,
            "node2: fabric_subnet: 10.244.1.0/24: overlaps 10.244.1.0/24, leased to node1: expected a subnet that nobody holds",
        ),
        (
            {"node2": ("10.244.8.0/24", {})},
            HELD,
            "node2: fabric_subnet: 10.244.8.0/24: overlaps 10.244.8.0/24, leased to old, which is not in the inventory and keeps its record "
            "until it is removed: expected a subnet that nobody holds",
        ),
        (
            {"node1": (None, {})},
            {"node1": record("10.9.0.0/24")},
            "node1: subnet: 10.9.0.0/24: is leased to this node by leases.yml and lies outside fabric_pod_cidr 10.244.0.0/16: keep a range that "
            "holds it, or tear the cluster down, remove the lease file and build anew",
        ),
        (
            {"node1": (None, {})},
            {"node1": record("10.244.1.0/24"), "node2": record("10.244.0.0/20")},
            "node1: subnet: 10.244.1.0/24: overlaps 10.244.0.0/20, leased to node2: leases.yml contradicts itself, correct it",
        ),
        (
            {"node1": ("10.244.1.0/24", {"a": "10.244.2.2"})},
            {},
            "node1: fabric_pods[0].address: 10.244.2.2: expected an address inside 10.244.1.0/24 (this node's subnet); leave it out to have "
            "one chosen",
        ),
        (
            {"node1": (None, {"a": "10.244.1.1"})},
            {},
            "node1: fabric_pods[0].address: 10.244.1.1: is the bridge's in 10.244.1.0/24 (this node's subnet): expected one from 10.244.1.2 to "
            "10.244.1.254",
        ),
        (
            {"node1": (None, {"a": "10.244.1.255"})},
            {},
            "node1: fabric_pods[0].address: 10.244.1.255: is the broadcast address in 10.244.1.0/24 (this node's subnet): expected one from "
            "10.244.1.2 to 10.244.1.254",
        ),
        (
            {"node1": (None, {"a": "10.244.1.5", "b": "10.244.1.5"})},
            {},
            "node1: fabric_pods[1].address: 10.244.1.5: pod a has it already: expected one address for one pod",
        ),
        (
            {"node1": (None, {"a": None, "b": "10.244.1.2"})},
            HELD,
            "node1: fabric_pods[1].address: 10.244.1.2: is leased to pod a: expected an address that nobody holds; pin a elsewhere first if "
            "this is meant",
        ),
        (
            {"node1": ("10.244.1.0/30", {"a": None, "b": None})},
            {},
            "node1: fabric_pods: 2 pods: expected at most 1 in 10.244.1.0/30 (this node's subnet): shorten fabric_subnet_length or spread the pods",
        ),
    ],
)
def test_conflicts(nodes, held, expected):
    assert problem(nodes, held) == expected


def test_a_range_too_small_for_the_nodes():
    nodes = {"node%d" % number: (None, {}) for number in range(1, 6)}
    assert problem(nodes, pod_cidr="10.244.0.0/22") == (
        "fabric_pod_cidr: 10.244.0.0/22: too small: it has 3 subnets of length 24 for nodes (the first stays unused), and none is left for "
        "node4, node5: widen fabric_pod_cidr or lengthen fabric_subnet_length"
    )


def test_what_a_table_gave_up():
    held = leases.Leases({"node1": record("10.244.1.0/24"), "node2": record("10.244.2.0/24")}, [("node3", "10.244.3.0/24"), ("node4", "10.244.4.0/24")])
    table = {"node2": record("10.244.9.0/24"), "node4": record("10.244.4.0/24")}
    assert leases.given_up(held, table) == [("node3", "10.244.3.0/24"), ("node1", "10.244.1.0/24"), ("node2", "10.244.2.0/24")]
    many = leases.Leases({}, [("node%d" % number, "10.244.1.0/24") for number in range(leases.FORMER + 1)])
    assert leases.given_up(many, {})[0] == ("node1", "10.244.1.0/24")


def test_what_is_wrong_whatever_the_nodes_hold():
    # A pod's address may be right in the subnet that its node turns out to hold.
    assert not leases.certain_problems(fabric({"node1": (None, {"a": "10.244.7.2"})}))
    nodes = {"node1": ("10.244.1.0/24", {"a": "10.244.7.2"}), "node2": (None, {})}
    assert [problem.field for problem in leases.certain_problems(fabric(nodes))] == ["fabric_pods[0].address"]
    assert [problem.field for problem in leases.certain_problems(fabric(nodes, pod_cidr="10.244.0.0/23"))] == ["fabric_pod_cidr", "fabric_pods[0].address"]


# --- properties


@st.composite
def clusters(draw):
    """Up to 12 nodes with up to 4 pods in a range of 15 subnets; some pinned, no two pins alike."""
    names = ["node%d" % number for number in draw(st.permutations(range(1, draw(st.integers(1, 12)) + 1)))]
    pins = draw(st.permutations(list(CIDR.subnets(new_prefix=24))))
    result = {}
    for index, name in enumerate(names):
        pin = pins[index] if draw(st.integers(0, 3)) == 0 else None
        pods = {"pod%d" % number: None for number in draw(st.permutations(range(draw(st.integers(0, 4)))))}
        if pin and pods and draw(st.booleans()):
            pods["pod0"] = str(pin[draw(st.integers(2, 6))])
        result[name] = (str(pin) if pin else None, pods)
    return result


def addresses(table):
    return [address for entry in table.values() for address in entry["pods"].values()]


@given(clusters())
def test_no_overlaps_and_pins_are_honoured(nodes):
    table = allotted(nodes, pod_cidr=str(CIDR))
    subnets = [ipaddress.ip_network(entry["subnet"]) for entry in table.values()]
    assert len({(int(subnet.network_address)) for subnet in subnets}) == len(nodes)
    assert all(subnet.subnet_of(CIDR) and subnet.prefixlen == 24 for subnet in subnets)
    assert len(set(addresses(table))) == len(addresses(table))
    for name, (pin, pods) in nodes.items():
        subnet = ipaddress.ip_network(table[name]["subnet"])
        assert pin in (None, str(subnet))
        assert set(table[name]["pods"]) == set(pods)
        for pod, address in table[name]["pods"].items():
            assert pods[pod] in (None, address)
            assert ipaddress.ip_address(address) in list(subnet.hosts())[1:]


@given(clusters(), st.randoms())
def test_the_order_of_the_inventory_changes_nothing(nodes, randomness):
    shuffled = {}
    for name in shuffled_keys(nodes, randomness):
        pin, pods = nodes[name]
        shuffled[name] = (pin, {pod: pods[pod] for pod in shuffled_keys(pods, randomness)})
    assert allotted(nodes, pod_cidr=str(CIDR)) == allotted(shuffled, pod_cidr=str(CIDR))


@given(clusters())
def test_what_is_held_stays(nodes):
    held = allotted(nodes, pod_cidr=str(CIDR))
    assert allotted(nodes, held, pod_cidr=str(CIDR)) == held
    unpinned = {name: (None, dict.fromkeys(pods)) for name, (_pin, pods) in nodes.items()}
    assert allotted(unpinned, held, pod_cidr=str(CIDR)) == held


@given(clusters(), clusters())
def test_whoever_stays_keeps_what_he_has(before, after):
    before, after = ({name: (None, dict.fromkeys(pods)) for name, (_pin, pods) in nodes.items()} for nodes in (before, after))
    held = allotted(before, pod_cidr=str(CIDR))
    table = allotted(after, held, pod_cidr=str(CIDR))
    assert set(table) == set(before) | set(after)
    for name, entry in held.items():
        assert table[name]["subnet"] == entry["subnet"]
        for pod, address in entry["pods"].items():
            assert name in after and pod not in after[name][1] or table[name]["pods"][pod] == address


def shuffled_keys(mapping, randomness):
    keys = list(mapping)
    randomness.shuffle(keys)
    return keys


# --- the file


TABLE = {"node1": record("10.244.1.0/24", web="10.244.1.2"), "node2": record("10.244.2.0/24")}


@pytest.mark.parametrize("table, former", [({}, []), (TABLE, []), (TABLE, [("node9", "10.244.9.0/24"), ("node1", "10.244.8.0/24")])])
def test_what_is_written_is_read(tmp_path, table, former):
    path = str(tmp_path / ".fabric.leases.yml")
    leases.write(path, leases.render("fabric", table, former))
    assert leases.read(path, "fabric") == (table, former)
    assert os.listdir(tmp_path) == [".fabric.leases.yml"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644


def test_no_file_is_no_leases(tmp_path):
    assert leases.read(str(tmp_path / "none"), "fabric") is None
    (tmp_path / "empty").write_text("---\n")
    assert leases.read(str(tmp_path / "empty"), "fabric") is None


def test_writing_keeps_mode_and_link(tmp_path):
    real = tmp_path / "real"
    real.write_text("")
    real.chmod(0o640)
    (tmp_path / "link").symlink_to(real)
    leases.write(str(tmp_path / "link"), "text")
    assert (tmp_path / "link").is_symlink()
    assert (real.read_text(), stat.S_IMODE(real.stat().st_mode)) == ("text", 0o640)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a: [", "file: is not YAML: while parsing a flow node"),
        ("[]", "file: nodes: expected a lease file with a mapping of nodes; put the committed file back"),
        ("{version: 2, fabric: fabric, nodes: {}}", "file: version: 2: expected 1; a newer clusternet.fabric may have written it"),
        ("{version: 1, fabric: other, nodes: {}}", "file: fabric: other: expected fabric; give each fabric its own fabric_lease_file"),
        ("{version: 1, fabric: fabric, nodes: {a: 1}}", "file: nodes.a: expected a record with subnet, address and pods"),
        ("{version: 1, fabric: fabric, nodes: {a: {subnet: 1, address: 192.0.2.1}}}", "file: nodes.a.subnet: 1: expected a subnet"),
        ("{version: 1, fabric: fabric, nodes: {a: {subnet: 10.0.0.0/24}}}", "file: nodes.a.address: None: expected an address"),
        (
            "{version: 1, fabric: fabric, nodes: {a: {subnet: 10.0.0.0/24, address: 192.0.2.1, pods: {web: x}}}}",
            "file: nodes.a.pods.web: x: expected an address",
        ),
        ("{version: 1, fabric: fabric, nodes: {}, former: {}}", "file: former: expected a list of node and subnet"),
        ("{version: 1, fabric: fabric, nodes: {}, former: [{node: a}]}", "file: former[0].subnet: None: expected a subnet"),
    ],
)
def test_a_file_that_is_no_lease_file(text, expected):
    with pytest.raises(leases.LeaseError) as caught:
        leases.parse(text, "fabric", "file")
    assert str(caught.value).startswith(expected)


def test_text_that_is_no_plain_str():
    class Text(str):
        """As Ansible has it for what comes from a node."""

    assert leases.parse(Text("{version: 1, fabric: fabric, nodes: {}}"), "fabric", "file") is not None


def test_the_lock_excludes_and_leaves_nothing(tmp_path):
    path = str(tmp_path / "leases.yml")
    inside, most = [], []

    def run():
        for dummy in range(20):
            with leases.lock(path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(random.random() / 1000)
                inside.pop()

    threads = [threading.Thread(target=run) for dummy in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert os.listdir(tmp_path) == []


def test_a_lock_that_is_held_too_long(tmp_path):
    path = str(tmp_path / "leases.yml")
    with leases.lock(path):
        with pytest.raises(leases.LeaseError, match="another run has held it for 0 seconds; wait for that run or end it"):
            with leases.lock(path, seconds=0):
                pass


def test_natural_order():
    assert sorted(["node10", "node2", "a", "node1b", "10", "9"], key=leases.natural) == ["9", "10", "a", "node1b", "node2", "node10"]
