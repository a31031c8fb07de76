# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several fabrics in one inventory: what is refused, and whose pods are strangers."""

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster

RED = {"fabric_name": "red", "fabric_number": 161, "fabric_pod_cidr": "10.96.0.0/16", "fabric_lease_file": "red.yml", "flannel_vni": 2}
GREEN = {"fabric_name": "green", "fabric_number": 162, "fabric_pod_cidr": "10.97.0.0/16", "fabric_lease_file": "green.yml", "flannel_vni": 3}


def fabrics(*more, red=(), default=(), elsewhere=False):
    """The default fabric and others on the same two machines, or on others."""
    hosts = intent.nodes(2, fabric_pods=[{"name": "a"}], **dict(default))
    for variables in [dict(RED, **dict(red))] + list(more):
        for number in (1, 2):
            hosts["%s%d" % (variables["fabric_name"], number)] = dict(
                {"fabric_pods": [{"name": variables["fabric_name"]}]}, **variables,
                fabric_node_ip="198.51.100.%d" % (number + 100 if elsewhere else number))
    return cluster.fabrics(intent.inventory(hosts), intent.options())


def refused(*arguments, **named):
    with pytest.raises(cluster.InvalidCluster) as caught:
        fabrics(*arguments, **named)
    return caught.value.problems


def test_side_by_side_they_are_strangers():
    found = fabrics(GREEN)
    assert {name: sorted(fabric["strangers"]) for name, fabric in found.items()} == {
        "fabric": ["10.96.0.0/16", "10.97.0.0/16"], "red": ["10.244.0.0/16", "10.97.0.0/16"], "green": ["10.244.0.0/16", "10.96.0.0/16"]}


def test_one_that_reaches_another_is_reached_by_it_and_by_no_third():
    found = fabrics(GREEN, red={"fabric_reaches": ["fabric"]})
    assert {name: fabric["strangers"] for name, fabric in found.items()} == {
        "fabric": ["10.97.0.0/16"], "red": ["10.97.0.0/16"], "green": ["10.244.0.0/16", "10.96.0.0/16"]}


def test_a_fabric_alone_has_no_strangers():
    assert intent.fabric(intent.nodes(2))["strangers"] == []


@pytest.mark.parametrize("reaches", ["blue", "red"])
def test_it_reaches_others_of_the_inventory_only(reaches):
    (problem,) = refused(red={"fabric_reaches": [reaches]})
    assert problem == "fabric_reaches: %s: expected names of other fabrics of this inventory (fabric)" % reaches


@pytest.mark.parametrize("cidr", ["10.244.0.0/16", "10.244.128.0/17", "10.0.0.0/8"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_ranges_are_each_fabrics_own_wherever_its_machines_are(cidr, elsewhere):
    (problem,) = refused(red={"fabric_pod_cidr": cidr}, elsewhere=elsewhere)
    assert problem == "fabric_pod_cidr of fabric red: %s: overlaps 10.244.0.0/16 of fabric fabric: expected ranges of their own" % cidr


def test_a_lease_file_each():
    (problem,) = refused(red={"fabric_lease_file": "leases.yml"})
    assert problem == "fabric_lease_file: leases.yml: fabrics fabric and red would share it: expected a file for each fabric"


@pytest.mark.parametrize("variable, value, what", [("fabric_number", 160, "this number"), ("flannel_vni", 1, "this value")])
def test_on_one_machine_numbers_and_tunnels_differ(variable, value, what):
    (problem,) = refused(red={variable: value})
    assert problem.startswith("%s: %d: fabrics fabric and red share a machine (hosts node1 and red1) and %s: expected" % (variable, value, what))
    fabrics(red={variable: value}, elsewhere=True)


def test_without_a_tunnel_the_vni_is_nobodys():
    fabrics(red={"flannel_vni": 1, "flannel_type": "host-gw"})


def test_a_pod_is_a_namespace_of_the_machine_so_names_differ_there():
    first, second = refused(red={"fabric_pods": [{"name": "b"}, {"name": "a"}]})
    assert first == "red1: fabric_pods[1].name: a: is a pod of node1 too, which is the same machine: expected names that differ"
    assert second.startswith("red2: fabric_pods[1].name: a: is a pod of node2 too")
    fabrics(red={"fabric_pods": [{"name": "a"}]}, elsewhere=True)


def test_all_that_is_wrong_is_said_at_once():
    assert len(refused(red={"fabric_number": 160, "flannel_vni": 1, "fabric_pod_cidr": "10.244.0.0/16", "fabric_lease_file": "leases.yml"})) == 4
