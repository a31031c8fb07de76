# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes between nodes cannot be read on the underlay, unless both are trusted, and what comes past the tunnel reaches no pod."""

import json

import pytest
from flannel_node import pod_address, rules
from lab_host import capture, in_pod, node, run_json, underlay
from weave_node import forged, forged_arrives, readable

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.16.13"}
PASSWORD = "only for this scenario"


@pytest.mark.parametrize("source, target, plain", [("node1", "node3", False), ("node3", "node2", False), ("node1", "node2", True)])
def test_the_underlay_sees_what_trusted_nodes_send_and_nothing_else(source, target, plain):
    with capture(target, "-X udp") as lines:
        node(source).check_output(in_pod("a", "ping -n -c 5 -i 0.2 -W 2 -p %s %s" % (readable().hex(), pod_address(target, "a"))))
    packets = [line for line in lines if line.startswith("IP ") and NODES[source] in line and NODES[target] in line]
    assert len(packets) >= 10, lines
    assert (readable().decode() in "".join(line[-16:].strip() for line in lines)) is plain
    assert all((".6784:" in line) is plain and (".6783" in line) is not plain for line in packets), packets


@pytest.mark.parametrize("target, arrives", [("node3", False), ("node1", True)])
def test_a_packet_that_somebody_else_makes_up_reaches_a_pod_only_where_its_sender_may_be_trusted(target, arrives):
    """Plain VXLAN from a machine on the underlay that has a trusted node's address, to a node that trusts that one and to one that does not."""
    assert forged_arrives(node(target), underlay("router"), forged(NODES["node2"], NODES[target], pod_address(target, "a"))) is arrives


def test_a_packet_of_a_stranger_reaches_no_pod():
    for target in NODES:
        assert not forged_arrives(node(target), underlay("router"), forged("198.18.32.77", NODES[target], pod_address(target, "a"))), target


def test_nothing_goes_past_the_tunnel():
    """Also where a route would have it so."""
    host, target = node("node3"), pod_address("node1", "a")
    entry = "bridge fdb %s 00:00:00:00:00:00 dev vxlan-6784 dst 198.18.0.11"
    host.check_output(entry % "append")
    try:
        host.run(in_pod("a", "ip neigh flush dev eth0"))
        with capture("node3", "udp port 6784") as lines:
            host.check_output(in_pod("a", "ping -n -c 2 -i 0.2 -W 2 %s" % target))
        assert not lines
    finally:
        host.check_output(entry % "delete")


def test_the_mtu_leaves_room(host):
    assert run_json(host, in_pod("a", "ip -j link show dev eth0"))[0]["mtu"] == 1376
    assert run_json(host, "ip -j link show dev sleeve")[0]["mtu"] == 1426


def test_keys_are_for_root_alone_and_the_password_is_nowhere(host):
    for file in ("wireguard.key", "sleeve.psk", "sleeve.conf"):
        assert host.file("/etc/clusternet/fabric/" + file).mode == 0o400
    assert host.run("grep -rlF '%s' /etc/clusternet /var/lib/clusternet /etc/systemd /run/clusternet" % PASSWORD).stdout == ""
    shared = host.file("/etc/clusternet/fabric/sleeve.psk").content_string.strip()
    assert shared not in json.dumps(host.check_output("cat /var/lib/clusternet/fabric/document.json"))
    assert shared not in host.check_output("journalctl --no-pager | cat; cat /etc/systemd/system/clusternet-sleeve*")


def test_a_daemon_that_dies_comes_back_and_knows_its_peers():
    host, unit = node("node3"), "clusternet-sleeve@fabric.service"
    process = host.check_output("systemctl show -P MainPID %s" % unit)
    host.check_output("kill -9 %s" % process)
    host.check_output(in_pod("a", "ping -n -c 30 -i 0.5 -W 1 %s | grep -c 'bytes from'" % pod_address("node1", "a")))
    assert host.check_output("systemctl show -P MainPID %s" % unit) not in ("0", process)
    assert run_json(host, "ip -j link show dev sleeve")[0]["mtu"] == 1426
    assert host.run(in_pod("a", "ping -n -c 3 -i 0.2 -W 2 %s" % pod_address("node1", "a"))).rc == 0


def test_the_chains_name_the_trusted_alone():
    trusted = {name: [rule for rule in rules(node(name), "filter", "WEAVE-ENCRYPT-IN") if " -s " in rule] for name in NODES}
    assert [len(found) for found in trusted.values()] == [1, 1, 0] and NODES["node2"] + "/32" in trusted["node1"][0]
