# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend weave with weave_encryption esp: what the kernel drops, what the daemon is told, and where the key is."""

from __future__ import annotations

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes

PASSWORD = "correct horse"
WEAVE = recipes.get("weave")


def fabric(count=3, **common):
    return intent.fabric(intent.nodes(count), **{"fabric_backend": "weave", "weave_password": PASSWORD, "weave_encryption": "esp", **common})


def written(name="node1", **common):
    """{file name: content}"""
    return {file["path"].rpartition("/")[2]: file["content"] for file in WEAVE.files(fabric(**common), name, 1376)}


def connections(name, **common):
    return [line.split()[0] for line in written(name, **common)["ike.conf"].splitlines() if line.startswith(("  to-", "  from-"))]


def test_vxlan_goes_from_node_to_node_with_room_for_esp():
    found = WEAVE.document(fabric(), "node1")
    assert [entry["dst"] for entry in found["vxlan_fdb"]] == ["198.51.100.2", "198.51.100.3"]
    assert found["vxlan"][0]["local"] == "198.51.100.1" and found["vxlan"][0]["srcport"] == "6784-6785"
    assert found["underlay"] == {"address": "198.51.100.1", "overhead": 50 + 37, "mtu_limit": 1376}
    assert "wireguard" not in found and "tuntap" not in found and WEAVE.key_path(fabric()) == ""


def test_what_has_no_session_is_dropped_both_ways():
    found = WEAVE.document(fabric(weave_trusted_subnets=["198.51.100.0/31", "198.51.100.3/32"]), "node1")
    packets = "-p udp -m udp --dport 6784"
    rules = {entry["chain"]: entry["rules"] for entry in found["iptables_chain"]}
    assert rules["WEAVE-ENCRYPT-IN"] == [
        packets + " -m policy --dir in --pol ipsec -j RETURN", "-s 198.51.100.3/32 %s -j RETURN" % packets, packets + " -j DROP"]
    assert rules["WEAVE-ENCRYPT-OUT"] == [
        packets + " -m policy --dir out --pol ipsec -j RETURN", "-d 198.51.100.3/32 %s -j RETURN" % packets, packets + " -j DROP"]


def test_of_two_nodes_one_begins_and_trusted_ones_have_no_session():
    assert connections("node2") == ["from-198-51-100-1", "to-198-51-100-3"]
    assert connections("node1", weave_trusted_subnets=["198.51.100.0/31", "198.51.100.3/32"]) == ["to-198-51-100-2"]
    text = written("node2")["ike.conf"]
    assert [line.split(" = ")[1] for line in text.splitlines() if "start_action" in line] == ["trap", "trap|start"]
    assert text.count("reauth_time = 0") == text.count("rekey_time = 1h") == 2
    assert text.count("remote_ts = dynamic[udp/6784]") == text.count("mode = transport") == text.count("remote_port = 6785") == 2


def test_of_a_daemon_that_was_killed_nothing_is_left():
    assert [line.split(" = ")[1] for line in written("node2")["ike.conf"].splitlines() if "reqid" in line] == [str(0xC6336401), str(0xC6336403)]
    unit = written("node2", weave_port=4789)["clusternet-ike@fabric.service"]
    assert "ip xfrm policy deleteall $$end $$peer/32 proto udp sport 4789 dport 4789" in unit and "ip xfrm state deleteall proto esp reqid $$reqid" in unit
    assert "198.51.100" not in unit


def test_the_key_is_in_a_file_for_root_alone_and_nowhere_else():
    only = fabric()
    (secret,) = WEAVE.secret_files(only, "node1", {"password": PASSWORD})
    assert secret["mode"] == "0400" and secret["path"] == "/etc/clusternet/fabric/ike.secrets"
    key = secret["content"].partition("secret = 0s")[2].split()[0]
    elsewhere = str([only, WEAVE.document(only, "node1"), WEAVE.files(only, "node1", 1376), WEAVE.units(only, "node1")])
    assert PASSWORD not in elsewhere + str(secret) and key not in elsewhere and len(key) == 44
    assert WEAVE.secret_files(only, "node2", {"password": PASSWORD}) == [secret]
    assert WEAVE.secret_files(only, "node1", {"password": PASSWORD + "!"}) != [secret]
    sleeve = WEAVE.secret_files(fabric(weave_encryption="sleeve"), "node1", {"password": PASSWORD})
    assert key not in str(sleeve)


def test_a_node_that_joins_starts_nothing_anew():
    few, many = (WEAVE.units(fabric(count), "node1") for count in (2, 3))
    assert few == many
    assert [unit["name"] for unit in few if "ike" in unit["name"]] == [
        "clusternet-ike@fabric.service", "clusternet-ike-peers@fabric.path", "clusternet-ike-password@fabric.path"]


def test_what_the_machine_needs():
    assert {"esp4", "xfrm_user", "xt_policy"} <= set(WEAVE.kernel_modules(fabric()))
    assert WEAVE.packages(fabric())["charon-systemd"] == "charon-systemd"
    assert "wireguard-go" not in WEAVE.packages(fabric())
    assert not {"esp4", "xt_policy"} & set(WEAVE.kernel_modules(fabric(weave_encryption="sleeve")))
    assert WEAVE.overview(fabric())["encryption"] == "ESP, by strongSwan" and WEAVE.title(fabric()["options"]).endswith(" esp")


@pytest.mark.parametrize("variables, problem", [
    ({"weave_encryption": "esp", "weave_password": ""}, "weave_encryption: esp: expected weave_password with it"),
    ({"weave_encryption": "esp", "weave_ike_port": 6784}, "weave_ike_port: 6784: expected a UDP port from 1 to 65535 other than weave_port"),
    ({"weave_encryption": "esp", "weave_mesh": "partial"}, "weave_mesh: partial: expected full with weave_password"),
])
def test_variables_that_will_not_do(variables, problem):
    with pytest.raises(cluster.InvalidCluster) as caught:
        intent.fabric(intent.nodes(2), **{"fabric_backend": "weave", "weave_password": PASSWORD, **variables})
    assert problem in caught.value.problems[0]
