# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weave's encryption by the kernel's WireGuard, on machines of which one has none: nothing can be read or made up on the underlay, another password
costs no packet, and a machine that restarts is back without a run."""

import json
import os
import subprocess
import time

import pytest
from lab_host import capture, underlay
from runs import NODES, SITE, TEARDOWN, on, pods, stats, succeeded
from vms import named, up
from weave_node import forged, forged_arrives, readable

WEAVE = {"fabric_backend": "weave", "weave_password": "the first of two", "weave_dns": False}
# Longer than a session keeps its keys (REKEY_AFTER_TIME, 120 s).
ANOTHER_KEY = 150
WITHOUT = "rmmod wireguard 2>/dev/null || true; echo install wireguard /bin/false > /etc/modprobe.d/no-wireguard.conf"
LEFT = ("ip -o link show dev sleeve 2>/dev/null || true; iptables-save | grep WEAVE || true; ls -d /etc/clusternet /run/wireguard 2>/dev/null || true; "
        "pgrep -a wireguard-go || true")


@pytest.fixture(scope="module", name="vms")
def fixture_vms():
    with named() if os.environ.get("CLUSTERNET_VMS_NAME") else up(suffix="wenc") as vms:
        on(vms, "node3", WITHOUT)
        yield vms


@pytest.fixture(autouse=True)
def machines(vms, monkeypatch):
    monkeypatch.setenv("CLUSTERNET_LAB_NAME", vms.name)


def site(vms, *options, **variables):
    run = vms.playbook(SITE, "-e", json.dumps(dict(WEAVE, **variables)), *options)
    succeeded(run)
    return run


def test_a_dry_run_says_what_is_to_come(vms):
    site(vms, "--check")
    assert on(vms, "node1", "ls -d /etc/clusternet 2>/dev/null || true") == ""


def test_each_node_takes_what_its_kernel_has(vms):
    site(vms)
    kinds = {node: json.loads(on(vms, node, "ip -j -d link show dev sleeve"))[0]["linkinfo"]["info_kind"] for node in NODES}
    assert kinds == {"node1": "wireguard", "node2": "wireguard", "node3": "tun"}
    assert stats(site(vms, "--skip-tags", "verify"), "changed") == dict.fromkeys(NODES, 0)


@pytest.mark.parametrize("target", ["node2", "node3"])
def test_the_underlay_sees_nothing_of_it(vms, target):
    addresses = pods(vms)
    ends = [addresses["node1", "a"], addresses[target, "a"]]
    with capture(target, "-X udp") as lines:
        on(vms, "node1", "ip netns exec a ping -n -c 5 -i 0.2 -W 5 -p %s %s" % (readable().hex(), ends[1]))
    text = "".join(line[-16:].strip() for line in lines)
    assert readable().decode() not in text and not any(".6784:" in line for line in lines)
    assert sum(".6783: " in line for line in lines) >= 10


@pytest.mark.parametrize("target", ["node1", "node3"])
def test_what_somebody_makes_up_reaches_no_pod(vms, target):
    nodes = {name: json.loads(on(vms, name, "ip -j -4 route get 198.18.32.2"))[0]["prefsrc"] for name in (target, "node2")}
    assert not forged_arrives(vms.host(target), underlay("router"), forged(nodes["node2"], nodes[target], pods(vms)[target, "a"]))


def test_another_password_costs_no_packet(vms):
    addresses, logs = pods(vms), {}
    for target in ("node2", "node3"):
        command = "ip netns exec a ping -n -q -i 0.2 -W 5 -w %d %s" % (ANOTHER_KEY + 240, addresses[target, "a"])
        logs[target] = subprocess.Popen(vms.command("node1", "sh", "-c", command), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    before = on(vms, "node1", "cat /etc/clusternet/fabric/sleeve.psk")
    site(vms, "--skip-tags", "verify", weave_password="the second of two")
    changed = int(on(vms, "node1", "date +%s"))
    assert on(vms, "node1", "cat /etc/clusternet/fabric/sleeve.psk") != before
    time.sleep(ANOTHER_KEY)
    agreed = [int(line.split()[1]) for line in on(vms, "node1", "wg show sleeve latest-handshakes").splitlines()]
    on(vms, "node1", "pkill -INT ping")
    for target, process in logs.items():
        told = process.communicate(timeout=60)[0]
        print("node1 to %s: %s" % (target, told.strip().splitlines()[-2:]))
        assert " 0% packet loss" in told
    assert len(agreed) == 2 and min(agreed) > changed
    assert stats(site(vms, "--skip-tags", "verify", weave_password="the second of two"), "changed") == dict.fromkeys(NODES, 0)


@pytest.mark.parametrize("node", ["node2", "node3"])
def test_a_machine_that_restarts_is_back_without_a_run(vms, node):
    address = pods(vms)[node, "a"]  # before it goes: afterwards there may be no pod yet to ask
    vms.cut(node)
    vms.start(node)
    on(vms, "node1", "ip netns exec a ping -n -q -c 1 -w 120 %s" % address)


def test_nothing_is_left(vms):
    succeeded(vms.playbook(TEARDOWN))
    assert {node: on(vms, node, LEFT) for node in NODES} == dict.fromkeys(NODES, "")
