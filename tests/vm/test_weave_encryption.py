# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weave's encryption between machines, by the kernel's WireGuard, of which one has none, and by the kernel's ESP: nothing can be read or made up on
the underlay, another password costs no packet, and a machine that restarts is back without a run."""

import itertools
import json
import os
import re
import subprocess
import time

import pytest
from lab_host import capture, underlay
from runs import NODES, SITE, TEARDOWN, eventually, on, pods, stats, succeeded
from vms import named, up
from weave_node import forged, forged_arrives, readable

WEAVE = {"fabric_backend": "weave", "weave_password": "the first of two", "weave_dns": False}
# Longer than WireGuard keeps its keys (REKEY_AFTER_TIME, 120 s), and than what has sessions of IKE agreed on by another password waits.
ANOTHER_KEY = 150
WITHOUT = "rmmod wireguard 2>/dev/null || true; echo install wireguard /bin/false > /etc/modprobe.d/no-wireguard.conf"
LEFT = ("ip -o link show dev sleeve 2>/dev/null || true; iptables-save | grep WEAVE || true; ls -d /etc/clusternet /run/wireguard 2>/dev/null || true; "
        "pgrep -a wireguard || true; pgrep -a charon || true; ip xfrm state; ip xfrm policy; ls -d /etc/systemd/system/clusternet-* 2>/dev/null || true; "
        "cat /proc/sys/net/core/xfrm_acq_expires")
SOCKET = "--uri unix:///run/charon.clusternet-fabric.vici"
# What a node has of each session: its SPI and what it is encrypted by, with a digest of the key instead of the key.
STATES = """ip xfrm state | awk '$1 == "src" { ends = $2 " " $4 } $2 == "esp" { spi = $4 } $1 == "aead" { print ends, spi, $2, $3 }' |
while read source target spi name key; do echo $source $target $spi "$name" $(echo $key | sha256sum | cut -c1-16); done"""


class Sleeve:
    """What differs between the ways: how its packets look on the underlay, where its secret is, what runs, how a node comes to send past it and to have
    another key than the rest, and when sessions were agreed on last, by the clock of node1."""

    variables, secret, daemon, under_way = {"weave_encryption": "sleeve"}, "sleeve.psk", "wireguard-go", 0
    past = "bridge fdb append 00:00:00:00:00:00 dev vxlan-6784 dst %s; ip netns exec a ip neigh flush dev eth0"
    back = "bridge fdb delete 00:00:00:00:00:00 dev vxlan-6784 dst %s"
    outside = """routes=$(ip route show dev sleeve)
for peer in $(wg show sleeve peers); do head -c 32 /dev/zero | base64 | wg set sleeve peer $peer preshared-key /dev/stdin; done
ip link set sleeve down; ip link set sleeve up
echo "$routes" | while read route; do ip route add $route dev sleeve; done"""

    @staticmethod
    def encrypted(line):
        return ".6783: " in line

    @staticmethod
    def agreed(vms):
        return [int(line.split()[1]) for line in on(vms, "node1", "wg show sleeve latest-handshakes").splitlines()]

    @staticmethod
    def stands(vms):
        kinds = {node: json.loads(on(vms, node, "ip -j -d link show dev sleeve"))[0]["linkinfo"]["info_kind"] for node in NODES}
        assert kinds == {"node1": "wireguard", "node2": "wireguard", "node3": "tun"}


class Esp:
    # The node that answers sends by the new session before the one that began has it.
    variables, secret, daemon, under_way = {"weave_encryption": "esp"}, "ike.secrets", "charon-systemd", 1
    # The daemon takes its policies with it.
    past = "systemctl stop clusternet-ike@fabric.service; test -z \"$(ip xfrm policy; ip xfrm state)\" # %s"
    back = "systemctl start clusternet-ike@fabric.service # %s"
    outside = "sed -i 's/0s.*/0sAAAA/' /etc/clusternet/fabric/ike.secrets; systemctl restart clusternet-ike@fabric.service"

    @staticmethod
    def encrypted(line):
        return ": ESP(spi=0x" in line

    @staticmethod
    def agreed(vms):
        now = int(on(vms, "node1", "date +%s"))
        shown = on(vms, "node1", "swanctl --list-sas %s 2>/dev/null" % SOCKET)
        return [now - int(line.split()[1].rstrip("s")) for line in shown.splitlines() if line.strip().startswith("established")]

    @staticmethod
    def stands(vms):
        addresses = underlay_addresses(vms)
        states = {node: {tuple(line.split()) for line in on(vms, node, STATES).splitlines()} for node in NODES}
        sessions = set().union(*states.values())
        assert {session[:2] for session in sessions} == set(itertools.permutations(addresses.values(), 2))
        # Both ends have the same; no SPI and no key is that of another pair or direction.
        for node, found in states.items():
            assert found == {session for session in sessions if addresses[node] in session[:2]}
        assert {session[3] for session in sessions} == {"rfc4106(gcm(aes))"}
        assert len(sessions) == len({session[2] for session in sessions}) == len({session[4] for session in sessions}) >= 6


@pytest.fixture(scope="module", name="machines")
def fixture_machines():
    with named() if os.environ.get("CLUSTERNET_VMS_NAME") else up(suffix="wenc") as vms:
        on(vms, "node3", WITHOUT)
        yield vms


@pytest.fixture(scope="module", params=[Sleeve, Esp], name="way")
def fixture_way(request):
    """All tests by one way, then all by the other."""
    return request.param


@pytest.fixture(name="vms")
def fixture_vms(machines, way, monkeypatch):
    monkeypatch.setenv("CLUSTERNET_LAB_NAME", machines.name)
    return machines


def reached(vms, address, seconds=90, count=1):
    """Wait until node1's pod has an answer to each of so many pings in a row. A ping that is told to wait itself ends when ARP has no answer."""
    command = ("ip", "netns", "exec", "a", "ping", "-n", "-q", "-W", "1", "-i", "0.2", "-c", str(count), address)
    eventually(lambda: " 0% packet loss" in vms.shell("node1", "--", *command).stdout, seconds)


def site(vms, way, *options, **variables):
    run = vms.playbook(SITE, "-e", json.dumps(dict(WEAVE, **way.variables, **variables)), *options)
    succeeded(run)
    return run


def test_a_dry_run_says_what_is_to_come(vms, way):
    site(vms, way, "--check")
    assert on(vms, "node1", "ls -d /etc/clusternet 2>/dev/null || true") == ""


def test_all_is_proved_and_a_second_run_changes_nothing(vms, way):
    site(vms, way)
    assert stats(site(vms, way, "--skip-tags", "verify"), "changed") == dict.fromkeys(NODES, 0)


def test_it_is_encrypted_by_what_was_asked_for(vms, way):
    way.stands(vms)


@pytest.mark.parametrize("target", ["node2", "node3"])
def test_the_underlay_sees_nothing_of_it(vms, way, target):
    addresses = pods(vms)
    ends = [addresses["node1", "a"], addresses[target, "a"]]
    with capture(target, "-X udp or proto 50") as lines:
        on(vms, "node1", "ip netns exec a ping -n -c 5 -i 0.2 -W 5 -p %s %s" % (readable().hex(), ends[1]))
    text = "".join(line[-16:].strip() for line in lines)
    assert readable().decode() not in text and not any(".6784:" in line for line in lines)
    assert sum(map(way.encrypted, lines)) >= 10


@pytest.mark.parametrize("target", ["node1", "node3"])
def test_what_somebody_makes_up_reaches_no_pod(vms, target):
    nodes = underlay_addresses(vms)
    assert not forged_arrives(vms.host(target), underlay("router"), forged(nodes["node2"], nodes[target], pods(vms)[target, "a"]))


def underlay_addresses(vms):
    return {name: json.loads(on(vms, name, "ip -j -4 route get 198.18.32.2"))[0]["prefsrc"] for name in NODES}


def test_nothing_leaves_past_it(vms, way):
    """Not where somebody would have it so, or the daemon is gone."""
    address, node2 = pods(vms)["node2", "a"], underlay_addresses(vms)["node2"]
    on(vms, "node1", way.past % node2)
    with capture("node1", "udp port 6784") as lines:
        vms.shell("node1", "--", "ip", "netns", "exec", "a", "ping", "-n", "-c", "3", "-i", "0.3", "-W", "1", address)
    on(vms, "node1", way.back % node2)
    assert not lines
    reached(vms, address)


def test_a_daemon_that_dies_is_back(vms, way):
    address = pods(vms)["node3", "a"]
    dead = on(vms, "node3", "pgrep -x %s; pkill -KILL -x %s" % (way.daemon, way.daemon)).strip()
    # What is left of it in the kernel may carry packets until the peers notice.
    eventually(lambda: vms.shell("node3", "--", "pgrep", "-x", way.daemon).stdout.strip() not in ("", dead), 60)
    reached(vms, address, 120, count=20)


@pytest.mark.parametrize("way", [Esp], indirect=True)
def test_another_key_within_a_session_costs_no_packet(vms, way):
    """As every hour. WireGuard's come every two minutes, and so while another password is waited for."""
    address, before = pods(vms)["node3", "a"], set(on(vms, "node1", STATES).splitlines())
    command = vms.command("node1", "sh", "-c", "ip netns exec a ping -n -q -i 0.01 -c 2000 -W 5 %s" % address)
    ping = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    for dummy in range(3):
        time.sleep(3)
        on(vms, "node1", "swanctl --rekey --child vxlan " + SOCKET)
    counted = ping.communicate(timeout=120)[0]
    assert " 2000 received" in counted and " 0% packet loss" in counted, counted
    # The old ones stay for what is under way, and go.
    eventually(lambda: not before & set(on(vms, "node1", STATES).splitlines()), 30)
    way.stands(vms)


def test_another_password_costs_no_packet(vms, way):
    addresses, logs = pods(vms), {}
    for target in ("node2", "node3"):
        command = "timeout %d ip netns exec a ping -n -i 0.2 -W 5 %s" % (ANOTHER_KEY + 240, addresses[target, "a"])
        logs[target] = subprocess.Popen(vms.command("node1", "sh", "-c", command), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    read = "cat /etc/clusternet/fabric/" + way.secret
    before = on(vms, "node1", read)
    site(vms, way, "--skip-tags", "verify", weave_password="the second of two")
    changed = int(on(vms, "node1", "date +%s"))
    assert on(vms, "node1", read) != before
    time.sleep(ANOTHER_KEY)
    agreed = way.agreed(vms)
    on(vms, "node1", "pkill -INT ping")
    for target, process in logs.items():
        answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ", process.communicate(timeout=60)[0])}
        # What came after the last answer was still on its way when ping ended.
        lost = set(range(1, max(answered) + 1)) - answered
        print("node1 to %s: %d of %d lost" % (target, len(lost), max(answered)))
        assert max(answered) > ANOTHER_KEY / 0.2 and len(lost) <= way.under_way
    # Two nodes that began at the same moment have two sessions, of which the newer is used.
    assert len(agreed) >= 2 and min(agreed) > changed
    assert stats(site(vms, way, "--skip-tags", "verify", weave_password="the second of two"), "changed") == dict.fromkeys(NODES, 0)


def test_a_node_with_another_key_has_no_part_in_it(vms, way):
    address = pods(vms)["node2", "a"]
    on(vms, "node1", way.outside)
    alone = vms.shell("node1", "--", "ip", "netns", "exec", "a", "ping", "-n", "-q", "-c", "10", "-i", "1", "-W", "1", address)
    assert "100% packet loss" in alone.stdout
    site(vms, way, "--skip-tags", "verify", weave_password="the second of two")
    reached(vms, address)


def test_trusted_nodes_send_as_it_is(vms, way):
    nodes, addresses = underlay_addresses(vms), pods(vms)
    trusted = {"weave_password": "the second of two", "weave_trusted_subnets": [nodes[node] + "/32" for node in ("node1", "node2")]}
    site(vms, way, **trusted)
    for target, plain in (("node2", True), ("node3", False)):
        with capture(target, "-X udp or proto 50") as lines:
            on(vms, "node1", "ip netns exec a ping -n -c 5 -i 0.2 -W 5 -p %s %s" % (readable().hex(), addresses[target, "a"]))
        assert (readable().decode() in "".join(line[-16:].strip() for line in lines)) is plain
        assert any(".6784:" in line and nodes["node1"] in line for line in lines) is plain
    site(vms, way, weave_password="the second of two")


@pytest.mark.parametrize("node", ["node2", "node3"])
def test_a_machine_that_restarts_is_back_without_a_run(vms, node):
    address = pods(vms)[node, "a"]  # before it goes: afterwards there may be no pod yet to ask
    vms.cut(node)
    vms.start(node)
    reached(vms, address, 120)


def test_nothing_is_left(vms):
    succeeded(vms.playbook(TEARDOWN))
    assert {node: on(vms, node, LEFT) for node in NODES} == dict.fromkeys(NODES, "30\n")
