# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod in two subnets: it is in both, nobody gets from one to the other by it, and it comes to a further one without losing a packet."""

import contextlib
import json
import os
import pathlib
import re

import pytest
from flannel_node import pod_address, rules
from lab import Lab
from lab_host import in_pod, node, run_json
from runs import SITE, differences, stats, succeeded

NODES = ("node1", "node2", "node3")
INVENTORY = pathlib.Path(__file__).parents[1] / "inventory/scenario.yml"
OUTSIDE = "198.18.32.2"


def addresses(name, pod):
    """{subnet: address} of a pod, in the kernel's order; what is not in the first is called dev."""
    found = [entry["local"] for entry in run_json(node(name), in_pod(pod, "ip -4 -j address show dev eth0"))[0]["addr_info"]]
    return {"dev" if int(address.split(".")[2]) >= 128 else "all": address for address in found}


def answering(host, pod, *pings):
    """Which of these, addresses with options of ping before them, are answered. All at once, since those that are not take their time."""
    one = "{ ping -n -q -c 2 -i 0.2 -W 1 %s >/dev/null && echo '%s'; } &"
    return host.check_output(in_pod(pod, 'sh -c "%s wait"' % " ".join(one % (ping, ping) for ping in pings))).splitlines()


def reaches(host, pod, *pings):
    """Whether it reaches all of them; it may not be some."""
    found = answering(host, pod, *pings)
    assert len(found) in (0, len(pings)), (pings, found)
    return bool(found)


def heard(*pods):
    """How many pings have come to these pods, (node, pod): one that comes to somebody and whose answer is dropped has come through."""
    count = 0
    for place, pod in pods:
        names_, values = [line.split() for line in node(place).check_output(in_pod(pod, "cat /proc/net/snmp")).splitlines() if line.startswith("Icmp:")]
        count += int(values[names_.index("InEchos")])
    return count


def dropped(host, pod):
    """How many packets of a pod were not from an address of its own."""
    found = [rule for rule in host.check_output("iptables -t filter -v -S WEAVE-SOURCES").splitlines() if link(host, pod) in rule and "-j DROP" in rule]
    assert len(found) == 1, found
    return int(re.search(r"-c (\d+) \d+", found[0]).group(1))


def link(host, pod):
    """The node's end of a pod's link."""
    number = int(re.search(r"eth0@if(\d+)", host.check_output(in_pod(pod, "ip -o link show dev eth0"))).group(1))
    return next(entry["ifname"] for entry in run_json(host, "ip -j link show") if entry["ifindex"] == number)


def test_it_is_in_both_and_the_first_is_its_own(host, name):
    own = addresses(name, "m")
    assert list(own) == ["all", "dev"]
    assert run_json(host, in_pod("m", "ip -j link show dev eth0"))[0]["address"] == "0a:58:" + ":".join("%02x" % int(part) for part in own["all"].split("."))
    for target, source in ((pod_address("node3", "a"), own["all"]), (pod_address("node3", "d"), own["dev"]), (OUTSIDE, own["all"])):
        assert run_json(host, in_pod("m", "ip -j route get " + target))[0]["prefsrc"] == source


def test_it_reaches_both_and_both_reach_it(host):
    both = {place: addresses(place, "m") for place in NODES}
    for pod, subnet in (("a", "all"), ("d", "dev")):
        assert reaches(host, "m", *[pod_address(place, pod) for place in NODES])
        # Neighbours in the second subnet as in the first: no hop between them.
        assert reaches(host, pod, *["-t 1 " + both[place][subnet] for place in NODES])
    assert reaches(host, "m", OUTSIDE, *[address for place in NODES for address in both[place].values()])


def test_a_second_address_has_the_pods_own_mac():
    host, target = node("node1"), addresses("node3", "m")["dev"]
    host.check_output(in_pod("d", "ip neigh flush dev eth0"))
    assert reaches(host, "d", target)
    mac = run_json(node("node3"), in_pod("m", "ip -j link show dev eth0"))[0]["address"]
    assert [entry["lladdr"] for entry in run_json(host, in_pod("d", "ip -j neigh show %s" % target))] == [mac]


def test_an_address_reaches_its_own_subnet_only(host, name):
    """Those who are asked would answer."""
    own, both = addresses(name, "m"), {place: addresses(place, "m") for place in NODES}
    everybody = [(place, pod) for place in NODES for pod in "adm"]
    before = heard(*everybody)
    for mine, pod in (("dev", "a"), ("all", "d")):
        assert not reaches(host, "m", *["-I %s %s" % (own[mine], pod_address(place, pod)) for place in NODES])
        # Nor is it reached at the address of the other one.
        assert not reaches(host, pod, *[both[place][mine] for place in NODES])
    assert heard(*everybody) == before


@contextlib.contextmanager
def changed(host, pod, change, undo):
    host.check_output(in_pod(pod, change))
    try:
        yield
    finally:
        host.check_output(in_pod(pod, undo))


@pytest.mark.parametrize("by", ("node1", "node3"))
def test_nobody_gets_through_it(by):
    """Neither by a pod in both that forwards, on the same node or on another one, whatever routes the others have."""
    host, through = node("node1"), addresses(by, "m")
    source, target = pod_address("node1", "d"), pod_address("node1", "a")
    forwarding = "sysctl -q -w net.ipv4.conf.eth0.forwarding=%s"
    was = node(by).check_output(in_pod("m", "sysctl -n net.ipv4.conf.eth0.forwarding"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(changed(node(by), "m", forwarding % 1, forwarding % was))
        stack.enter_context(changed(host, "d", "ip route add %s via %s" % (target, through["dev"]), "ip route delete " + target))
        stack.enter_context(changed(host, "a", "ip route add %s via %s" % (source, through["all"]), "ip route delete " + source))
        before = heard(("node1", "a"), ("node1", "d"))
        assert not reaches(host, "d", target) and not reaches(host, "a", source)
        assert heard(("node1", "a"), ("node1", "d")) == before


@pytest.mark.parametrize("address, length", [("10.244.100.1", 17), ("10.244.140.1", 20)])
def test_a_source_that_is_not_its_own_is_dropped(host, name, address, length):
    """In its own subnets, and off the link."""
    target = pod_address("node2", "a" if length == 17 else "d")
    before = dropped(host, "m")
    with changed(host, "m", "ip address add %s/%d dev eth0" % (address, length), "ip address delete %s/%d dev eth0" % (address, length)):
        came = heard(("node2", "a"), ("node2", "d"))
        assert not reaches(host, "m", "-I %s %s" % (address, target), "-I %s %s" % (address, OUTSIDE))
        assert heard(("node2", "a"), ("node2", "d")) == came
        # What is its own goes on.
        assert reaches(host, "m", target)
    assert dropped(host, "m") >= before + 4


def names(host, name):
    return {line.split()[0] for line in host.check_output(in_pod("b", "getent ahostsv4 " + name)).splitlines()}


def test_a_name_is_all_addresses_and_each_has_its_name(host, name):
    wanted = {address for place in NODES for address in addresses(place, "m").values()}
    assert len(wanted) == 6
    assert names(host, "m.weave.local") == names(host, "m") == wanted
    for address in wanted:
        assert host.check_output(in_pod("b", "getent hosts " + address)).split() == [address, "m.weave.local"]
    hosts = host.check_output("cat /etc/netns/m/hosts").splitlines()
    assert [line.split() for line in hosts[2:]] == [[address, "m"] for address in addresses(name, "m").values()]


def site(pools):
    """A run for node1 alone, where pod b has these pools; None: as everywhere."""
    pods = [{"name": "a"}, dict({"name": "b"}, **({"pools": pools} if pools else {})), {"name": "d", "pool": "dev"}, {"name": "m", "pools": ["all", "dev"]}]
    everywhere = [{"name": "a"}, {"name": "b"}, {"name": "d", "pool": "dev"}, {"name": "m", "pools": ["all", "dev"]}]
    text = "{{ %s if inventory_hostname == 'node1' else %s }}" % (json.dumps(pods), json.dumps(everywhere))
    return Lab(os.environ["CLUSTERNET_LAB_NAME"]).playbook(SITE, "-i", str(INVENTORY), "--skip-tags", "verify", "--limit", "node1",
                                                           "-e", json.dumps({"fabric_pods": text}))


@contextlib.contextmanager
def pinging(streams):
    """Twenty pings a second from each (node, pod) to each address meanwhile; how many of them were not answered is in what this gives, by stream."""
    lost = {}
    for place, pod, address in streams:
        node(place).check_output("ip netns exec %s ping -n -i 0.05 %s > /run/pools-%s-%s.log 2>&1 & echo $! > /run/pools-%s-%s.pid"
                                 % (pod, address, pod, address, pod, address))
    try:
        yield lost
    finally:
        for place, pod, address in streams:
            stem = "/run/pools-%s-%s" % (pod, address)
            said = node(place).check_output("sleep 0.2; kill -INT $(cat %s.pid); while kill -0 $(cat %s.pid) 2>/dev/null; do sleep 0.1; done; "
                                            "cat %s.log; rm %s.log %s.pid" % ((stem,) * 5))
            sent, answered = int(re.search(r"(\d+) packets transmitted", said).group(1)), set(map(int, re.findall(r"icmp_seq=(\d+) ttl", said)))
            assert sent > 40, said
            # The very last may have been on its way.
            lost[place, pod, address] = len(set(range(1, sent)) - answered)


def test_a_pod_comes_to_another_subnet_and_leaves_it_and_loses_nothing():
    host, lab = node("node1"), Lab(os.environ["CLUSTERNET_LAB_NAME"])
    own, target, other = pod_address("node1", "b"), pod_address("node3", "a"), pod_address("node3", "d")
    bridge = run_json(host, "ip -j link show dev weave")[0]["address"]
    streams = [("node1", "b", target), ("node3", "a", own), ("node1", "b", OUTSIDE), ("node1", "d", other)]
    before = lab.snapshot("node1")

    def moved(pools):
        with pinging(streams) as lost:
            succeeded(site(pools), ("node1",))
        assert lost == dict.fromkeys(streams, 0)
        assert set(stats(site(pools), "changed").values()) == {0}
        assert run_json(host, "ip -j link show dev weave")[0]["address"] == bridge
        assert list(addresses("node1", "b").values())[0] == own

    moved(["all", "dev"])
    assert reaches(host, "b", other) and reaches(node("node3"), "d", addresses("node1", "b")["dev"])
    moved(None)
    assert list(addresses("node1", "b")) == ["all"] and not reaches(host, "b", other)
    # But for when the name server was started.
    assert [line for line in differences(before, lab.snapshot("node1")) if "units.json" not in line] == []
    # To one in which the node has had nobody: it gets a block and an address there.
    moved(["all", "spare"])
    assert [entry["local"] for entry in run_json(host, "ip -4 -j address show dev weave")[0]["addr_info"]][-1] == "10.244.145.1"
    assert reaches(host, "b", "10.244.145.1") and not reaches(host, "b", other)
    moved(None)
    assert [rule for rule in rules(host, "filter", "WEAVE-SOURCES") if link(host, "b") in rule] == []
