# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encryption of backend weave: what is in the tunnel, what may stay as it is, and where secrets are."""

from __future__ import annotations

import base64

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes

PASSWORD = "correct horse"
SLEEVE = {"node1": "10.244.1.0", "node2": "10.244.2.0", "node3": "10.244.3.0"}


def fabric(count=3, nodes=None, **common):
    """Every node has told a key."""
    only = intent.fabric(nodes or intent.nodes(count), **{"fabric_backend": "weave", "weave_password": PASSWORD, **common})
    return dict(only, nodes={name: dict(node, public_key="key of " + name) for name, node in only["nodes"].items()})


def document(name="node1", **common):
    return recipes.get("weave").document(fabric(**common), name)


def problems(hosts=None, **common):
    with pytest.raises(cluster.InvalidCluster) as caught:
        intent.fabric(hosts or intent.nodes(2), **{"fabric_backend": "weave", **common})
    return caught.value.problems


def rules(found, chain):
    return next(entry["rules"] for entry in found["iptables_chain"] if entry["chain"] == chain)


def test_without_a_password_there_is_nothing_of_it():
    found = document(weave_password="")
    assert "wireguard" not in found and "tuntap" not in found and found["underlay"]["overhead"] == 50
    assert recipes.get("weave").key_path(fabric(weave_password="")) == ""
    assert not [unit for unit in recipes.get("weave").units(fabric(weave_password=""), "node1") if "sleeve" in unit["name"]]


def test_vxlan_goes_from_end_to_end_of_the_tunnel():
    found = document()
    assert [entry["dst"] for entry in found["vxlan_fdb"]] == [SLEEVE["node2"], SLEEVE["node3"]]
    assert found["vxlan"][0]["local"] is None and found["vxlan"][0]["dev"] is None
    assert {"dev": "sleeve", "address": SLEEVE["node1"] + "/32"} in found["address"]
    assert found["route"] == [{"dst": SLEEVE[name] + "/32", "dev": "sleeve"} for name in ("node2", "node3")]
    assert found["underlay"] == {"address": "198.51.100.1", "overhead": 110, "mtu_limit": 1376}


def test_the_kernel_or_a_process_has_the_other_end():
    (kernel,), (process,) = document()["wireguard"], document()["tuntap"]
    assert kernel["if_kernel"] == process["unless_kernel"] == "wireguard" and kernel["name"] == process["name"] == "sleeve"
    assert kernel["mtu"] == process["mtu"] == 1376 + 50
    assert kernel["peers"][0] == {"public_key": "key of node2", "endpoint": "198.51.100.2:6783", "allowed_ips": [SLEEVE["node2"] + "/32"],
                                  "preshared_key_file": "/etc/clusternet/fabric/sleeve.psk"}


def test_an_mtu_that_is_given_is_that_of_pods():
    assert document(fabric_mtu=1300)["wireguard"][0]["mtu"] == 1350


def test_a_peer_that_has_told_no_key_is_none_yet():
    only = fabric()
    only["nodes"]["node2"]["public_key"] = None
    assert [peer["public_key"] for peer in recipes.get("weave").document(only, "node1")["wireguard"][0]["peers"]] == ["key of node3"]


def test_what_is_past_the_tunnel_is_dropped_both_ways():
    packets = "-p udp -m udp --dport 6784"
    found = document()
    assert rules(found, "WEAVE-ENCRYPT-IN") == ["-i sleeve %s -j RETURN" % packets, packets + " -j DROP"]
    assert rules(found, "WEAVE-ENCRYPT-OUT") == ["-o sleeve %s -j RETURN" % packets, packets + " -j DROP"]
    hooks = [entry for entry in found["iptables_rule"] if "ENCRYPT" in entry["rule"]]
    assert [(entry["chain"], entry["position"]) for entry in hooks] == [("INPUT", "first"), ("OUTPUT", "first")]


def test_between_trusted_nodes_packets_stay_as_they_are():
    trusted = {"weave_trusted_subnets": ["198.51.100.0/31", "198.51.100.3/32"]}
    found = document(**trusted)
    assert [entry["dst"] for entry in found["vxlan_fdb"]] == [SLEEVE["node2"], "198.51.100.3"]
    assert len(found["wireguard"][0]["peers"]) == 1 and [route["dst"] for route in found["route"]] == [SLEEVE["node2"] + "/32"]
    assert "-s 198.51.100.3/32 -p udp -m udp --dport 6784 -j RETURN" in rules(found, "WEAVE-ENCRYPT-IN")
    # A trusted one and one that is not: encrypted, on both.
    assert [entry["dst"] for entry in document("node2", **trusted)["vxlan_fdb"]] == [SLEEVE["node1"], SLEEVE["node3"]]


def test_secrets_are_in_files_for_root_alone_and_nowhere_else():
    only, weave = fabric(), recipes.get("weave")
    files = weave.secret_files(only, "node1", {"password": PASSWORD})
    assert {file["path"].rpartition("/")[2]: file["mode"] for file in files} == {"sleeve.psk": "0400", "sleeve.conf": "0400"}
    shared = files[0]["content"].strip()
    assert len(base64.b64decode(shared)) == 32 and files[1]["content"].count("PresharedKey = " + shared) == 2
    elsewhere = str([only, weave.document(only, "node1"), weave.files(only, "node1", 1376), weave.units(only, "node1")])
    assert PASSWORD not in elsewhere + str(files) and shared not in elsewhere
    assert weave.secret_files(only, "node2", {"password": PASSWORD})[0] == files[0]
    assert weave.secret_files(only, "node1", {"password": PASSWORD + "!"})[0] != files[0]
    assert weave.secret_files(dict(only, name="other"), "node1", {"password": PASSWORD})[0]["content"] != files[0]["content"]


def test_only_what_wireguard_go_is_told_has_to_do_with_peers():
    """So that it is not started anew for a node that joins, which would end its sessions."""
    weave = recipes.get("weave")
    few, many = ([unit for unit in weave.units(fabric(count), "node1") if "sleeve" in unit["name"]] for count in (2, 3))
    assert few == many and len(few) == 2
    assert weave.secret_files(fabric(2), "node1", {"password": PASSWORD}) != weave.secret_files(fabric(3), "node1", {"password": PASSWORD})


@pytest.mark.parametrize("password", ["short", "with\na line", 12345678, ["x"]])
def test_a_password_that_will_not_do_is_refused_without_being_shown(password):
    found = problems(weave_password=password)
    assert found[0] == "node1: weave_password: expected text of 8 to 1024 printable characters, or none for no encryption"
    assert str(password) not in "".join(found)


def test_all_nodes_have_one_password():
    hosts = intent.nodes(2)
    hosts["node2"]["weave_password"] = "another one"
    (found,) = problems(hosts, weave_password=PASSWORD)
    assert found.startswith("weave_password: differs between hosts: ") and "another" not in found and PASSWORD not in found
    assert fabric()["options"]["password"] is True and fabric(weave_password="")["options"]["password"] is False


@pytest.mark.parametrize("variables, problem", [
    ({"weave_trusted_subnets": ["192.0.2.1/24"]}, "weave_trusted_subnets[0]: 192.0.2.1/24: expected a range"),
    ({"weave_trusted_subnets": ["here"]}, "weave_trusted_subnets[0]: here: expected a range"),
    ({"weave_sleeve_port": 6784}, "weave_sleeve_port: 6784: expected a UDP port from 1 to 65535 other than weave_port"),
])
def test_variables_that_will_not_do(variables, problem):
    assert problem in problems(weave_password=PASSWORD, **variables)[0]
