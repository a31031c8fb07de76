# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several addresses of a pod: what may be asked for, and how they are leased."""

from __future__ import annotations

import json

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, lease_copies, leases, pod_addresses, pods, status
from hypothesis import given
from hypothesis import strategies as st

SUBNETS = [{"name": "all", "cidr": "10.244.0.0/17"}, {"name": "dev", "cidr": "10.244.128.0/20", "block_size": 28},
           {"name": "lab", "cidr": "10.244.144.0/20", "block_size": 28}]
WEAVE = {"fabric_backend": "weave", "weave_subnets": SUBNETS}


def allotted(wanted, held=None, count=1, **common):
    """(fabric, table): of nodes that all have these pods, with leases after those held so far."""
    only = cluster.fabrics(intent.inventory(intent.nodes(count, fabric_pods=wanted), **dict(WEAVE, **common)), intent.options())["fabric"]
    table, problems = leases.allot(only, held or {})
    assert not problems, problems
    return cluster.complete(only, table), table


def pod_leases(wanted, held=None):
    return allotted(wanted, held)[1]["node1"]["pods"]


BOTH = [{"name": "web", "pools": ["all", "dev"]}]


def test_an_address_of_each_pool():
    fabric, table = allotted(BOTH)
    assert table["node1"] == {"blocks": ["10.244.1.0/26", "10.244.129.0/28"], "address": "198.51.100.1",
                              "pods": {"web": "10.244.1.2", "web/dev": "10.244.129.2"}}
    (web,) = fabric["nodes"]["node1"]["pods"]
    assert web == {"name": "web", "address": "10.244.1.2", "address6": None, "pool": "all", "more": [{"pool": "dev", "address": "10.244.129.2"}],
                   "labels": {}, "unit": None}
    assert pod_addresses.every(web) == ["10.244.1.2", "10.244.129.2"]
    assert json.loads(fabric["leases"])["nodes"] == table


def test_one_pool_in_a_list_is_that_pool():
    assert allotted([{"name": "web", "pools": ["dev"]}])[1] == allotted([{"name": "web", "pool": "dev"}])[1]


def test_a_pool_that_comes_or_goes_leaves_the_other_addresses():
    one = allotted([{"name": "a"}, {"name": "web"}])[1]
    both = allotted([{"name": "a"}, BOTH[0]], one)[1]
    assert both["node1"]["pods"] == dict(one["node1"]["pods"], **{"web/dev": "10.244.129.2"})
    three = allotted([{"name": "a"}, {"name": "web", "pools": ["all", "lab", "dev"]}], both)[1]
    assert three["node1"]["pods"] == dict(both["node1"]["pods"], **{"web/lab": "10.244.145.2"})
    # One in the middle goes, and another pod comes that would have been given the lowest that is free.
    fewer = allotted([{"name": "0", "pools": ["all", "dev"]}, {"name": "a"}, BOTH[0]], three)[1]
    assert {key: address for key, address in fewer["node1"]["pods"].items() if key[0] != "0"} == both["node1"]["pods"]
    assert pod_leases([{"name": "a"}, {"name": "web"}], three) == one["node1"]["pods"]
    # What was given back is anybody's.
    assert pod_leases([{"name": "0", "pools": ["all", "lab"]}, {"name": "a"}, BOTH[0]], fewer)["0/lab"] == "10.244.145.2"


def test_another_first_one_keeps_both():
    table = allotted([{"name": "0"}, BOTH[0]])[1]
    assert pod_leases([{"name": "0"}, {"name": "web", "pools": ["dev", "all"]}], table) == {"0": "10.244.1.2", "web": "10.244.129.2", "web/all": "10.244.1.3"}
    assert pod_leases([{"name": "0"}, {"name": "web", "pool": "dev"}], table) == {"0": "10.244.1.2", "web": "10.244.129.2"}


def test_a_pool_by_another_name_is_the_same():
    named = [dict(SUBNETS[0]), dict(SUBNETS[1], name="development")]
    table = allotted([{"name": "0", "pools": ["all", "dev"]}, BOTH[0]])[1]
    found = allotted([{"name": "web", "pools": ["all", "development"]}], table, weave_subnets=named)[1]
    assert found["node1"]["pods"] == {"web": "10.244.1.3", "web/development": "10.244.129.3"}


def test_a_node_keeps_the_address_it_is_known_by_when_it_comes_to_another_subnet():
    """Its bridge has its MAC of it, and its pods ask for names there."""
    bridge, names = [], []
    held = None
    for wanted in ([{"name": "web", "pool": "dev"}], [{"name": "web", "pools": ["dev", "all"]}], [{"name": "web", "pools": ["all", "dev"]}]):
        fabric, held = allotted(wanted, held)
        recipe = cluster.recipes.get("weave")
        bridge.append(recipe.document(fabric, "node1")["bridge"][0]["mac"])
        names.append(recipe.resolver(fabric, "node1")[0])
    assert bridge == ["0a:58:0a:f4:81:01"] * 3 and names == [["10.244.129.1"]] * 3
    # A new one is known by an address of the subnet that comes first in the list.
    assert allotted([{"name": "a", "pool": "dev"}, {"name": "b"}])[1]["node1"]["blocks"] == ["10.244.1.0/26", "10.244.129.0/28"]


def test_pins():
    pinned = [{"name": "web", "pools": ["all", "dev"], "address": "10.244.1.9", "addresses": {"dev": "10.244.130.5"}}]
    fabric, table = allotted(pinned)
    assert table["node1"]["pods"] == {"web": "10.244.1.9", "web/dev": "10.244.130.5"}
    assert cluster.missing_leases(fabric, {}) == ["node1"]
    # A pin is kept when it is no longer one, and goes before what is held.
    assert pod_leases(BOTH, table) == table["node1"]["pods"]
    assert pod_leases(pinned, allotted(BOTH)[1]) == table["node1"]["pods"]


def test_what_the_lease_file_lacks():
    fabric, table = allotted([{"name": "a"}, BOTH[0]])
    pinless = cluster.fabrics(intent.inventory(intent.nodes(1, fabric_pods=[{"name": "a"}, BOTH[0]]), **WEAVE), intent.options())["fabric"]
    assert cluster.missing_leases(pinless, {}) == ["node1", "node1/a", "node1/web"]
    assert cluster.missing_leases(pinless, table) == []
    del table["node1"]["pods"]["web/dev"]
    assert cluster.missing_leases(pinless, table) == ["node1/web"]
    assert fabric["nodes"]["node1"]["networks"] == ["10.244.1.0/26", "10.244.129.0/28"]


def test_the_file_and_the_copies_have_them():
    fabric, table = allotted(BOTH, count=2)
    assert leases.parse(leases.render("fabric", table), "fabric", "file").nodes == table
    answers = {name: {"state": "other", "text": fabric["leases"]} for name in table}
    assert lease_copies.rebuild(fabric, answers)[0].nodes == table
    # A copy from before the second address does not contradict.
    before = allotted([{"name": "web"}], count=2)[0]["leases"]
    assert lease_copies.rebuild(fabric, dict(answers, node2={"state": "other", "text": before}))[0].nodes["node1"] == table["node1"]


def test_a_subnet_goes_when_no_pod_has_an_address_of_it():
    table = allotted(BOTH)[1]
    (problem,) = leases.allot(cluster.fabrics(intent.inventory(intent.nodes(1, fabric_pods=[{"name": "web"}]), **dict(WEAVE, weave_subnets=SUBNETS[:1])),
                                              intent.options())["fabric"], table)[1]
    assert str(problem).startswith("node1: blocks: 10.244.129.0/28: is leased to this node by leases.yml and lies in no pool: ")
    table = allotted([{"name": "web"}], table)[1]
    assert allotted([{"name": "web"}], table, weave_subnets=SUBNETS[:1])[1]["node1"]["blocks"] == ["10.244.1.0/26"]


def test_what_has_an_address_of_a_pod_shows_all():
    fabric = allotted([dict(BOTH[0], unit={"exec_start": "/bin/true"})])[0]
    (hosts,) = [entry["content"] for entry in pods.files(fabric, "node1") if entry["path"].endswith("/hosts")]
    assert hosts.splitlines()[2:] == ["10.244.1.2 web", "10.244.129.2 web"]
    found = status.summary({"node1": (fabric, {"operations": {}, "held": True})}, {"fabrics": {"fabric": fabric}})
    assert [(pod["address"], pod["more"]) for pod in found["nodes"][0]["pods"]] == [("10.244.1.2", [{"pool": "dev", "address": "10.244.129.2"}])]


WRONG = [
    (WEAVE, {"pools": []}, "pools: []: expected at least one of all, dev, lab; leave it out where the pod is to be of the first"),
    (WEAVE, {"pools": ["all", "nobody"]}, "pools[1]: nobody: expected one of all, dev, lab"),
    (WEAVE, {"pools": ["dev", "all", "dev"]}, "pools[2]: dev: pools[0] has it already: expected each once, as a pod has one address of a pool"),
    (WEAVE, {"pools": ["all", "dev"], "pool": "all"},
     "pools: ['all', 'dev']: expected none beside pool (all): put that into pools, first where it is to stay the pod's first, and leave out pool"),
    (WEAVE, {"pools": "all,dev"}, "pools: all,dev: expected a list"),
    (WEAVE, {"addresses": {"dev": "10.244.130.5"}},
     "addresses: {'dev': '10.244.130.5'}: expected none without pools: they are those of the pools after the first; pin the only one by address"),
    (WEAVE, {"pools": ["all", "dev"], "addresses": {"all": "10.244.1.9"}},
     "addresses.all: 10.244.1.9: expected one of the pod's pools after the first (dev); that of the first is pinned by address"),
    (WEAVE, {"pools": ["all", "dev"], "addresses": {"dev": "10.9.0.1"}},
     "addresses.dev: 10.9.0.1: expected an address inside 10.244.0.0/16 (fabric_pod_cidr); leave it out to have one chosen"),
    (WEAVE, {"pools": ["all", "dev"], "addresses": {"dev": 7}}, "addresses.dev: 7: expected an IPv4 address without a prefix length"),
    ({"fabric_backend": "weave"}, {"pools": ["all", "dev"]}, "pools: ['all', 'dev']: expected none: this fabric has no pools to choose from"),
    ({}, {"pools": ["all"]}, "pools: ['all']: expected none with backend flannel, with which a pod has one address: leave it out"),
    ({"fabric_backend": "calico"}, {"pools": ["a", "b"]},
     "pools: ['a', 'b']: expected none with backend calico, with which a pod has one address: name one pool by pool"),
]


@pytest.mark.parametrize("common, pod, expected", WRONG, ids=[text[:50] for dummy, dummy_pod, text in WRONG])
def test_wrong_values_are_named_with_what_was_expected(common, pod, expected):
    with pytest.raises(cluster.InvalidCluster) as caught:
        cluster.fabrics(intent.inventory(intent.nodes(1, fabric_pods=[dict(pod, name="web")]), **common), intent.options())
    assert caught.value.problems == ["node1: fabric_pods[0]." + expected]


@pytest.mark.parametrize("pods_, expected", [
    ([{"name": "a", "pools": ["all", "dev"], "addresses": {"dev": "10.244.1.9"}}],
     "fabric_pods[0].addresses.dev: 10.244.1.9: is in pool all: expected one of pool dev, which the pod names"),
    ([{"name": "a", "pool": "dev", "address": "10.244.129.5"}, {"name": "b", "pools": ["all", "dev"], "addresses": {"dev": "10.244.129.5"}}],
     "fabric_pods[1].addresses.dev: 10.244.129.5: pod a has it already: expected one address for one pod"),
    ([{"name": "a", "pools": ["all", "dev"], "addresses": {"dev": "10.244.129.5"}}, {"name": "b", "pool": "dev", "address": "10.244.129.5"}],
     "fabric_pods[1].address: 10.244.129.5: pod a has it already: expected one address for one pod"),
    ([{"name": "web", "pools": ["all", "dev"]}, {"name": "b", "pools": ["all", "dev"], "addresses": {"dev": "10.244.129.2"}}],
     "fabric_pods[1].addresses.dev: 10.244.129.2: is leased to pod web: expected an address that nobody holds; pin web elsewhere first if this is meant"),
])
def test_pins_that_cannot_be(pods_, expected):
    held = allotted(BOTH)[1] if pods_[0]["name"] == "web" else {}
    only = cluster.fabrics(intent.inventory(intent.nodes(1, fabric_pods=pods_), **WEAVE), intent.options())["fabric"]
    assert [str(problem) for problem in leases.allot(only, held)[1]] == ["node1: " + expected]


def test_a_pool_that_is_used_up_names_pod_and_pool():
    small = [SUBNETS[0], {"name": "dev", "cidr": "10.244.128.0/29", "block_size": 29}]
    wanted = [{"name": "p%d" % number, "pools": ["all", "dev"]} for number in range(8)]
    only = cluster.fabrics(intent.inventory(intent.nodes(1, fabric_pods=wanted), **dict(WEAVE, weave_subnets=small)), intent.options())["fabric"]
    (problem,) = leases.allot(only, {})[1]
    assert "no block is left for this node's pods p7 in dev 10.244.128.0/29" in str(problem)


NAMES = [subnet["name"] for subnet in SUBNETS]


@st.composite
def histories(draw):
    """Pods and the pools that each names, run by run."""
    chosen = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
    return draw(st.lists(st.dictionaries(st.sampled_from("abcd"), chosen, max_size=4), min_size=1, max_size=5))


@given(histories())
def test_a_history_of_runs(runs):
    held, before = {}, {}
    for named in runs:
        wanted = [{"name": name, "pools": pools} for name, pools in named.items()]
        fabric, held = allotted(wanted, held)
        assert allotted(list(reversed(wanted)), held)[1] == held
        after = {(pod["name"], pool): address for pod in fabric["nodes"]["node1"]["pods"]
                 for pool, address in zip(named[pod["name"]], pod_addresses.every(pod))}
        assert len(set(after.values())) == len(after)
        assert {key: after[key] for key in after if key in before} == {key: before[key] for key in before if key in after}
        before = after
