# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 beside IPv4 in the model and in leases."""

from __future__ import annotations

import ipaddress
import json

import intent
import pytest
import yaml
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, families, lease_copies, leases, pods
from hypothesis import given
from hypothesis import strategies as st

RANGE = "fd00:10:244::/48"
CALICO = {"fabric_backend": "calico", "fabric_pod_cidr6": RANGE}
PODS = [{"name": "web"}, {"name": "db"}]


def validated(nodes, **common):
    return next(iter(cluster.fabrics(intent.inventory(nodes, **dict(CALICO, **common)), intent.options()).values()))


def allotted(nodes, held=None, **common):
    table, problems = leases.allot(validated(nodes, **common), held or {})
    assert not problems, problems
    return table


def refused(nodes, held=None, **common):
    try:
        only = validated(nodes, **common)
    except cluster.InvalidCluster as error:
        return error.problems
    return [str(problem) for problem in leases.allot(only, held or {})[1]]


def test_a_node_holds_blocks_of_both_and_a_pod_an_address_of_either():
    assert allotted(intent.dual(2, fabric_pods=PODS)) == {
        "node1": {"blocks": ["10.244.1.0/26"], "blocks6": ["fd00:10:244::40/122"], "address": "198.51.100.1",
                  "pods": {"db": "10.244.1.2", "web": "10.244.1.3"}, "pods6": {"db": "fd00:10:244::42", "web": "fd00:10:244::43"}},
        "node2": {"blocks": ["10.244.2.0/26"], "blocks6": ["fd00:10:244::80/122"], "address": "198.51.100.2",
                  "pods": {"db": "10.244.2.2", "web": "10.244.2.3"}, "pods6": {"db": "fd00:10:244::82", "web": "fd00:10:244::83"}},
    }


def test_a_fabric_that_gets_ipv6_keeps_what_it_has():
    before = allotted(intent.nodes(3, fabric_pods=PODS), fabric_pod_cidr6="")
    assert all("blocks6" not in record and "pods6" not in record for record in before.values())
    after = allotted(intent.dual(3, fabric_pods=PODS), before)
    assert {name: {key: record[key] for key in before[name]} for name, record in after.items()} == before
    # And one that gives it up comes back to the same.
    without = allotted(intent.dual(3, fabric_pods=PODS), after, fabric_pod_cidr6="")
    assert without == after and allotted(intent.dual(3, fabric_pods=PODS), without) == after


def test_another_backend_keeps_it_for_the_way_back():
    after = allotted(intent.dual(2, fabric_pods=PODS))
    flannel = allotted(intent.dual(2, fabric_pods=PODS), after, fabric_backend="flannel", fabric_pod_cidr6="")
    assert [(record["subnet"], record["blocks6"]) for record in flannel.values()] == [
        ("10.244.1.0/24", ["fd00:10:244::40/122"]), ("10.244.2.0/24", ["fd00:10:244::80/122"])]
    back = allotted(intent.dual(2, fabric_pods=PODS), flannel)
    assert {name: dict(record, subnet=None) for name, record in back.items()} == {name: dict(record, subnet=None) for name, record in after.items()}


def test_a_further_block_when_the_first_is_full():
    nodes = intent.dual(2, fabric_pods=[{"name": "p%d" % number} for number in range(64)])
    held = allotted(nodes)
    assert held["node1"]["blocks6"] == ["fd00:10:244::40/122", "fd00:10:244::/122"]
    # The first address of a node's first block is its tunnel's.
    assert len(set(held["node1"]["pods6"].values())) == 64 and "fd00:10:244::40" not in held["node1"]["pods6"].values()


def test_pins():
    nodes = intent.dual(2, fabric_pods=PODS)
    nodes["node1"].update(calico_blocks=["10.244.9.0/26", "fd00:10:244:9::/122"], fabric_pods=[{"name": "web", "address6": "FD00:10:244:9::0A"}])
    held = allotted(nodes)["node1"]
    assert (held["blocks"], held["blocks6"]) == (["10.244.9.0/26"], ["fd00:10:244:9::/122"])
    assert held["pods6"] == {"web": "fd00:10:244:9::a"} and ipaddress.ip_address(held["pods"]["web"]) in ipaddress.ip_network("10.244.9.0/26")


def test_pools_of_a_family():
    pools = [{"name": "one", "cidr": "fd00:10:244:1::/64", "block_size": 120}, {"name": "two", "cidr": "fd00:10:244:2::/64"},
             {"name": "old", "cidr": "10.244.0.0/17"}]
    nodes = intent.dual(1, fabric_pods=[{"name": "web", "pool": "old"}])
    only = validated(nodes, calico_pools=pools)
    assert [(pool["name"], pool["block_length"], pool["ipip_mode"]) for pool in only["pools6"]] == [("one", 120, "Never"), ("two", 122, "Never")]
    assert [(pool["name"], pool["block_length"]) for pool in only["pools"]] == [("old", 26)]
    # A pod that names a pool of the one family takes what there is of the other.
    assert leases.allot(only, {})[0]["node1"]["pods6"] == {"web": "fd00:10:244:1::102"}
    # Pools of one family leave the other its range as a whole.
    only = validated(nodes, calico_pools=pools[2:])
    assert [(pool["name"], pool["cidr"]) for pool in only["pools6"]] == [("default", RANGE)]


WRONG = [
    ({"fabric_backend": "flannel"}, {}, "node1: fabric_pod_cidr6: fd00:10:244::/48: expected none with backend flannel"),
    ({"fabric_backend": "weave"}, {}, "node1: fabric_pod_cidr6: fd00:10:244::/48: expected none with backend weave"),
    ({"fabric_pod_cidr6": "10.0.0.0/8"}, {}, "node1: fabric_pod_cidr6: 10.0.0.0/8: expected an IPv6 range such as fd00:10:244::/48"),
    ({"fabric_pod_cidr6": "fd00::1/48"}, {}, "node1: fabric_pod_cidr6: fd00::1/48: has bits beyond its prefix length: expected fd00::/48"),
    ({"fabric_pod_cidr6": "fe80::/64"}, {}, "node1: fabric_pod_cidr6: fe80::/64: expected a range for pods, a private one such as fd00:10:244::/48"),
    ({"fabric_pod_cidr6": "::/96"}, {}, "node1: fabric_pod_cidr6: ::/96: expected a range for pods, a private one such as fd00:10:244::/48"),
    ({"fabric_mtu": "1279"}, {}, "node1: fabric_mtu: 1279: expected auto or at least 1280 bytes, which IPv6 (fabric_pod_cidr6) needs"),
    ({}, {"fabric_node_ip6": None}, "node1: fabric_node_ip6: not set: expected this node's IPv6 address on the underlay, as fabric_pod_cidr6 is set"),
    ({}, {"fabric_node_ip6": "198.51.100.7"}, "node1: fabric_node_ip6: 198.51.100.7: expected this node's IPv6 address on the underlay"),
    ({}, {"fabric_node_ip6": "fe80::1"}, "node1: fabric_node_ip6: fe80::1: is link-local: expected an address that other segments reach too"),
    ({}, {"fabric_node_ip6": "::1"}, "node1: fabric_node_ip6: ::1: is on loopback: expected the address at which other nodes reach this one"),
    ({}, {"fabric_node_ip6": "2001:db8:0::2"}, "node2: fabric_node_ip6: 2001:db8::2: node1 has it too: expected an address of its own for each node"),
    ({}, {"fabric_node_ip6": "fd00:10:244::7"}, "node1: fabric_node_ip6: fd00:10:244::7: lies inside fabric_pod_cidr6 fd00:10:244::/48: expected an address "
     "of the underlay; choose another range for the pods"),
    ({}, {"fabric_pods": [{"name": "a", "address6": "fd01::1"}]}, "node1: fabric_pods[0].address6: fd01::1: expected an address inside fd00:10:244::/48 "
     "(fabric_pod_cidr6); leave it out to have one chosen"),
    ({}, {"fabric_pods": [{"name": "a", "address6": "10.244.0.9"}]},
     "node1: fabric_pods[0].address6: 10.244.0.9: expected an IPv6 address without a prefix length"),
    ({"fabric_pod_cidr6": ""}, {"fabric_pods": [{"name": "a", "address6": "fd00:10:244::9"}]},
     "node1: fabric_pods[0].address6: fd00:10:244::9: expected none: this fabric has no IPv6 (fabric_pod_cidr6)"),
    ({}, {"fabric_pods": [{"name": "a", "address6": "fd00:10:244::9"}, {"name": "b", "address6": "fd00:10:244::9"}]},
     "node1: fabric_pods[1].address6: fd00:10:244::9: pod a has it already: expected one address for one pod"),
    ({"calico_block_size6": 64}, {}, "node1: calico_block_size6: 64: expected a length from 116 to 128"),
    ({"fabric_pod_cidr6": "fd00::/124"}, {}, "calico_block_size6: 122: expected a length that is not shorter than that of fabric_pod_cidr6 fd00::/124"),
    ({"fabric_pod_cidr6": "fd00::/122"}, {}, "node2: calico_pools: 1 pools: no block is left for this node in default fd00::/122: add a pool, or "
     "shorten the blocks for nodes to come"),
    ({"calico_pools": [{"name": "x", "cidr": "fd01::/64"}]}, {}, "calico_pools[0].cidr: fd01::/64: expected a range inside fabric_pod_cidr6 fd00:10:244::/48"),
    ({"calico_pools": [{"name": "x", "cidr": "fd00:10:244::/64", "block_size": 26}]}, {}, "calico_pools[0].block_size: 26: expected a length from 116 to 128"),
    ({"fabric_pod_cidr6": "", "calico_pools": [{"name": "x", "cidr": "fd00::/64"}]}, {},
     "calico_pools[0].cidr: fd00::/64: expected an IPv4 range such as 10.244.0.0/17, without bits beyond its length"),
    ({"fabric_pod_cidr6": ""}, {"calico_blocks": ["fd00:10:244::/122"]},
     "node1: calico_blocks[0]: fd00:10:244::/122: expected a block of a pool, such as 10.244.1.0/26"),
    ({}, {"calico_blocks": ["10.244.1.0/26", "fd00:10:244::/120"]}, "node1: calico_blocks[1]: fd00:10:244::/120: expected a block of a pool (default: /122 in "
     "fd00:10:244::/48)"),
    ({"calico_wireguard": True, "calico_vxlan_mode": "Never"}, {},
     "calico_wireguard: True: expected false: fabric_pod_cidr6 is set, and WireGuard carries IPv4 alone here"),
    ({"calico_bgp": True, "calico_pools": [{"name": "x", "cidr": "fd00:10:244::/64", "vxlan_mode": "Never", "ipip_mode": "Always"}]}, {},
     "calico_pools[0].ipip_mode: Always: expected Never: IPIP carries IPv4 alone"),
    ({"fabric_pod_cidr6": "", "calico_advertise": ["fd00::/64"]}, {},
     "calico_advertise[0]: fd00::/64: expected one of IPv4: the fabric has no IPv6 (fabric_pod_cidr6)"),
    ({"fabric_pod_cidr6": "", "calico_filters": [{"name": "a", "export": [{"action": "accept", "cidr": "fd00::/64"}]}]}, {},
     "calico_filters[0].export[0].cidr: fd00::/64: expected one of IPv4: the fabric has no IPv6 (fabric_pod_cidr6)"),
    ({"calico_peers": [{"name": "x", "address": "2001:db8::9", "as_number": 1, "source_address": "192.0.2.1"}]}, {},
     "node1: calico_peers[0].source_address: 192.0.2.1: expected node, any or an address of the same family as that of the peer, 2001:db8::9"),
    ({"calico_bgp": True, "calico_mesh": False, "calico_peers": [{"name": "x", "address": "192.0.2.1", "as_number": 1}]}, {},
     "node1: calico_peers: ['x']: no BGP session of IPv6 for this node: expected calico_mesh: true, or a peer for it (see node_labels and peer_labels)"),
]


@pytest.mark.parametrize("common, own, expected", WRONG, ids=[text[:70] for dummy, dummy, text in WRONG])
def test_wrong_values_are_named_with_what_was_expected(common, own, expected):
    nodes = intent.dual(2)
    nodes["node1"].update(own)
    assert expected in refused(nodes, **common)


def test_a_pool_that_goes_while_it_is_held():
    held = allotted(intent.dual(1, fabric_pods=PODS))
    assert refused(intent.dual(1, fabric_pods=PODS), held, fabric_pod_cidr6="fd11::/48") == [
        "node1: blocks6: fd00:10:244::40/122: is leased to this node by leases.yml and lies in no pool: keep the pool that it came from, disabled where no "
        "more of it is to be given out, until no pod has an address of it"]


def test_a_view_has_ipv6_where_ipv4_is():
    only = intent.fabric(intent.dual(1, fabric_pods=PODS), **CALICO)
    view = families.view(only, families.V6)
    assert (view["pod_cidr"], view["options"]["block_size"], view["pools"][0]["cidr"]) == (RANGE, 122, RANGE)
    node = view["nodes"]["node1"]
    assert (node["ip"], node["blocks"]) == ("2001:db8::1", ["fd00:10:244::40/122"])
    assert [pod["address"] for pod in node["pods"]] == ["fd00:10:244::43", "fd00:10:244::42"]
    assert [view["family"] for view in families.views(intent.fabric(intent.nodes(1)))] == [families.V4]


@given(st.lists(st.integers(0, 70), min_size=1, max_size=4), st.lists(st.integers(0, 70), min_size=4, max_size=4))
def test_what_is_held_stays_and_nobody_has_it_twice(before, after):
    def nodes(counts):
        made = intent.dual(len(counts))
        for node, count in zip(made.values(), counts):
            node["fabric_pods"] = [{"name": "p%d" % number} for number in range(count)]
        return made

    held = allotted(nodes(before))
    table = allotted(nodes(after), held)
    every = [address for record in table.values() for key in leases.PODS for address in record[key].values()]
    blocks = [block for record in table.values() for key in leases.BLOCKS for block in record[key]]
    assert len(set(every)) == len(every) and len(set(blocks)) == len(blocks)
    for name, record in held.items():
        for key in leases.BLOCKS:
            assert table[name][key][: len(record[key])] == record[key]
        for key in leases.PODS:
            assert {pod: record[key][pod] for pod in record[key] if pod in table[name][key]}.items() <= table[name][key].items()
        for pod, address in table[name]["pods6"].items():
            assert any(ipaddress.ip_address(address) in ipaddress.ip_network(block) for block in table[name]["blocks6"]), pod


# --- the table's life


def test_the_file_is_read_as_it_was_written():
    table = allotted(intent.dual(2, fabric_pods=PODS))
    text = leases.render("fabric", table)
    assert leases.parse(text, "fabric", "x").nodes == table and yaml.safe_load(text)["nodes"] == table
    for wrong, expected in ((("::80/122", "::81/122"), "x: nodes.node2.blocks6[0]: fd00:10:244::81/122: expected a subnet"),
                            (("::82", "::82/128"), "x: nodes.node2.pods6.db: fd00:10:244::82/128: expected an address")):
        with pytest.raises(leases.LeaseError) as caught:
            leases.parse(text.replace(*wrong), "fabric", "x")
        assert str(caught.value) == expected


def test_a_lost_file_is_rebuilt():
    only = intent.fabric(intent.dual(3, fabric_pods=PODS), **CALICO)
    answers = {name: {"state": "other", "text": only["leases"]} for name in only["nodes"]}
    table, warnings = lease_copies.rebuild(only, answers)
    assert warnings == [] and table.nodes == json.loads(only["leases"])["nodes"]
    # Two copies that contradict each other in IPv6 alone.
    answers["node3"] = {"state": "other", "text": only["leases"].replace("::80/122", "::40/122").replace("244::8", "244::4")}
    answers["node2"] = None
    with pytest.raises(leases.LeaseError, match="pod db of node2 has fd00:10:244::82 and fd00:10:244::42"):
        lease_copies.rebuild(only, answers)


def test_a_node_that_holds_another_block_refuses():
    only = intent.fabric(intent.dual(2, fabric_pods=PODS), **CALICO)
    other = json.loads(only["leases"].replace("::80/122", "::100/122"))["nodes"]
    (text,) = lease_copies.conflicts(only, "node2", other)
    assert text.startswith("node2: holds 10.244.2.0/26, fd00:10:244::100/122 by its copy of the leases")
    # One that knows of no IPv6 yet has nothing against it.
    before = {name: {key: record[key] for key in ("blocks", "address", "pods")} for name, record in json.loads(only["leases"])["nodes"].items()}
    assert lease_copies.conflicts(only, "node2", before) == []


def test_what_the_file_lacks():
    only = validated(intent.dual(1, fabric_pods=PODS))
    held = allotted(intent.dual(1, fabric_pods=PODS), fabric_pod_cidr6="")
    assert cluster.missing_leases(only, held) == ["node1", "node1/db", "node1/web"]
    assert cluster.missing_leases(only, allotted(intent.dual(1, fabric_pods=PODS))) == []


def test_fabrics_side_by_side():
    nodes = intent.dual(3, fabric_pods=PODS)
    nodes["node2"].update(fabric_name="two", fabric_pod_cidr="10.1.0.0/16", fabric_lease_file="two.yml", fabric_pod_cidr6="fd00:10:1::/48")
    nodes["node3"].update(fabric_name="three", fabric_pod_cidr="10.2.0.0/16", fabric_lease_file="three.yml", fabric_pod_cidr6="")
    found = cluster.fabrics(intent.inventory(nodes, **CALICO), intent.options())
    assert (found["fabric"]["strangers"], found["fabric"]["strangers6"]) == (["10.1.0.0/16", "10.2.0.0/16"], ["fd00:10:1::/48"])
    assert "strangers6" not in found["three"]
    nodes["node2"]["fabric_pod_cidr6"] = "fd00:10:244:1::/64"
    assert refused(nodes) == ["fabric_pod_cidr6 of fabric two: fd00:10:244:1::/64: overlaps fd00:10:244::/48 of fabric fabric: expected ranges of their own"]


def test_a_pod_knows_its_names():
    only = intent.fabric(intent.dual(1, fabric_pods=PODS[:1]), **CALICO)
    (hosts,) = [file["content"] for file in pods.files(only, "node1") if file["path"] == "/etc/netns/web/hosts"]
    assert hosts.endswith("\n10.244.1.2 web\nfd00:10:244::42 web\n")
