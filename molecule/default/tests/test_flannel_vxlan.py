# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node holds the objects of flannel's recipe, and what passes between nodes is VXLAN."""

import ipaddress

import pytest
from flannel_node import CLUSTER, pings, pod_address, rules, subnet, subnet_env, vtep_mac
from lab_host import in_pod, node, run_json

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.16.13"}


def peers(name):
    return {peer: address for peer, address in NODES.items() if peer != name}


def test_systemd_is_well(host):
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""


def test_subnet_env(host):
    content = subnet_env(host)
    assert content["FLANNEL_NETWORK"] == CLUSTER
    assert content["FLANNEL_MTU"] == "1450"
    assert content["FLANNEL_IPMASQ"] == "true"
    assert ipaddress.ip_interface(content["FLANNEL_SUBNET"]).network.subnet_of(ipaddress.ip_network(CLUSTER))


def test_vxlan_device(host, name):
    link = run_json(host, "ip -j -d link show dev flannel.1")[0]
    data = link["linkinfo"]["info_data"]
    assert (data["id"], data["port"], data["learning"], data["local"], data["link"]) == (1, 8472, False, NODES[name], "eth0")
    assert (link["mtu"], link["address"]) == (1450, vtep_mac(name))
    assert "UP" in link["flags"]
    addresses = run_json(host, "ip -4 -j address show dev flannel.1")[0]["addr_info"]
    assert [(address["local"], address["prefixlen"]) for address in addresses] == [(str(subnet(name)[0]), 32)]
    assert host.file("/proc/sys/net/ipv6/conf/flannel.1/accept_ra").content_string.strip() == "0"


def test_a_peer_is_a_neighbour_an_fdb_entry_and_an_onlink_route(host, name):
    neighbours = run_json(host, "ip -4 -j neigh show dev flannel.1 nud permanent")
    assert {(entry["dst"], entry["lladdr"]) for entry in neighbours} == {(str(subnet(peer)[0]), vtep_mac(peer)) for peer in peers(name)}
    fdb = [entry for entry in run_json(host, "bridge -j fdb show dev flannel.1") if "dst" in entry]
    assert {(entry["mac"], entry["dst"], entry["state"]) for entry in fdb} == {
        (vtep_mac(peer), address, "permanent") for peer, address in peers(name).items()
    }
    routes = run_json(host, "ip -4 -j route show dev flannel.1 proto 160")
    assert {(route["dst"], route["gateway"], tuple(route["flags"])) for route in routes} == {
        (str(subnet(peer)), str(subnet(peer)[0]), ("onlink",)) for peer in peers(name)
    }


def test_pods_hang_on_the_bridge(host, name):
    bridge = run_json(host, "ip -j -d address show dev cni0")[0]
    assert bridge["mtu"] == 1450
    assert (str(subnet(name)[1]), subnet(name).prefixlen) in [(entry["local"], entry["prefixlen"]) for entry in bridge["addr_info"]]
    ports = run_json(host, "ip -j -d link show master cni0")
    assert len(ports) == 2
    assert all(port["linkinfo"]["info_slave_data"]["hairpin"] for port in ports)
    for pod in ("a", "b"):
        assert ipaddress.ip_address(pod_address(name, pod)) in subnet(name)
        assert run_json(host, in_pod(pod, "ip -j link show dev eth0"))[0]["mtu"] == 1450
        assert run_json(host, in_pod(pod, "ip -4 -j route show default"))[0]["gateway"] == str(subnet(name)[1])


def test_masquerade_and_forward_chains(host, name):
    own = subnet(name)
    assert rules(host, "nat", "FLANNEL-POSTRTG") == [
        "-N FLANNEL-POSTRTG",
        "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN",
        "-A FLANNEL-POSTRTG -s %s -d %s -j RETURN" % (own, CLUSTER),
        "-A FLANNEL-POSTRTG -s %s -d %s -j RETURN" % (CLUSTER, own),
        "-A FLANNEL-POSTRTG ! -s %s -d %s -j RETURN" % (CLUSTER, own),
        "-A FLANNEL-POSTRTG -s %s ! -d 224.0.0.0/4 -j MASQUERADE" % CLUSTER,
        "-A FLANNEL-POSTRTG ! -s %s -d %s -j MASQUERADE" % (CLUSTER, CLUSTER),
    ]
    assert "-j FLANNEL-POSTRTG" in host.check_output("iptables -t nat -S POSTROUTING").splitlines()[-1]
    assert "-j FLANNEL-FWD" in host.check_output("iptables -S FORWARD").splitlines()[-1]


def test_a_pods_unit_runs_inside_it_and_is_reached_from_another_node(host, name):
    assert host.service("clusternet-fabric-a.service").is_running
    other = next(iter(peers(name)))
    fetch = "import urllib.request as r; print(r.urlopen('http://%s/GPL-3', timeout=5).read().decode())" % pod_address(name, "a")
    assert "GNU GENERAL PUBLIC LICENSE" in node(other).check_output(in_pod("b", 'python3 -c "%s"' % fetch))


def test_a_pod_has_names(host, name):
    assert "%s a" % pod_address(name, "a") in host.file("/etc/netns/a/hosts").content_string
    assert host.file("/etc/netns/a/resolv.conf").exists


@pytest.mark.parametrize("source, target", [("node1", "node2"), ("node1", "node3")])
def test_between_nodes_it_is_udp_8472(source, target):
    assert pings(source, target) == {"tunnelled": 10, "plain": 0}
