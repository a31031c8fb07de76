# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What granular modules do to what is there already, and what they leave alone."""

import json
import subprocess
import sys

import pytest
from module_node import ModuleNode

pytestmark = pytest.mark.kernel

SETUP = """
ip link add eth0 type veth peer name far
ip link set eth0 up
ip link set far up
ip address add 192.0.2.11/24 dev eth0
ip address add 198.51.100.1/24 dev far
ip link add br0 type bridge
ip link add port master br0 type veth peer name port-end
"""


@pytest.fixture
def node():
    node = ModuleNode(SETUP)
    yield node
    node.close()


def done(node, module, **options):
    """The commands of a run that must succeed, predicted alike and then settled."""
    predicted = node.module(module, check=True, **options)
    answer = node.module(module, **options)
    assert not answer.get("failed"), answer
    assert (answer["commands"], answer["after"]) == (predicted["commands"], predicted["after"])
    again = node.module(module, **options)
    assert again["changed"] is False, again
    return answer["commands"]


def test_links_change_in_place(node):
    assert done(node, "bridge", name="br0", stp=True, multicast_snooping=False, mtu="1400", up=False) == [
        "ip link set dev br0 mtu 1400", "ip link set dev br0 type bridge stp_state 1 mcast_snooping 0"]
    assert done(node, "veth", name="eth0", master="br0", bridge_port={"isolated": True}) == [
        "ip link set dev eth0 master br0", "ip link set dev eth0 type bridge_slave isolated on"]
    assert done(node, "veth", name="eth0", master="", mac="02:00:5e:10:00:05") == ["ip link set dev eth0 address 02:00:5e:10:00:05 nomaster"]
    # The namespace's own end is led by the other one too.
    assert done(node, "veth", name="far", up=False, peer={"name": "eth0", "mtu": "1300"}) == [
        "ip link set dev far down", "ip link set dev eth0 mtu 1300"]


def test_a_vxlan_device_made_anew_keeps_what_stood_on_it(node):
    node.run("""
        ip link add vtep type vxlan id 7 dstport 4789 local 192.0.2.11 dev eth0
        ip link set vtep up
        ip address add 203.0.113.1/32 dev vtep
        ip route add 203.0.113.128/25 via 203.0.113.9 dev vtep onlink
        ip neighbour add 203.0.113.9 lladdr 02:00:5e:10:00:09 dev vtep nud permanent
        bridge fdb add 02:00:5e:10:00:09 dst 192.0.2.12 dev vtep self permanent
        """)
    commands = done(node, "vxlan", name="vtep", vni=8)
    assert commands[:2] == ["ip link delete dev vtep", "ip link add name vtep type vxlan id 8 dstport 4789 learning"]
    assert "id 8" in node.run("ip -d link show vtep")
    assert "203.0.113.1/32" in node.run("ip address show vtep")
    assert "203.0.113.128/25 via 203.0.113.9 dev vtep" in node.run("ip route")
    assert "02:00:5e:10:00:09" in node.run("ip neighbour show dev vtep nud permanent")
    assert "dst 192.0.2.12" in node.run("bridge fdb show dev vtep")


def test_a_route_moves_to_the_device_of_its_new_gateway(node):
    done(node, "route", dst="203.0.113.0/24", via="192.0.2.1")
    assert done(node, "route", dst="203.0.113.0/24", via="198.51.100.9") == [
        "ip route replace 203.0.113.0/24 via 198.51.100.9 proto 4 scope global"]
    assert json.loads(node.run("ip -j route show 203.0.113.0/24"))[0]["dev"] == "far"
    done(node, "route", dst="203.0.113.0/24", via="198.51.100.9", metric=5)
    assert done(node, "route", dst="203.0.113.0/24", state="absent") == ["ip route delete 203.0.113.0/24 via 198.51.100.9 dev far proto 4 scope global"]
    assert "metric 5" in node.run("ip route show 203.0.113.0/24")


def test_the_flood_list_has_several_destinations_and_a_mac_one(node):
    node.run("ip link add vtep type vxlan id 7 dstport 4789 local 192.0.2.11 dev eth0")
    flood = {"dev": "vtep", "mac": "00:00:00:00:00:00"}
    for last in (12, 13):
        done(node, "vxlan_fdb", dst="192.0.2.%d" % last, **flood)
    done(node, "vxlan_fdb", dst="192.0.2.12", state="absent", **flood)
    assert [entry["dst"] for entry in json.loads(node.run("bridge -j fdb show dev vtep"))] == ["192.0.2.13"]
    done(node, "vxlan_fdb", dev="vtep", mac="02:00:5e:10:00:09", dst="192.0.2.12", port=4789)  # the device's own port: the same as none
    assert done(node, "vxlan_fdb", dev="vtep", mac="02:00:5e:10:00:09", dst="192.0.2.13") == [
        "bridge fdb replace 02:00:5e:10:00:09 dev vtep dst 192.0.2.13 self permanent"]


def test_a_neighbour_takes_the_place_of_a_learned_one(node):
    node.run("ip neighbour add 192.0.2.9 lladdr 02:00:5e:10:00:08 dev eth0 nud reachable")
    assert done(node, "neighbour", dev="eth0", address="192.0.2.9", mac="02:00:5e:10:00:09")
    assert "02:00:5e:10:00:09 PERMANENT" in node.run("ip neighbour show 192.0.2.9")


def test_two_devices_may_be_in_one_prefix(node):
    assert done(node, "address", dev="far", address="192.0.2.12/24")


def test_rules_that_stay_keep_their_counters_and_their_place(node):
    done(node, "iptables", chain="BLUE", rules=["-s 192.0.2.1 -j ACCEPT", "-s 192.0.2.2 -j ACCEPT"])
    node.run("iptables-save -c | sed 's/^.0:0. -A BLUE -s 192.0.2.2/[5:420] -A BLUE -s 192.0.2.2/' | iptables-restore -c")
    assert done(node, "iptables", chain="BLUE", rules=["-s 192.0.2.3 -j ACCEPT", "-s 192.0.2.2 -j ACCEPT", "-j DROP"]) == [
        "iptables -t filter -A BLUE -j DROP",
        "iptables -t filter -D BLUE 1",
        "iptables -t filter -I BLUE 1 -s 192.0.2.3/32 -j ACCEPT"]
    assert "[5:420] -A BLUE -s 192.0.2.2/32 -j ACCEPT" in node.run("iptables-save -c")
    node.run("iptables -A FORWARD -j ACCEPT")
    done(node, "iptables", chain="FORWARD", rule="-j BLUE", position="first")
    assert node.module("iptables", chain="FORWARD", rule="-j BLUE", position="last")["changed"] is False
    done(node, "iptables", chain="FORWARD", rule="-j DROP")
    assert node.run("iptables -S FORWARD").splitlines()[1:] == ["-A FORWARD -j BLUE", "-A FORWARD -j ACCEPT", "-A FORWARD -j DROP"]


def test_a_chain_that_another_jumps_to_stays(node):
    done(node, "iptables", chain="BLUE", rules=["-j DROP"])
    node.run("iptables -A FORWARD -j BLUE")
    before = node.snapshot()
    for check in (True, False):
        answer = node.module("iptables", check=check, chain="BLUE", state="absent")
        assert answer["failed"] and answer["msg"] == (
            "iptables chain BLUE of table filter would go, and a rule of chain FORWARD that stays sends packets there: -j BLUE; "
            "delete that rule first")
    assert node.snapshot() == before


def test_a_failure_in_the_middle_puts_back_what_was_done(node):
    holder = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 4789)); print('bound', flush=True); time.sleep(60)"
    with subprocess.Popen(node.enter(sys.executable, "-c", holder), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "bound\n"
            before = node.snapshot()
            answer = node.module("vxlan", name="vtep", vni=7)
            assert answer["failed"] and answer["rolled_back"] is True
            assert answer["msg"] == ("change link vtep: Address already in use. Nothing is changed: what was done before it is put back")
            assert node.snapshot() == before
        finally:
            process.kill()


def test_a_bridge_keeps_its_mtu_when_ports_come_and_go(node):
    for mtu in ("1400", "1500"):
        commands = done(node, "bridge", name="br1", mtu=mtu)
        node.run("ip link add small mtu 1300 master br1 type veth peer name small-end")
        assert node.module("bridge", name="br1", mtu=mtu)["changed"] is False
        node.run("ip link delete small")
        assert node.module("bridge", name="br1", mtu=mtu)["changed"] is False
        done(node, "bridge", name="br1", state="absent")
        node.run(";".join(commands))
        node.run("ip link add small mtu 1300 master br1 type veth peer name small-end")
        assert node.module("bridge", name="br1", mtu=mtu)["changed"] is False
        node.run("ip link delete small; ip link delete br1")


def test_check_mode_does_without_a_tool_that_is_missing(node):
    node.run("mount --bind /dev/null $(readlink -f /usr/sbin/iptables)")
    missing = {"changed": True, "missing": ["iptables"], "prediction": "partial"}
    for options in ({"rules": ["-j DROP"]}, {"state": "absent"}):
        answer = node.module("iptables", check=True, chain="BLUE", **options)
        assert {key: answer.get(key) for key in missing} == missing
        answer = node.module("iptables", chain="BLUE", **options)
        assert answer["failed"] and answer["msg"] == "missing on this node: iptables; install iptables first"
