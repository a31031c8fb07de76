# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that the engine did not make becomes a port of a bridge, with its addresses and routes, and gets them back; a connection that runs
over it lives on. A veth end stands in for the NIC."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest.mock

import engine_node
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine, gather, lockout
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, Invalid

pytestmark = pytest.mark.kernel

TRANSFER = pathlib.Path(__file__).parents[1] / "support" / "transfer.py"
# What a NIC may have: addresses with and without broadcast address, with a label, of a metric, secondary ones; routes of all makers.
NIC = """
ip netns add far
ip link add nic0 address 02:00:00:00:07:01 type veth peer name wire address 02:00:00:00:07:02 netns far
ip link set nic0 up
ip address add 192.0.2.11/24 brd + dev nic0
ip address add 192.0.2.12/24 dev nic0
ip address add 198.51.100.11/25 brd + dev nic0 label nic0:1
ip address add 203.0.113.1 peer 203.0.113.2/32 dev nic0
ip address add 2001:db8:1::11/64 dev nic0 nodad
ip route add default via 192.0.2.1 dev nic0 proto 16 src 192.0.2.11 metric 100
ip route add 198.18.0.0/15 via 192.0.2.1 dev nic0 mtu 1400
ip route add 10.9.0.0/16 nexthop via 192.0.2.1 dev nic0 weight 2 nexthop via 192.0.2.3 dev nic0
ip route add 10.10.0.0/16 dev nic0 table 77
ip route add 2001:db8:9::/48 via 2001:db8:1::1 dev nic0
ip -n far link set lo up
ip -n far link set wire up
ip -n far address add 192.0.2.1/24 dev wire
ip -n far address add 2001:db8:1::1/64 dev wire nodad
"""
PORT = {"name": "nic0", "master": "br0"}
DOCUMENT = {"bridge": [{"name": "br0"}], "bridge_port": [PORT]}


@pytest.fixture(name="node")
def node_():
    with engine_node.node(NIC):
        yield engine_node


@pytest.fixture(name="kindless")
def kindless_(monkeypatch):
    """The device has no kind, as a physical one, and the engine does not know of its far end."""
    def read_links(kernel, present, others, state, read=gather.read_links):
        read(kernel, present, others, state)
        for fields in [fields for key, fields in state["link"].items() if key == ("", "nic0")]:
            fields.pop("peer")
            fields["kind"] = ""

    monkeypatch.setattr(gather, "read_links", read_links)


@contextlib.contextmanager
def transfer(address="192.0.2.1"):
    """A connection to the far end; yields a function that waits until more records went there and back over it. It is never reset."""
    start = [sys.executable, str(TRANSFER)]
    with contextlib.ExitStack() as ended:
        processes = []
        for command in (["ip", "netns", "exec", "far"] + start + ["serve"], start + ["send", address]):
            process = ended.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            ended.callback(process.stdin.close)
            processes.append(process)
            assert process.stdout.readline() == "ready\n"

        def counted():
            processes[1].stdin.write("\n")
            processes[1].stdin.flush()
            answer = processes[1].stdout.readline()
            assert answer.strip().isdigit(), answer
            return int(answer)

        def goes_on():
            before, until = counted(), time.monotonic() + 20
            while counted() < before + 20:
                assert time.monotonic() < until, "the connection stands still"
                time.sleep(0.05)

        goes_on()
        before = resets()
        yield goes_on
        goes_on()
        assert resets() == before


def resets():
    """TCP connections that were reset or given up, on both sides."""
    found = []
    for netns in ("", "far"):
        with engine_node.inside(netns) if netns else contextlib.nullcontext():
            lines = pathlib.Path("/proc/thread-self/net/snmp").read_text(encoding="ascii").splitlines()
        tcp = dict(zip(*(line.split()[1:] for line in lines if line.startswith("Tcp:"))))
        found.append((tcp["EstabResets"], tcp["OutRsts"]))
    return found


def on(node, dev):
    return [entry["local"] for link in json.loads(node.sh("ip -j address show dev %s scope global" % dev)) for entry in link["addr_info"] if entry]


def never_without(commands, old, new):
    """Assert that every address and route is on the new device before it leaves the old one."""
    place = {line: number for number, line in enumerate(commands)}
    gone = [place[line] for line in place if line.startswith("ip address delete") and line.endswith("dev " + old)]
    gone += [place[line] for line in place if line.startswith("ip link delete") and line.endswith("dev " + old)]
    come = [place[line] for line in place if "dev " + new in line and line.startswith(("ip address add", "ip route", "ip -6 route"))]
    assert gone and len(come) == 10 and max(come) < min(gone), commands


def test_a_connection_lives_through_all_of_it(node):
    start, had = node.snapshot(), on(node, "nic0")
    with transfer() as goes_on:
        foretold = node.apply(DOCUMENT, check=True)
        assert node.differences(start, node.snapshot()) == []
        done = node.apply(DOCUMENT)
        assert done.after == foretold.after and done.commands() == foretold.commands()
        never_without(done.commands(), "nic0", "br0")
        goes_on()
        assert on(node, "nic0") == [] and on(node, "br0") == had
        routes = json.loads(node.sh("ip -j route show table all type unicast"))
        assert {route.get("dev") for route in routes if route["dst"] != "fe80::/64"} == {"br0", None}
        assert json.loads(node.sh("ip -j link show br0"))[0]["address"] == "02:00:00:00:07:01"
        again = node.settled(DOCUMENT)
        assert again.after["bridge_port"] == [dict(PORT, move_addresses=True)]
        node.settled(again.after)
        goes_on()
        never_without(node.apply({}).commands(), "br0", "nic0")
    node.same(start)
    node.settled({})


def test_a_fault_at_every_operation(node, kindless):
    """On the way there and on the way back."""
    with transfer() as goes_on:
        for document in (DOCUMENT, {}):
            start = node.snapshot(sysctls=False)
            for number, operation in enumerate(node.apply(document, check=True).operations):
                with pytest.raises(Exception, match="made to fail by a test. Nothing is changed"):
                    node.apply(document, fail_at=number)
                found = node.differences(start, node.snapshot(sysctls=False))
                assert not found, "after a failure at operation %d (%s):\n%s" % (number, operation, "\n".join(found))
                goes_on()
            node.apply(document)


@pytest.mark.parametrize("document", [DOCUMENT, {}])
def test_the_commands_do_the_same(node, document):
    if not document:
        node.apply(DOCUMENT)
    with engine_node.twin(NIC) as beside:
        with beside():
            if not document:
                node.apply(DOCUMENT)
            node.apply(document)
            by_engine = node.snapshot(sysctls=False)
        node.replay(node.apply(document, check=True).commands())
        found = node.differences({"namespaces": by_engine["namespaces"], "run": {}}, {"namespaces": node.snapshot(sysctls=False)["namespaces"], "run": {}})
    assert not found, "\n".join(found)


def test_what_stands_on_the_device_again_moves_too(node):
    """As after the renewal of a DHCP lease; what somebody changes on the bridge comes back as they have it."""
    node.apply(DOCUMENT)
    node.sh("ip address add 192.0.2.11/24 brd + dev nic0; ip address add 192.0.2.99/24 brd + dev nic0;"
            "ip route replace 198.18.0.0/15 via 192.0.2.3 dev br0 mtu 1400")
    assert set(on(node, "nic0")) == {"192.0.2.11", "192.0.2.99"}
    done = node.apply(DOCUMENT)
    assert done.counts() == {"add": {"address": 1}, "remove": {"address": 2}} and on(node, "nic0") == []
    node.sh("ip address delete 198.51.100.11/25 dev br0; ip route delete 10.10.0.0/16 table 77")
    assert node.apply(DOCUMENT).counts() == {"add": {"address": 1, "route": 1}}
    node.settled(DOCUMENT)
    node.apply({})
    assert {"192.0.2.11", "192.0.2.99", "198.51.100.11"} < set(on(node, "nic0"))
    assert node.sh("ip route show 198.18.0.0/15").split()[1:5] == "via 192.0.2.3 dev nic0".split()
    assert node.sh("ip route show table 77").split()[:3] == "10.10.0.0/16 dev nic0".split()


def test_addresses_that_bring_no_route(node):
    """As NetworkManager makes them, which makes the routes itself."""
    node.sh("ip address flush dev nic0; ip address add 192.0.2.11/24 brd + dev nic0 noprefixroute;"
            "ip address add 2001:db8:1::11/64 dev nic0 nodad noprefixroute;"
            "ip route add 192.0.2.0/24 dev nic0 proto kernel scope link src 192.0.2.11 metric 100;"
            "ip route add 2001:db8:1::/64 dev nic0 proto kernel metric 100;"
            "ip route add default via 192.0.2.1 dev nic0 metric 100")
    start = node.snapshot()
    with transfer() as goes_on:
        for document in (DOCUMENT, {}):
            for number in range(len(node.apply(document, check=True).operations)):
                before = node.snapshot(sysctls=False)
                with pytest.raises(Exception, match="made to fail by a test. Nothing is changed"):
                    node.apply(document, fail_at=number)
                assert node.differences(before, node.snapshot(sysctls=False)) == []
                goes_on()
            node.apply(document)
            node.settled(document)
    node.same(start)


def test_what_means_the_device_means_the_bridge(node):
    """`auto` in a document, in the same run and in the next."""
    document = dict(DOCUMENT, underlay={"address": "192.0.2.11", "overhead": 50}, vxlan=[
        {"name": "vx", "vni": 7, "local": "192.0.2.11", "dev": "auto", "mtu": "auto"}, {"name": "vy", "vni": 8, "local": "198.51.100.11", "dev": "auto"}])
    done = node.apply(document)
    assert done.resolved == {"dev": "br0", "mtu": 1450}
    assert [link["dev"] for link in done.after["vxlan"]] == ["br0", "br0"]
    node.settled(document)
    node.apply({})


def test_the_segment_sees_the_device_s_mac_whatever_other_ports_have(node):
    """By itself a bridge has the lowest of its ports."""
    document = dict(DOCUMENT, veth=[{"name": "v0", "mac": "02:00:00:00:00:01", "master": "br0", "peer": {"name": "v1"}}])
    node.apply(document)
    assert json.loads(node.sh("ip -j link show br0"))[0]["address"] == "02:00:00:00:07:01"
    node.settled(document)
    other = dict(document, bridge=[{"name": "br0", "mac": "02:00:00:00:0c:01"}])
    node.apply(other)
    node.settled(other)


def test_ports_change_their_bridge_or_keep_their_addresses(node):
    start, had = node.snapshot(), on(node, "nic0")
    with transfer() as goes_on:
        node.apply(DOCUMENT)
        other = {"bridge": [{"name": "br1"}], "bridge_port": [dict(PORT, master="br1", bridge_port={"hairpin": True})]}
        node.apply(other)
        goes_on()
        assert on(node, "br1") == had
        node.settled(other)
        still = {"bridge": [{"name": "br1"}], "bridge_port": [dict(PORT, master="br1", move_addresses=False)]}
        done = node.apply(still)
        assert on(node, "nic0") == had and on(node, "br1") == [] and done.after["bridge_port"] == [
            dict(PORT, master="br1", move_addresses=False)]
        node.settled(done.after)
        node.settled(still)
        node.apply({})
    node.same(start)


def test_a_device_that_was_down_is_so_again(node):
    node.sh("ip link set nic0 down")
    start = node.snapshot()
    node.apply(DOCUMENT)
    assert "UP" in json.loads(node.sh("ip -j link show nic0"))[0]["flags"]
    node.apply({})
    node.same(start)


@pytest.mark.parametrize("document", [DOCUMENT, {}])
def test_a_run_that_is_killed_in_the_middle(node, document):
    """After any operation: the next run ends what it began, and what was there comes back."""
    start = node.snapshot()
    first = {} if document else DOCUMENT
    number = 0
    while True:
        node.apply(first)
        if number >= len(node.apply(document, check=True).operations):
            break
        child = node.fork(lambda fail_at=number: killed(document, fail_at))
        assert os.waitpid(child, 0)[1] == 0
        node.apply(document)
        node.settled(document)
        node.apply({})
        node.same(start)
        number += 1
    assert number > 10


def killed(document, fail_at):
    """A run of which no more is left than the kernel has: what would put it back never comes to it."""
    with unittest.mock.patch.object(engine, "roll_back", lambda *dummy: os._exit(0)):
        engine_node.apply(document, fail_at=fail_at)


REFUSED = {
    "bridge port gone: there is no device gone; a port that this collection makes has its master in its own entry": [dict(PORT, name="gone")],
    "bridge port x0: it is a port of theirs already; release it first": [dict(PORT, name="x0")],
    "bridge port nic0: bridge theirs is not made by this fabric; with the module bridge_port it can have a port": [dict(PORT, master="theirs")],
    "neighbour 192.0.2.55 on nic0 is not this fabric's and would be lost when nic0 goes or is replaced; move or delete it first": [PORT],
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_is_refused(node, message):
    node.sh("ip link add theirs type bridge; ip link set theirs up; ip link add x0 type veth peer name x1; ip link set x0 master theirs;"
            "ip neighbour add 192.0.2.55 lladdr 02:00:00:00:00:55 dev nic0")
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict) as caught:
            node.apply({"bridge": [{"name": "br0"}], "bridge_port": REFUSED[message]}, check=check)
        assert str(caught.value) == message
    node.same(start)


def test_a_port_is_one_fabric_s(node):
    node.apply(DOCUMENT)
    with pytest.raises(Conflict, match="bridge port nic0 is a port for fabric blue; change it in that fabric's document"):
        node.apply({"bridge": [{"name": "br7"}], "bridge_port": [dict(PORT, master="br7")]}, "green", 161)
    with pytest.raises(Invalid, match="master: 'vx': expected a bridge, not a vxlan"):
        node.apply({"vxlan": [{"name": "vx", "vni": 7}], "bridge_port": [dict(PORT, master="vx")]})
    with pytest.raises(Invalid, match="move_addresses: True: expected a bridge that is up, which br0 is not to be"):
        node.apply({"bridge": [{"name": "br0", "up": False}], "bridge_port": [PORT]})


@pytest.mark.parametrize("peer", ["192.0.2.1", "203.0.113.200", "2001:db8:1::1"])
def test_the_connection_of_the_run_itself_may_move_so(node, monkeypatch, peer):
    monkeypatch.setattr(lockout, "connection", lambda: (peer, "2001:db8:1::11" if ":" in peer else "192.0.2.11"))
    start = node.snapshot()
    node.apply(DOCUMENT)
    node.settled(DOCUMENT)
    stays = {"bridge": [{"name": "br0"}], "bridge_port": [dict(PORT, move_addresses=False)]}
    with pytest.raises(Conflict, match="this would cut the SSH connection.*would go from br0"):
        node.apply(stays)
    node.apply({})
    node.same(start)
    with pytest.raises(Conflict, match="this would cut the SSH connection.*link nic0 would become a port of br0"):
        node.apply(stays)
    node.same(start)


def test_a_run_after_the_commands_by_hand(node):
    """Nothing is written down then, and the addresses on the bridge are no leftovers. Which label one had, nobody knows any more."""
    node.sh("ip address delete 198.51.100.11/25 dev nic0")
    start, had = node.snapshot(), on(node, "nic0")
    with transfer():
        node.replay(node.apply(DOCUMENT, check=True).commands())
        node.settled(DOCUMENT)
        assert on(node, "br0") == had
        node.settled(DOCUMENT)
        node.apply({})
    node.same(start)


@pytest.mark.parametrize("document", [DOCUMENT, {}])
def test_a_bridge_that_somebody_deleted(node, document):
    """All that was on it is written down: it stands again, or is given back."""
    start = node.snapshot()
    node.apply(DOCUMENT)
    whole = node.snapshot(sysctls=False)
    node.sh("ip link delete br0")
    node.apply(document)
    if document:
        node.same(whole, sysctls=False)
        node.apply({})
    node.same(start)


def test_in_stages_the_bridge_gets_all_of_it_at_once(node):
    start, had = node.snapshot(), on(node, "nic0")
    with transfer() as goes_on:
        assert node.apply(DOCUMENT, stage="add").pending == ["change"]
        assert on(node, "nic0") == had and on(node, "br0") == []
        assert node.apply(DOCUMENT, stage="change").pending == []
        assert on(node, "nic0") == [] and on(node, "br0") == had
        node.settled(DOCUMENT)
        goes_on()
        assert node.apply({}, stage="change").pending == ["purge"]
        assert on(node, "br0") == had
        node.apply({})
    node.same(start)
