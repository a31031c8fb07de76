# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node holds the objects of Calico's recipe, and only what has to passes in VXLAN."""

import pytest
from calico_node import blocks, check_pods
from flannel_node import pings, pod_address, rules, vtep_mac
from lab_host import capture, in_pod, node, run_json

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.16.13"}
SIDE_BY_SIDE = ("node1", "node2")


def behind_the_router(name):
    return [peer for peer in NODES if peer != name and (peer in SIDE_BY_SIDE) != (name in SIDE_BY_SIDE)]


def vtep(name):
    return blocks(name)[0].partition("/")[0]


def test_systemd_is_well(host):
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""


def test_pods_are_routed_to(host, name):
    check_pods(host, name, 1450)


def test_what_is_in_no_pod_ends_here(host, name):
    assert [route["dst"] for route in run_json(host, "ip -4 -j route show type blackhole proto 160")] == blocks(name)


def test_the_tunnel(host, name):
    link = run_json(host, "ip -j -d link show dev vxlan.calico")[0]
    data = link["linkinfo"]["info_data"]
    assert (data["id"], data["port"], data["learning"], data["local"], data["link"]) == (4096, 4789, False, NODES[name], "eth0")
    assert (link["mtu"], link["address"]) == (1450, vtep_mac(name))
    fdb = {(entry["mac"], entry["dst"]) for entry in run_json(host, "bridge -j fdb show dev vxlan.calico") if "dst" in entry}
    assert fdb == {(vtep_mac(peer), NODES[peer]) for peer in behind_the_router(name)}


def test_a_peer_is_a_gateway_or_behind_the_tunnel(host, name):
    far = behind_the_router(name)
    routes = [route for route in run_json(host, "ip -4 -j route show proto 160") if "gateway" in route]
    assert {(route["dst"], route["gateway"], route["dev"]) for route in routes} == {
        (blocks(peer)[0], vtep(peer), "vxlan.calico") if peer in far else (blocks(peer)[0], address, "eth0")
        for peer, address in NODES.items() if peer != name
    }


def test_masquerade_and_the_guard_of_the_tunnel(host, name):
    assert rules(host, "nat", "cali-nat-outgoing")[1:] == [
        "-A cali-nat-outgoing -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE"]
    assert rules(host, "filter", "cali-INPUT")[1:] == [
        "-A cali-INPUT -p udp -m udp --dport 4789 -m addrtype --dst-type LOCAL -m set ! --match-set cali40all-vxlan-net src -j DROP"]
    members = host.check_output("ipset save cali40all-vxlan-net").splitlines()[1:]
    assert sorted(line.split()[-1] for line in members) == sorted(address for peer, address in NODES.items() if peer != name)


@pytest.mark.parametrize("source, target, way", [("node1", "node2", "plain"), ("node1", "node3", "tunnelled"), ("node3", "node2", "tunnelled")])
def test_only_what_has_to_is_tunnelled(source, target, way):
    assert pings(source, target, "udp dst port 4789") == {"plain": 0, "tunnelled": 0, way: 10}


def test_a_packet_to_nobody_does_not_circle():
    """It would come back to the router that the node has for what it does not know."""
    nobody = blocks("node2")[0].replace(".0/26", ".60")
    with capture("node2", "icmp and host %s" % nobody) as lines:
        assert node("node1").run(in_pod("a", "ping -n -c 1 -W 2 %s" % nobody)).rc == 1
    assert len(lines) == 1, lines


def test_a_pods_unit_is_reached_from_another_node(name):
    other = next(peer for peer in NODES if peer != name)
    fetch = "import urllib.request as r; print(r.urlopen('http://%s/GPL-3', timeout=5).status)" % pod_address(name, "a")
    assert node(other).check_output(in_pod("b", 'python3 -c "%s"' % fetch)) == "200"
