# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node's BIRD is in session with every other and with the router, in either family, and what they tell one another is in the kernels."""

import json
import os
import pathlib
import time

import pytest
import yaml
from calico_node import blocks, check_pods, check_pods6
from flannel_node import pings, pod_address, rules
from lab import Lab
from lab_host import capture, in_pod, node, run_json, underlay
from runs import SITE, stats, succeeded
from traffic import pinging

INVENTORY = pathlib.Path(__file__).parents[1] / "inventory/scenario.yml"
SCENARIO = yaml.safe_load(INVENTORY.read_text())["fabric"]["vars"]
NODES = ("node1", "node2", "node3")
POOLS = {4: "10.244.0.0/16", 6: "fd00:10:244::/48"}
BLOCK = {4: "10.244.2.0/26", 6: "fd00:10:244:2::/122"}
BORROWED = {4: "10.244.2.40", 6: "fd00:10:244:2::28"}
# Of IPv6 a router that is side by side tells its link-local address, too, and that one is taken (RFC 2545).
ROUTER, BEHIND = {4: "198.18.0.1", 6: "fe80::c6ff:fe12:1"}, {4: "198.18.32.0/24", 6: "fd00:198:18:32::/64"}
OUTSIDE = {4: "198.18.32.1", 6: "fd00:198:18:32::1"}
ADDRESSES = {4: dict(zip(NODES, ("198.18.0.11", "198.18.0.12", "198.18.0.13"))), 6: dict(zip(NODES, ("fd00:198:18::11", "fd00:198:18::12", "fd00:198:18::13")))}
BIRDC = "birdc -s /run/clusternet-bird-fabric/bird.ctl "


@pytest.fixture(params=POOLS, ids=["IPv4", "IPv6"])
def family(request):
    return request.param


def held(name, family):
    return blocks(name, "6" if family == 6 else "")


def routes(host):
    return {(route["dst"], route["gateway"], route["dev"]) for family in POOLS for route in run_json(host, "ip -%d -j route show proto bird" % family)}


def expected(name):
    found = set()
    for family, addresses in ADDRESSES.items():
        found |= {(held(peer, family)[0], address, "eth0") for peer, address in addresses.items() if peer != name}
        found |= {(BEHIND[family], ROUTER[family], "eth0")} | ({(BORROWED[family], addresses["node1"], "eth0")} if name != "node1" else set())
    return found


def sessions(name):
    return int(node(name).check_output(BIRDC + "show protocols | grep -c Established"))


def test_pods_are_routed_to(host, name):
    check_pods(host, name, 1500)
    check_pods6(host, name)


def test_sessions_and_routes(host, name):
    assert sessions(name) == 6
    assert routes(host) == expected(name)
    assert not host.service("bird.service").is_running


def test_only_blocks_are_told(host, name):
    lines = [line.split() for line in host.check_output(BIRDC + "show route where source = RTS_BGP").splitlines()]
    told = {words[0].replace("/32", "").replace("/128", "") for words in lines if words and "/" in words[0]}
    assert told == {block for block, dummy, dummy in expected(name)}


def test_an_address_of_anothers_block_leads_to_its_pod(family):
    """That node too sends what it has for it to where the pod is."""
    assert held("node2", family) == [BLOCK[family]] and BORROWED[family] == pod_address("node1", "borrower", family)
    for name in NODES:
        node(name).check_output(in_pod("b", "ping -n -q -c 2 -i 0.2 -W 2 " + BORROWED[family]))


def test_a_router_of_another_as_learns_the_blocks_and_reaches_pods(family):
    """Nobody told it of them but BGP, and what is behind it comes through it to the pods."""
    there = {route["dst"]: route["gateway"] for route in run_json(underlay("router"), "ip -%d -j route show proto bird" % family)}
    assert there == dict({held(name, family)[0]: address for name, address in ADDRESSES[family].items()}, **{BORROWED[family]: ADDRESSES[family]["node1"]})
    outside = underlay("outside")
    outside.check_output("ip route replace %s via %s" % (POOLS[family], OUTSIDE[family]))
    try:
        for name in NODES:
            outside.check_output("ping -n -q -c 2 -i 0.2 -W 2 " + pod_address(name, "b", family))
    finally:
        outside.check_output("ip route del " + POOLS[family])


def test_rules_of_ipv6(host):
    assert rules(host, "nat", "cali-nat-outgoing", "ip6tables")[1:] == [
        "-A cali-nat-outgoing -m set --match-set cali60masq-ipam-pools src -m set ! --match-set cali60all-ipam-pools dst -j MASQUERADE"]
    assert rules(host, "filter", "cali-FORWARD", "ip6tables")[1:] == ["-A cali-FORWARD %s %s -j ACCEPT" % (way, POOLS[6]) for way in ("-s", "-d")]
    assert host.file("/proc/sys/net/ipv6/conf/all/forwarding").content_string.strip() == "1"


def test_the_password_is_nowhere_but_where_it_is_needed(host):
    (password,) = SCENARIO["calico_passwords"].values()
    found = host.check_output("grep -rlsF '%s' /etc/clusternet /etc/systemd /var/lib/clusternet /run/clusternet* || true" % password).split()
    assert found == ["/etc/clusternet/fabric/bird-passwords.conf"]
    file = host.file(found[0])
    assert (file.mode, file.user) == (0o400, "root")
    assert password not in host.check_output("journalctl --no-pager --output=cat; ps -ewwo args | grep -v -e grep -e journalctl")


def test_a_pod_sends_from_its_own_address_only(family):
    """Of IPv4 a sysctl sees to it, of IPv6 a rule. The address is another pod's, on another node."""
    host, own = node("node1"), pod_address("node1", "b", family)
    stolen, there = (pod_address("node2", pod, family) for pod in ("b", "a"))
    host.check_output(in_pod("b", "ip -n b address add %s/%d dev eth0%s" % (stolen, {4: 32, 6: 128}[family], " nodad" * (family == 6))))
    try:
        with capture("node2", "host " + stolen) as lines:
            assert host.run(in_pod("b", "ping -n -q -c 3 -i 0.2 -W 1 -I %s %s" % (stolen, there))).rc == 1
            host.check_output(in_pod("b", "ping -n -q -c 1 -W 2 -I %s %s" % (own, there)))
    finally:
        host.check_output("ip -n b address del %s dev eth0" % stolen)
    assert [line for line in lines if "echo request" in line] == []


def test_between_nodes_it_is_plain(family):
    assert pings("node1", "node3", family=family, cluster=POOLS[family]) == {"tunnelled": 0, "plain": 10}


def test_a_bird_that_dies_takes_no_packet_with_it():
    """It is back after a second, and meanwhile the others keep what it had told, by graceful restart."""
    host = node("node2")
    before = host.check_output("systemctl show --property=MainPID --value clusternet-bird@fabric.service")
    script = "".join("ping -n -q -i 0.05 -c 160 -W 1 %s & " % pod_address("node1", "a", family) for family in POOLS) + "sleep 1; kill -9 %s; wait" % before
    assert host.check_output("ip netns exec a sh -c '%s'" % script).count(" 0% packet loss") == 2
    assert host.check_output("systemctl show --property=MainPID --value clusternet-bird@fabric.service") not in ("0", before)
    until = time.monotonic() + 30
    while host.check_output(BIRDC + "show protocols").count("Established") < 6:
        assert time.monotonic() < until
        time.sleep(0.5)
    assert routes(host) == expected("node2")


# What becomes of the mesh, and of the reflector that comes in its place.
REFLECTOR = {
    "calico_mesh": False,
    "calico_peers": SCENARIO["calico_peers"] + [{"name": "reflector", "peer_labels": {"rr": "yes"}}],
    "fabric_labels": "{{ {'rr': 'yes'} if inventory_hostname == 'node1' else {} }}",
    "calico_reflector_cluster_id": "{{ '244.0.0.1' if inventory_hostname == 'node1' else '' }}",
}


@pytest.mark.parametrize("changes, wanted", [(REFLECTOR, {"node1": 6, "node2": 4, "node3": 4}), ({}, dict.fromkeys(NODES, 6))],
                         ids=["to a reflector", "back to the mesh"])
def test_sessions_become_others_and_no_packet_is_lost(changes, wanted):
    lab = Lab(os.environ["CLUSTERNET_LAB_NAME"])
    lab.segments = 1
    with pinging(lab) as of_ipv4, pinging(lab, family=6) as of_ipv6:
        run = lab.playbook(SITE, "-i", str(INVENTORY), "--skip-tags", "verify", "-e", json.dumps(changes))
    print(of_ipv4, of_ipv6)
    succeeded(run)
    assert set(stats(run, "changed").values()) != {0}
    assert {name: sessions(name) for name in NODES} == wanted
    assert of_ipv6.sent and (of_ipv4.lost, of_ipv6.lost) == (0, 0), (of_ipv4.gaps, of_ipv6.gaps)
    for name in NODES:
        assert routes(node(name)) == expected(name)
