# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster

ADDRESS = {"fabric_node_ip": "198.51.100.1"}


def problems(nodes, **common):
    with pytest.raises(cluster.InvalidCluster) as caught:
        cluster.fabrics(intent.inventory(nodes, **common), intent.options())
    return caught.value.problems


def problem(**variables):
    """The one thing that is wrong with a node of these variables."""
    (only,) = problems({"node1": dict(ADDRESS, **variables)})
    return only


def pods(*entries):
    return {"fabric_pods": list(entries)}


LABEL = "expected at most 63 lower-case letters, digits and inner hyphens: it names a namespace and a host"

WRONG = [
    # types
    ({"fabric_number": "many"}, "node1: fabric_number: many: expected a whole number"),
    ({"fabric_number": True}, "node1: fabric_number: True: expected a whole number"),
    ({"fabric_masquerade": "perhaps"}, "node1: fabric_masquerade: perhaps: expected true or false"),
    ({"fabric_pods": "web"}, "node1: fabric_pods: web: expected a list"),
    (pods("web"), "node1: fabric_pods[0]: web: expected a mapping"),
    (pods({}), "node1: fabric_pods[0].name: not set, and it is required: Name of the pod, of its network namespace and its host name. "
               "At most 63 lower-case letters, digits and inner hyphens."),
    (pods({"name": True}), "node1: fabric_pods[0].name: True: expected text; put it in quotes"),
    (pods({"name": {"a": 1}}), "node1: fabric_pods[0].name: {'a': 1}: expected text"),
    (pods({"name": "a", "adress": "x"}),
     "node1: fabric_pods[0].adress: unknown option; expected one of address, address6, addresses, labels, name, pool, pools, unit"),
    (pods({"name": "a", "unit": {}}),
     "node1: fabric_pods[0].unit.exec_start: not set, and it is required: Command line, in the syntax of C(ExecStart) in C(systemd.service(5\\))."),
    (pods({"name": "a", "unit": {"exec_start": "x", "restart": "maybe"}}),
     "node1: fabric_pods[0].unit.restart: maybe: expected one of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always"),
    ({"fabric_backend": "flanel"}, "node1: fabric_backend: flanel: expected one of calico, flannel, weave"),
    # names
    ({"fabric_name": "f" * 33}, "node1: fabric_name: %s: expected at most 32 lower-case letters, digits and inner hyphens" % ("f" * 33)),
    ({"fabric_name": "a/b"}, "node1: fabric_name: a/b: expected at most 32 lower-case letters, digits and inner hyphens"),
    (pods({"name": "p" * 64}), "node1: fabric_pods[0].name: %s: %s" % ("p" * 64, LABEL)),
    (pods({"name": "../x"}), "node1: fabric_pods[0].name: ../x: " + LABEL),
    (pods({"name": ""}), "node1: fabric_pods[0].name: '': " + LABEL),
    (pods({"name": "web"}, {"name": "db"}, {"name": "web"}),
     "node1: fabric_pods[2].name: web: fabric_pods[0] has it already: expected names that differ"),
    # numbers
    ({"fabric_number": 159}, "node1: fabric_number: 159: expected a number from 160 to 175, another one for each fabric on a node"),
    ({"fabric_number": 176}, "node1: fabric_number: 176: expected a number from 160 to 175, another one for each fabric on a node"),
    ({"fabric_mtu": "large"}, "node1: fabric_mtu: large: expected auto or a number of bytes from 576 to 65535"),
    ({"fabric_mtu": 575}, "node1: fabric_mtu: 575: expected auto or a number of bytes from 576 to 65535"),
    ({"flannel_vni": 0}, "node1: flannel_vni: 0: expected a number from 1 to 9999999: a VNI has 24 bits, and the device flannel.<VNI> "
                         "at most 15 characters"),
    ({"flannel_vni": 16777216}, "node1: flannel_vni: 16777216: expected a number from 1 to 9999999: a VNI has 24 bits, and the device "
                                "flannel.<VNI> at most 15 characters"),
    ({"flannel_port": 65536}, "node1: flannel_port: 65536: expected a UDP port from 1 to 65535"),
    # ranges
    ({"fabric_pod_cidr": "10.244.0.0"}, "node1: fabric_pod_cidr: 10.244.0.0: expected an IPv4 range such as 10.244.0.0/16"),
    ({"fabric_pod_cidr": "fd00::/64"}, "node1: fabric_pod_cidr: fd00::/64: expected an IPv4 range such as 10.244.0.0/16"),
    ({"fabric_pod_cidr": "10.244.1.0/16"}, "node1: fabric_pod_cidr: 10.244.1.0/16: has bits beyond its prefix length: expected 10.244.0.0/16"),
    ({"fabric_pod_cidr": "127.0.0.0/8"}, "node1: fabric_pod_cidr: 127.0.0.0/8: expected a range for pods, a private one such as 10.244.0.0/16"),
    ({"fabric_pod_cidr": "10.244.0.0/30"},
     "node1: fabric_pod_cidr: 10.244.0.0/30: expected a range that holds several subnets of nodes, /29 at the narrowest"),
    ({"fabric_subnet_length": 16}, "node1: fabric_subnet_length: 16: expected a length from 17 to 30: longer than that of fabric_pod_cidr "
                                   "10.244.0.0/16, with room for a pod"),
    ({"fabric_subnet_length": 31}, "node1: fabric_subnet_length: 31: expected a length from 17 to 30: longer than that of fabric_pod_cidr "
                                   "10.244.0.0/16, with room for a pod"),
    ({"fabric_subnet": "10.9.0.0/24"}, "node1: fabric_subnet: 10.9.0.0/24: expected a subnet inside 10.244.0.0/16 (fabric_pod_cidr)"),
    ({"fabric_subnet": "10.244.0.0/16"}, "node1: fabric_subnet: 10.244.0.0/16: expected a subnet inside 10.244.0.0/16 (fabric_pod_cidr)"),
    ({"fabric_subnet": "10.244.1.5/24"}, "node1: fabric_subnet: 10.244.1.5/24: has bits beyond its prefix length: expected 10.244.1.0/24"),
    ({"fabric_subnet": "10.244.1.0/31"},
     "node1: fabric_subnet: 10.244.1.0/31: expected /30 or wider: the bridge and at least one pod need addresses"),
    # addresses
    (pods({"name": "a", "address": "10.9.0.1"}),
     "node1: fabric_pods[0].address: 10.9.0.1: expected an address inside 10.244.0.0/16 (fabric_pod_cidr); leave it out to have one chosen"),
    (pods({"name": "a", "address": "10.244.1.2/24"}),
     "node1: fabric_pods[0].address: 10.244.1.2/24: expected an IPv4 address without a prefix length"),
    ({"fabric_node_ip": "127.0.0.1"}, "node1: fabric_node_ip: 127.0.0.1: is on loopback: expected the address at which other nodes reach this one"),
    ({"fabric_node_ip": "node1.example"}, "node1: fabric_node_ip: node1.example: expected this node's IPv4 address on the underlay"),
    ({"fabric_node_ip": "2001:db8::1"}, "node1: fabric_node_ip: 2001:db8::1: expected this node's IPv4 address on the underlay"),
    ({"fabric_node_ip": "224.0.0.5"}, "node1: fabric_node_ip: 224.0.0.5: expected the address of one machine"),
    ({"fabric_node_ip": "10.244.7.7"}, "node1: fabric_node_ip: 10.244.7.7: lies inside fabric_pod_cidr 10.244.0.0/16: expected an address "
                                       "of the underlay; choose another range for the pods"),
    ({"fabric_node_ip": None, "ansible_host": "node1.example"}, "node1: ansible_host: node1.example: is not an address, and fabric_node_ip is "
     "not set: set fabric_node_ip to this node's IPv4 address on the underlay"),
    ({"fabric_node_ip": None, "ansible_host": "127.0.0.1"}, "node1: ansible_host: 127.0.0.1: is on loopback: expected the address at which "
     "other nodes reach this one; set fabric_node_ip"),
    ({"fabric_nameservers": ["192.0.2.53", "dns"]}, "node1: fabric_nameservers[1]: dns: expected an IP address"),
    ({"fabric_search_domains": ["a b"]}, "node1: fabric_search_domains[0]: a b: expected a domain name"),
    # what ends up in a unit file
    (pods({"name": "a", "unit": {"exec_start": "true\nUser=root"}}),
     "node1: fabric_pods[0].unit.exec_start: true\\nUser=root: expected one line of text"),
    (pods({"name": "a", "unit": {"exec_start": " "}}), "node1: fabric_pods[0].unit.exec_start: ' ': expected one line of text"),
    (pods({"name": "a", "unit": {"exec_start": "true", "environment": {"A B": "x"}}}),
     "node1: fabric_pods[0].unit.environment.A B: expected the name of an environment variable"),
    (pods({"name": "a", "unit": {"exec_start": "true", "environment": {"A": ["x"]}}}),
     "node1: fabric_pods[0].unit.environment.A: ['x']: expected one line of text"),
]


@pytest.mark.parametrize("variables, expected", WRONG, ids=[text[:60] for _variables, text in WRONG])
def test_wrong_values_are_named_with_what_was_expected(variables, expected):
    assert problem(**variables) == expected


def test_everything_wrong_is_told_at_once():
    found = problems({"node1": dict(ADDRESS, fabric_number=1), "node2": {"fabric_node_ip": "127.0.0.1", "fabric_number": 1}})
    assert found == [
        "node1: fabric_number: 1: expected a number from 160 to 175, another one for each fabric on a node",
        "node2: fabric_node_ip: 127.0.0.1: is on loopback: expected the address at which other nodes reach this one",
    ]


def test_a_long_list_of_problems_is_cut():
    found = problems(intent.nodes(40, fabric_pods="web"))
    assert len(found) == 40
    assert str(cluster.InvalidCluster(found)).endswith("... and 15 more")


@pytest.mark.parametrize(
    "variable, one, other, shown",
    [
        ("fabric_pod_cidr", "10.244.0.0/16", "10.1.0.0/16", "10.244.0.0/16 (node1, node2), 10.1.0.0/16 (node3)"),
        ("flannel_vni", 1, 2, "1 (node1, node2), 2 (node3)"),
        ("fabric_masquerade", True, "no", "True (node1, node2), False (node3)"),
        ("fabric_lease_file", "a", "b", "a (node1, node2), b (node3)"),
    ],
)
def test_cluster_wide_values_are_one_value(variable, one, other, shown):
    nodes = intent.nodes(3, **{variable: one})
    nodes["node3"][variable] = other
    expected = "%s: differs between hosts: %s: expected one value for the cluster; set it for the group" % (variable, shown)
    assert problems(nodes) == [expected]


def test_values_that_mean_the_same_do_not_differ():
    nodes = intent.nodes(2, fabric_number=160, fabric_masquerade=True)
    nodes["node2"].update(fabric_number="160", fabric_masquerade="yes")
    assert intent.fabric(nodes)["number"] == 160


def test_duplicate_node_addresses():
    nodes = {"node2": ADDRESS, "node1": ADDRESS}
    expected = "node2: fabric_node_ip: 198.51.100.1: node1 has it too: expected an address of its own for each node"
    assert problems(nodes) == [expected]


@pytest.mark.parametrize("variables", [{"ansible_host": "198.51.100.7"}, {"fabric_node_ip": "198.51.100.7", "ansible_host": "node1.example"}])
def test_node_address(variables):
    assert intent.fabric({"node1": variables})["nodes"]["node1"]["ip"] == "198.51.100.7"


def test_a_host_named_by_its_address():
    assert intent.fabric({"198.51.100.7": {}})["nodes"]["198.51.100.7"]["ip"] == "198.51.100.7"


def test_hosts_of_the_same_name_are_peers():
    nodes = intent.nodes(3, fabric_name="one")
    nodes["node2"].update(fabric_name="two", fabric_pod_cidr="10.1.0.0/16", fabric_lease_file="two.yml")
    found = cluster.fabrics(intent.inventory(nodes), intent.options())
    assert {name: list(fabric["nodes"]) for name, fabric in found.items()} == {"one": ["node1", "node3"], "two": ["node2"]}
    assert cluster.of_node({"fabrics": found}, "node2")["pod_cidr"] == "10.1.0.0/16"
    assert cluster.of_node({"fabrics": found}, "node9") is None


def test_the_model():
    unit = {"exec_start": "/bin/true", "environment": {"A": 1}}
    fabric = intent.fabric({"node1": dict(ADDRESS, fabric_pods=[{"name": "web", "unit": unit, "labels": {"app": "x"}}, {"name": "db"}])})
    assert json.loads(fabric["leases"])["nodes"]["node1"]["pods"] == {"db": "10.244.1.2", "web": "10.244.1.3"}
    assert {key: value for key, value in fabric.items() if key not in ("leases", "nodes")} == {
        "name": "fabric",
        "number": 160,
        "backend": "flannel",
        "pod_cidr": "10.244.0.0/16",
        "pod_cidr6": "",
        "subnet_length": 24,
        "masquerade": True,
        "mtu": "auto",
        "nameservers": [],
        "search_domains": [],
        "lease_file": "leases.yml",
        "reaches": [],
        "persist": True,
        "converge": 30,
        "self_heal": 0,
        "confirm": 0,
        "strangers": [],
        "options": {"type": "vxlan", "direct_routing": False, "vni": 1, "port": 8472},
        "exclusive": {"flannel_vni": 1},
        "pools": None,
    }
    unit = {"exec_start": "/bin/true", "user": None, "working_directory": None, "environment": {"A": 1}, "restart": "on-failure"}
    assert fabric["nodes"] == {
        "node1": {
            "ip": "198.51.100.1",
            "ip6": None,
            "borrowed": [],
            "public_key": None,
            "subnet": "10.244.1.0/24",
            "blocks": [],
            "networks": ["10.244.1.0/24"],
            "labels": {},
            "options": {},
            "pods": [
                {"name": "web", "address": "10.244.1.3", "address6": None, "pool": None, "more": [], "labels": {"app": "x"}, "unit": unit},
                {"name": "db", "address": "10.244.1.2", "address6": None, "pool": None, "more": [], "labels": {}, "unit": None},
            ],
        }
    }


def test_a_fixed_mtu_is_a_number():
    assert intent.fabric(intent.nodes(1), fabric_mtu="1400")["mtu"] == 1400


def test_missing_leases():
    nodes = intent.nodes(2, fabric_pods=[{"name": "a"}, {"name": "b", "address": "10.244.9.9"}])
    nodes["node2"]["fabric_subnet"] = "10.244.9.0/24"
    nodes["node1"]["fabric_pods"] = [{"name": "a"}, {"name": "c"}]
    fabric = cluster.fabrics(intent.inventory(nodes), intent.options())["fabric"]
    assert cluster.missing_leases(fabric, {}) == ["node1", "node1/a", "node1/c", "node2/a"]
    held = {"node1": {"subnet": "10.244.1.0/24", "address": "198.51.100.1", "pods": {"a": "10.244.1.2"}}}
    assert cluster.missing_leases(fabric, held) == ["node1/c", "node2/a"]
