# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module probe finds what is there and what is not, on real packets."""

import json
import pathlib
import subprocess
import sys
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.modules import probe
from sandbox import Sandbox

pytestmark = pytest.mark.kernel

# Two pods on a bridge, hairpin on at the port of the first only; a router beyond the second that carries less.
SETUP = """
ip link add br0 type bridge
ip address add 192.0.2.1/24 dev br0
ip link set br0 up
for pod in a b; do
  ip netns add $pod
  ip link add port-$pod type veth peer name eth0 netns $pod
  ip link set port-$pod master br0 up
  ip -n $pod link set lo up
  ip -n $pod link set eth0 up
done
bridge link set dev port-a hairpin on
ip -n a address add 192.0.2.2/24 dev eth0
ip -n b address add 192.0.2.3/24 dev eth0
ip -n b link add narrow mtu 1400 type veth peer name narrow-end
ip -n b link set narrow up
ip -n b link set narrow-end up
ip -n b address add 198.51.100.1/24 dev narrow
ip -n b neigh add 198.51.100.2 lladdr 02:00:00:00:00:01 dev narrow
ip netns exec b sysctl -q -w net.ipv4.ip_forward=1
ip -n a route add 198.51.100.0/24 via 192.0.2.3
ip -n a address add 2001:db8::2/64 dev eth0 nodad
ip -n b address add 2001:db8::3/64 dev eth0 nodad
ip -n b address add 2001:db8:1::1/64 dev narrow nodad
ip -n b neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:01 dev narrow
ip netns exec b sysctl -q -w net.ipv6.conf.all.forwarding=1
ip -n a route add 2001:db8:1::/64 via 2001:db8::3
"""
SERVER = """
import socket
server = socket.create_server(("192.0.2.1", 8080))
print("listening", flush=True)
while True:
    connection, address = server.accept()
    connection.sendall(address[0].encode() + b"\\n")
    connection.close()
"""


@pytest.fixture(scope="module")
def pods():
    sandbox = Sandbox(SETUP)
    server = subprocess.Popen(sandbox.enter(sys.executable, "-c", SERVER), stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "listening\n"
    yield sandbox
    server.kill()
    server.wait()
    server.stdout.close()
    sandbox.close()


def measure(sandbox, *probes, **options):
    arguments = dict(options, probes=[dict({"from": "here", "to": "there", "kind": "ping"}, **each) for each in probes])
    command = sandbox.enter(sys.executable, str(pathlib.Path(probe.__file__).resolve()))
    done = subprocess.run(command, input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True, text=True, check=False, timeout=60)
    return json.loads(done.stdout)


def test_what_is_there_and_what_is_not(pods):
    cases = [
        ({"netns": "a", "address": "192.0.2.3"}, True, ""),
        ({"address": "192.0.2.3"}, True, ""),
        ({"netns": "a", "address": "192.0.2.3", "size": "mtu"}, True, ""),
        ({"netns": "a", "address": "192.0.2.3", "size": "1500"}, True, ""),
        ({"netns": "a", "address": "192.0.2.3", "size": "mtu+1"}, False, "message too long"),
        ({"netns": "a", "address": "192.0.2.3", "size": "mtu+1", "expect": "refused"}, True, "message too long, mtu=1500"),
        ({"netns": "a", "address": "192.0.2.3", "size": "mtu", "expect": "refused"}, False, "not refused"),
        # Refused by a router on the way.
        ({"netns": "a", "address": "198.51.100.2", "size": "1401", "expect": "refused"}, True, "Frag needed"),
        ({"netns": "a", "address": "2001:db8::3", "size": "mtu"}, True, ""),
        ({"netns": "a", "address": "2001:db8::3", "size": "mtu+1", "expect": "refused"}, True, "message too long, mtu: 1500"),
        ({"netns": "a", "address": "2001:db8:1::2", "size": "1401", "expect": "refused"}, True, "Packet too big"),
        ({"netns": "a", "address": "192.0.2.9"}, False, "nreachable"),
        ({"netns": "a", "address": "192.0.2.9", "expect": "unreachable"}, True, "as wanted"),
        ({"netns": "a", "address": "192.0.2.3", "expect": "unreachable"}, False, "answered"),
        ({"netns": "a", "address": "203.0.113.1"}, False, "Network is unreachable"),
        ({"kind": "tcp_peer", "netns": "a", "address": "192.0.2.1", "port": 8080, "peer": "192.0.2.2"}, True, "seen as 192.0.2.2"),
        ({"kind": "tcp_peer", "netns": "b", "address": "192.0.2.1", "port": 8080, "peer": "192.0.2.2"}, False, "expected 192.0.2.2"),
        ({"kind": "tcp_peer", "netns": "b", "address": "192.0.2.1", "port": 8081, "peer": "192.0.2.2"}, False, "refused"),
        ({"kind": "hairpin", "netns": "a"}, True, "came back"),
        ({"kind": "hairpin", "netns": "b"}, False, "did not come back"),
        ({"netns": "c", "address": "192.0.2.3"}, None, "not built yet"),
        ({"needs": "c", "address": "192.0.2.3"}, None, "not built yet"),
        ({"kind": "hairpin", "netns": "a", "device": "eth9"}, None, "not built yet (no eth9)"),
        ({"netns": "a", "device": "eth9", "size": "mtu", "address": "192.0.2.3"}, None, "not built yet (no eth9)"),
    ]
    # A silent address answers "unreachable" only when ARP has given up, after three seconds.
    returned = measure(pods, *[dict(case[0], check=str(index)) for index, case in enumerate(cases)], timeout=5)
    assert returned["changed"] is False
    assert len(returned["results"]) == len(cases)
    for index, (case, ok, detail) in enumerate(cases):
        result = returned["results"][index]
        assert result["check"] == str(index) and result["ok"] is ok and detail in result["detail"], (case, result)
        assert (result["rtt_ms"] is not None) == (ok is True and "expect" not in case or "expected 192" in detail or detail in ("answered", "not refused"))


@pytest.mark.parametrize("address", ["198.51.100.2", "2001:db8:1::2"])
def test_a_learned_mtu_is_forgotten(pods, address):
    """Else the way as it was would be measured for ten minutes."""
    too_long = {"netns": "a", "address": address, "size": "1401", "expect": "refused"}
    assert measure(pods, too_long, timeout=2)["results"][0]["ok"]
    pods.run("ip -n b link set narrow mtu 1500; ip -n b link set narrow-end mtu 1500")
    try:
        assert measure(pods, too_long, timeout=2)["results"][0]["detail"] == "not refused"
    finally:
        pods.run("ip -n b link set narrow mtu 1400; ip -n b link set narrow-end mtu 1400")


def test_fragments_are_counted(pods):
    assert measure(pods, {"address": "192.0.2.3", "size": "mtu", "device": "br0"})["fragments"] == 0
    # Without the "don't fragment" bit the node would cut it: what a tunnel does whose MTU is too large.
    pods.run("ip route add 203.0.113.0/24 dev br0 mtu lock 600; ip neigh replace 203.0.113.1 lladdr 02:00:00:00:00:01 dev br0")
    before = int(pods.run("awk '/^Ip: [0-9]/ { print $20 }' /proc/net/snmp"))
    pods.run("ping -c 1 -W 1 -M dont -s 1000 203.0.113.1 || true")
    assert int(pods.run("awk '/^Ip: [0-9]/ { print $20 }' /proc/net/snmp")) - before == 2


def test_what_is_not_there_yet_is_asked_again(pods):
    started, late = time.monotonic(), {"netns": "a", "address": "192.0.2.77"}
    assert measure(pods, late, timeout=1)["results"][0]["ok"] is False
    assert measure(pods, dict(late, wait=3), timeout=1)["results"][0]["ok"] is False
    assert 3 < time.monotonic() - started < 9
    address = subprocess.Popen(pods.enter("sh", "-c", "sleep 2; ip address add 192.0.2.77/32 dev br0"))
    assert measure(pods, dict(late, wait=20), timeout=1)["results"][0]["ok"] is True
    assert address.wait() == 0


def test_many_run_at_the_same_time(pods):
    silent = [{"netns": "a", "address": "192.0.2.%d" % n, "expect": "unreachable"} for n in range(100, 120)]
    returned = measure(pods, *silent, timeout=1, parallel=20)
    assert all(result["ok"] for result in returned["results"])


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"address": "there"}, "probes[0].address: there: expected the IP address of the destination"),
        ({}, "probes[0].address: None: expected the IP address"),
        ({"address": "192.0.2.3", "size": "large"}, "probes[0].size: large: expected a number of bytes, mtu or mtu+1"),
        ({"address": "192.0.2.3", "netns": "../x"}, "probes[0].netns: ../x: expected the name of a network namespace"),
        ({"kind": "tcp_peer", "address": "192.0.2.3", "peer": "192.0.2.2", "port": 70000}, "probes[0].port: 70000: expected a TCP port"),
        ({"kind": "tcp_peer", "address": "192.0.2.3", "port": 80}, "probes[0].peer: None: expected the address"),
    ],
)
def test_bad_input_is_named(pods, wrong, message):
    returned = measure(pods, wrong)
    assert returned["failed"] and returned["msg"].startswith(message)
