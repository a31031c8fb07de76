# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of pools as leases."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import lease_copies, leases
from hypothesis import given
from hypothesis import strategies as st

CLUSTER = "10.244.0.0/16"


def pool(cidr=CLUSTER, length=26, name="default", labels=None, disabled=False, **more):
    return {"name": name, "cidr": cidr, "block_length": length, "node_labels": labels or {}, "disabled": disabled, **more}


def fabric(nodes, *pools, subnet_length=24, borrow=False):
    """C(nodes): {name: pods}, pods by number or {pod: pinned address or None}, or a dictionary with pods, blocks and labels."""
    made = {}
    for name, node in nodes.items():
        node = node if isinstance(node, dict) and "pods" in node else {"pods": node}
        pods = {"p%d" % number: None for number in range(node["pods"])} if isinstance(node["pods"], int) else node["pods"]
        made[name] = {"ip": "198.51.100.1", "subnet": None, "labels": node.get("labels", {}), "blocks": node.get("blocks", []),
                      "pods": [{"name": pod, "address": address} for pod, address in pods.items()]}
    return {"name": "fabric", "pod_cidr": CLUSTER, "subnet_length": subnet_length, "lease_file": "leases.yml", "pools": list(pools) or [pool()],
            "backend": "calico", "nodes": made, "options": {"borrow": borrow}}


def allotted(nodes, held=None, *pools, **options):
    table, problems = leases.allot(fabric(nodes, *pools, **options), held or {})
    assert not problems, problems
    return table


def refused(nodes, held=None, *pools, **options):
    (only,) = leases.allot(fabric(nodes, *pools, **options), held or {})[1]
    return str(only)


def record(*blocks, **pods):
    return {"blocks": list(blocks), "address": "198.51.100.1", "pods": pods}


def test_first_allotment():
    """The first of a block is the tunnel's, the second waits for a bridge."""
    assert allotted({"node10": 0, "node2": {"web": None, "db": None}}) == {
        "node2": record("10.244.1.0/26", db="10.244.1.2", web="10.244.1.3"),
        "node10": record("10.244.2.0/26"),
    }


def test_a_further_block_when_the_first_is_full():
    held = allotted({"node1": 63, "node2": 1})
    assert held["node1"]["blocks"] == ["10.244.1.0/26"]
    assert sorted(held["node1"]["pods"].values(), key=ipaddress.ip_address)[0] == "10.244.1.1"
    table = allotted({"node1": 64, "node2": 1}, held)
    assert table["node1"]["blocks"] == ["10.244.1.0/26", "10.244.1.64/26"]
    assert table["node1"]["pods"]["p63"] == "10.244.1.66"
    assert {pod: table["node1"]["pods"][pod] for pod in held["node1"]["pods"]} == held["node1"]["pods"]
    # And it stays when the pods go.
    assert allotted({"node1": 1, "node2": 1}, table)["node1"]["blocks"] == ["10.244.1.0/26", "10.244.1.64/26"]


def test_when_every_stretch_is_begun_what_is_left_is_taken():
    nodes = {"node%d" % number: 1 for number in range(1, 6)}
    table = allotted(nodes, None, pool("10.244.0.0/22"))
    assert [entry["blocks"][0] for entry in table.values()] == [
        "10.244.1.0/26", "10.244.2.0/26", "10.244.3.0/26", "10.244.0.0/26", "10.244.0.64/26"]


def test_pools_by_label_and_order():
    pools = [pool("10.244.0.0/20", name="a", labels={"rack": 1}), pool("10.244.16.0/20", 28, "b"), pool("10.244.32.0/20", name="off", disabled=True)]
    table = allotted({"node1": {"pods": 1, "labels": {"rack": "1"}}, "node2": {"pods": 1, "labels": {"rack": "2"}}}, None, *pools)
    assert [entry["blocks"] for entry in table.values()] == [["10.244.1.0/26"], ["10.244.17.0/28"]]


def test_a_pool_that_is_disabled_gives_out_no_more():
    held = allotted({"node1": 2})
    pools = [pool("10.244.0.0/17", name="old", disabled=True), pool("10.244.128.0/17", name="new")]
    table = allotted({"node1": 3}, held, *pools)
    assert table["node1"] == record("10.244.1.0/26", "10.244.129.0/26", p0="10.244.1.2", p1="10.244.1.3", p2="10.244.129.2")
    # Gone, it takes the blocks with it in which no pod is left, and no others.
    assert allotted({"node1": {"p2": None}}, table, pools[1])["node1"] == record("10.244.129.0/26", p2="10.244.129.2")
    assert refused({"node1": 3}, table, pools[1]) == (
        "node1: blocks: 10.244.1.0/26: is leased to this node by leases.yml and lies in no pool: keep the pool that it came from, disabled where no "
        "more of it is to be given out, until no pod has an address of it")


def test_pins():
    nodes = {"node1": {"pods": {"a": "10.244.9.70", "b": None}}, "node2": {"pods": 1, "blocks": ["10.244.1.0/26"]}}
    assert allotted(nodes) == {
        "node1": record("10.244.9.64/26", a="10.244.9.70", b="10.244.9.66"),
        "node2": record("10.244.1.0/26", p0="10.244.1.2"),
    }
    # A pin beside what is held: the blocks stay, and the tunnel's address with them.
    table = allotted({"node1": {"pods": {"a": "10.244.20.7"}}}, {"node1": record("10.244.1.0/26", a="10.244.1.2")})
    assert table["node1"] == record("10.244.1.0/26", "10.244.20.0/26", a="10.244.20.7")


HELD = {"node1": record("10.244.1.0/26", a="10.244.1.2"), "old": record("10.244.8.0/26")}


@pytest.mark.parametrize("nodes, expected", [
    ({"node2": {"pods": {"x": "10.244.1.9"}}},
     "node2: fabric_pods[0].address: 10.244.1.9: is in block 10.244.1.0/26, which is leased to node1: expected one that nobody else holds"),
    ({"node2": {"pods": 0, "blocks": ["10.244.8.0/26"]}},
     "node2: calico_blocks[0]: 10.244.8.0/26: is in block 10.244.8.0/26, which is leased to old: expected one that nobody else holds"),
    ({"node2": {"pods": 0, "blocks": ["10.244.9.0/27"]}},
     "node2: calico_blocks[0]: 10.244.9.0/27: expected a block of a pool (default: /26 in 10.244.0.0/16)"),
    ({"node1": {"pods": {"a": "10.9.0.1"}}},
     "node1: fabric_pods[0].address: 10.9.0.1: expected an address of a pool (default 10.244.0.0/16); leave it out to have one chosen"),
    ({"node1": {"pods": {"a": "10.244.1.0"}}},
     "node1: fabric_pods[0].address: 10.244.1.0: is the tunnel's, the first of this node's first block 10.244.1.0/26: expected another"),
    ({"node1": {"pods": {"b": "10.244.1.5", "c": "10.244.1.5"}}},
     "node1: fabric_pods[1].address: 10.244.1.5: pod b has it already: expected one address for one pod"),
    ({"node1": {"pods": {"a": None, "b": "10.244.1.2"}}},
     "node1: fabric_pods[1].address: 10.244.1.2: is leased to pod a: expected an address that nobody holds; pin a elsewhere first if this is meant"),
])
def test_conflicts(nodes, expected):
    assert refused(nodes, HELD) == expected


TWO = (pool("10.244.0.0/17", name="all"), pool("10.244.128.0/17", name="apart", explicit=True))


def in_pools(named, held=None, address=None, nodes=("node1",)):
    """(table, problems) of one pod that names a pool, or none."""
    made = fabric({name: {"pods": {"p0": address}} for name in nodes}, *TWO)
    made["nodes"]["node1"]["pods"][0]["pool"] = named
    return leases.allot(made, held or {})


def test_a_pod_moves_to_the_pool_that_it_names_and_back():
    table, problems = in_pools("apart")
    assert not problems and table["node1"]["pods"] == {"p0": "10.244.129.2"}
    assert in_pools("apart", table)[0] == table
    back, problems = in_pools(None, table)
    assert not problems and back["node1"]["pods"] == {"p0": "10.244.1.2"}


def test_a_pinned_address_is_of_the_pool_that_the_pod_names():
    (problem,) = in_pools("apart", address="10.244.1.9")[1]
    assert str(problem) == "node1: fabric_pods[0].address: 10.244.1.9: is in pool all: expected one of pool apart, which the pod names"
    assert in_pools("apart", address="10.244.128.9")[0]["node1"]["pods"] == {"p0": "10.244.128.9"}


def test_pools_that_are_used_up():
    assert refused({"node1": 64}, None, pool("10.244.1.0/26")) == (
        "node1: calico_pools: 1 pools: no block is left for this node's pods p63 in default 10.244.1.0/26: add a pool, or shorten the blocks for nodes to come")
    assert refused({"node1": 0}, None, pool(labels={"rack": "1"})) == (
        "node1: calico_pools: 1 pools: no pool for this node: expected one that is not disabled and whose node_labels it bears")


# --- there and back between subnets and blocks


SMALL = pool("10.244.1.0/29", 30)


def test_what_is_borrowed():
    """Two blocks of four addresses; node1's five pods find three of their own, and take two of node2's."""
    table = allotted({"node1": 5, "node2": 1}, None, SMALL, borrow=True)
    assert table["node1"]["blocks"] == ["10.244.1.0/30"] and table["node2"] == record("10.244.1.4/30", p0="10.244.1.6")
    assert sorted(table["node1"]["pods"].values()) == ["10.244.1.1", "10.244.1.2", "10.244.1.3", "10.244.1.5", "10.244.1.7"]
    assert refused({"node1": 5, "node2": 1}, None, SMALL).startswith("node2: calico_pools: 1 pools: no block is left for this node's pods p0 ")
    # It stays, whatever the option says by now and whoever comes.
    for borrow in (True, False):
        assert allotted({"node1": 5, "node2": 1}, table, SMALL, borrow=borrow) == table
    assert refused({"node1": 5, "node2": 2}, table, SMALL, borrow=True).startswith("node2: calico_pools: 1 pools: no block is left for this node's pods p1 ")
    # What one gives back, the other finds.
    fewer = allotted({"node1": 3, "node2": 2}, table, SMALL, borrow=True)
    assert fewer["node2"]["pods"] == {"p0": "10.244.1.6", "p1": "10.244.1.7"}
    # The lender may not pin it, nor a third borrow it.
    assert refused({"node1": 5, "node2": {"p0": None, "x": "10.244.1.7"}}, table, SMALL, borrow=True) == (
        "node2: fabric_pods of x: 10.244.1.7: is borrowed by pod p3 of node1: expected an address that nobody holds; "
        "pin that pod elsewhere first if this is meant")


def test_pins_in_blocks_of_others():
    nodes = {"node1": {"web": "10.244.2.9"}, "node2": 1}
    table = allotted(nodes, {"node2": record("10.244.2.0/26", p0="10.244.2.2")}, borrow=True)
    assert table["node1"] == record("10.244.1.0/26", web="10.244.2.9")
    assert allotted(nodes, table, borrow=True) == table
    held = {"node2": record("10.244.2.0/26", p0="10.244.2.2")}
    expected = "expected an address that nobody holds, in a block of this node or of another one of the fabric"
    for address in ("10.244.2.2", "10.244.2.0"):
        assert refused({"node1": {"web": address}, "node2": 1}, held, borrow=True) == "node1: fabric_pods[0].address: %s: %s" % (address, expected)


def test_nobody_borrows_of_a_pool_that_is_not_for_it():
    pools = [pool("10.244.1.0/30", 30, "a", {"rack": 1}), pool("10.244.2.0/30", 30, "b", {"rack": 2})]
    nodes = {"node1": {"pods": 4, "labels": {"rack": "1"}}, "node2": {"pods": 0, "labels": {"rack": "2"}}}
    assert refused(nodes, None, *pools, borrow=True) == (
        "node1: calico_pools: 2 pools: no block is left for this node's pods p3 in a 10.244.1.0/30: add a pool, or shorten the blocks for nodes to come")


def subnets(nodes, held):
    only = dict(fabric(nodes), pools=None)
    table, problems = leases.allot(only, held)
    assert not problems, problems
    return table


def test_a_network_of_subnets_becomes_one_of_blocks_and_nobody_is_renumbered():
    nodes = {"node1": 2, "node2": 80}
    before = subnets(nodes, {})
    table = allotted(nodes, before)
    assert {name: entry["pods"] for name, entry in table.items()} == {name: entry["pods"] for name, entry in before.items()}
    assert table["node2"]["blocks"] == ["10.244.2.0/26", "10.244.2.64/26"]
    assert table["node2"]["subnet"] == "10.244.2.0/24"
    # Another node takes none of its subnet, and the way back is as easy.
    table = allotted(dict(nodes, node3=1), table)
    assert table["node3"] == record("10.244.3.0/26", p0="10.244.3.2")
    back = subnets(dict(nodes, node3=1), table)
    assert {name: entry["pods"] for name, entry in back.items()} == {name: entry["pods"] for name, entry in table.items()}
    assert back["node3"]["subnet"] == "10.244.3.0/24"


# --- properties


@st.composite
def histories(draw):
    """Nodes and their numbers of pods, run by run."""
    names = ["node%d" % number for number in range(1, draw(st.integers(1, 6)) + 1)]
    return [{name: draw(st.integers(0, 20)) for name in draw(st.permutations(names))} for dummy in range(draw(st.integers(1, 4)))]


@given(histories())
def test_a_history_of_runs(runs):
    table = {}
    for nodes in runs:
        before, table = table, allotted(nodes, table, pool("10.244.0.0/20", 28))
        assert allotted(dict(reversed(nodes.items())), before, pool("10.244.0.0/20", 28)) == table
        assert allotted(nodes, table, pool("10.244.0.0/20", 28)) == table
        taken = [ipaddress.ip_network(block) for entry in table.values() for block in entry["blocks"]]
        assert len(set(taken)) == len(taken)
        for name, entry in table.items():
            mine = [ipaddress.ip_network(block) for block in entry["blocks"]]
            assert entry["blocks"][: len(before.get(name, {}).get("blocks", []))] == before.get(name, {}).get("blocks", [])
            addresses = [ipaddress.ip_address(address) for address in entry["pods"].values()]
            assert len(set(addresses)) == len(addresses) and mine[0][0] not in addresses
            assert all(any(address in block for block in mine) for address in addresses)
            kept = before.get(name, {}).get("pods", {})
            assert {pod: address for pod, address in entry["pods"].items() if pod in kept} == {
                pod: address for pod, address in kept.items() if pod in entry["pods"]}


@given(histories())
def test_a_history_of_runs_that_borrow(runs):
    """Six nodes, eight blocks: nobody has another's address, and nobody is renumbered by who borrows."""
    tight, table = pool("10.244.0.0/25", 28), {}
    for nodes in runs:
        following, problems = leases.allot(fabric(nodes, tight, borrow=True), table)
        if problems:
            assert all("no block is left" in str(problem) for problem in problems)
            return
        before, table = table, following
        assert allotted(dict(reversed(nodes.items())), before, tight, borrow=True) == table
        assert allotted(nodes, table, tight, borrow=False) == table
        tunnels = [entry["blocks"][0].partition("/")[0] for entry in table.values()]
        addresses = [address for entry in table.values() for address in entry["pods"].values()] + tunnels
        assert len(set(addresses)) == len(addresses)
        for name, entry in table.items():
            kept = before.get(name, {}).get("pods", {})
            assert {pod: entry["pods"][pod] for pod in kept if pod in entry["pods"]} == {pod: kept[pod] for pod in kept if pod in entry["pods"]}


# --- the copies


def copy(table, former=()):
    return {"state": "other", "text": lease_copies.render("fabric", table, former)}


def test_the_file_holds_blocks():
    table = dict(HELD, node3={"subnet": "10.244.3.0/24", "blocks": ["10.244.3.0/26"], "address": "198.51.100.3", "pods": {}})
    assert leases.parse(leases.render("fabric", table, [("gone", "10.244.7.0/26")]), "fabric", "file") == (table, [("gone", "10.244.7.0/26")])
    for wrong, expected in (("blocks: [x]", "blocks[0]: x: expected a subnet"), ("blocks: x", "blocks: expected a list of blocks"),
                            ("blocks: []", "subnet: None: expected a subnet")):
        with pytest.raises(leases.LeaseError, match="file: nodes.a." + expected.replace("[", r"\[").replace("]", r"\]")):
            leases.parse("{version: 1, fabric: fabric, nodes: {a: {%s, address: 192.0.2.1}}}" % wrong, "fabric", "file")


def test_a_copy_from_before_a_further_block_is_out_of_date_and_no_contradiction():
    """Of a node that does not answer others know: the one that was told last knows all of its blocks."""
    old = {"node1": record("10.244.1.0/26", a="10.244.1.2"), "node2": record("10.244.2.0/26"), "node3": record("10.244.3.0/26")}
    new = dict(old, node1=record("10.244.1.0/26", "10.244.1.64/26", a="10.244.1.2", b="10.244.1.66"))
    only = fabric({"node1": 0, "node2": 0, "node3": 0})
    found, warnings = lease_copies.rebuild(only, {"node1": None, "node2": copy(old), "node3": copy(new)})
    assert found.nodes == new and len(warnings) == 1
    assert lease_copies.rebuild(only, {"node1": copy(new), "node2": copy(old), "node3": copy(old)})[0].nodes == new


def test_blocks_of_two_nodes_that_overlap():
    only = fabric({"node1": 0, "node2": 0})
    answers = {"node1": copy({"node1": record("10.244.1.0/26")}), "node2": copy({"node2": record("10.244.1.0/26")})}
    with pytest.raises(leases.LeaseError, match="- 10.244.1.0/26 of node2 .says node2. overlaps 10.244.1.0/26 of node1 .says node1."):
        lease_copies.rebuild(only, answers)


@pytest.mark.parametrize("found, expected", [
    ({"node1": record("10.244.1.0/26")}, None),
    ({"node1": record("10.244.1.0/26", "10.244.1.64/26")},
     "node1: holds 10.244.1.0/26, 10.244.1.64/26 by its copy of the leases (/var/lib/clusternet/fabric/leases.yml), and this run would give it "
     "10.244.1.0/26. "),
    ({"node2": record("10.244.2.0/26", "10.244.2.64/26")}, "- 10.244.2.64/26 is of node2, which has 10.244.2.0/26 in the lease file"),
])
def test_what_a_node_knows_against_an_outdated_checkout(found, expected):
    only = fabric({"node1": 0, "node2": 0})
    only["nodes"]["node1"]["ip"] = "198.51.100.11"
    table = leases.allot(only, {})[0]
    only["leases"] = lease_copies.render("fabric", table, ())
    said = lease_copies.conflicts(only, "node1", found)
    assert said == [] if expected is None else expected in said[0]


def test_a_thousand_nodes_are_given_out_in_a_second():
    nodes = {"node%d" % number: 2 for number in range(1000)}
    table = allotted(nodes)
    assert len({entry["blocks"][0] for entry in table.values()}) == 1000
