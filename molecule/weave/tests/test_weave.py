# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All pods are on one link: what is for everybody, or for a group, comes once to each, and to nobody twice."""

import contextlib
import re
import subprocess
import threading
import time

from flannel_node import pings, pod_address
from lab_host import LAB_SHELL, capture, in_pod, node, run_json

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12", "node3": "198.18.16.13"}
# tcpdump knows VXLAN by another port.
TUNNEL = "-T vxlan udp dst port 6784"
GROUP = "239.1.2.3"
# Prints READY, and for five seconds what comes to the group, one line each.
LISTEN = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7777))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", socket.inet_aton("%s"), socket.inet_aton(sys.argv[1])))
until = time.monotonic() + 5
while time.monotonic() < until:
    s.settimeout(max(0.01, until - time.monotonic()))
    try:
        print(s.recv(100).decode())
    except socket.timeout:
        pass
""" % GROUP
SEND = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
time.sleep(2)
for number in range(3):
    s.sendto(b"hello %%d" %% number, ("%s", 7777))
    time.sleep(0.1)
""" % GROUP


# Prints the first address of each answer.
ASK = """
import socket, struct, sys
name = b"".join(bytes([len(label)]) + label.encode() for label in sys.argv[2].split("."))
for number in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    question = struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + name + bytes([0]) + struct.pack("!2H", 1, 1)
    s.sendto(question, (sys.argv[1], 53))
    # After the question: a pointer to the name, type, class, TTL, length, and the address.
    print(socket.inet_ntoa(s.recv(2000)[len(question) + 12:][:4]))
"""


@contextlib.contextmanager
def outside(script):
    """Runs it on the lab's outside host, until its standard input ends."""
    process = subprocess.Popen([LAB_SHELL, "--netns", "outside", "--", "sh", "-c", script], stdin=subprocess.PIPE)
    try:
        time.sleep(1)
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=20)


def test_a_copy_goes_to_each_other_node(host, name):
    flooded = {entry["dst"] for entry in run_json(host, "bridge -j fdb show dev vxlan-6784") if entry["mac"] == "00:00:00:00:00:00"}
    assert flooded == set(NODES.values()) - {NODES[name]}


def test_the_mtu_is_that_of_weave(host):
    assert {run_json(host, "ip -j link show dev %s" % link)[0]["mtu"] for link in ("weave", "vxlan-6784")} == {1376}
    assert run_json(host, in_pod("a", "ip -j link show dev eth0"))[0]["mtu"] == 1376


def test_pods_of_different_nodes_are_neighbours():
    """No hop between them: ARP is answered by the pod itself, and a packet that may not be forwarded arrives."""
    target = pod_address("node3", "a")
    host = node("node1")
    host.check_output(in_pod("a", "ip neigh flush dev eth0"))
    answer = host.check_output(in_pod("a", "ping -n -t 1 -c 3 -i 0.2 -W 2 %s" % target))
    assert " 0% packet loss" in answer and "DUP!" not in answer, answer
    mac = run_json(node("node3"), in_pod("a", "ip -j link show dev eth0"))[0]["address"]
    assert [entry["lladdr"] for entry in run_json(host, in_pod("a", "ip -j neigh show %s" % target))] == [mac]


def test_between_nodes_it_is_in_the_tunnel():
    assert pings("node1", "node3", TUNNEL) == {"tunnelled": 10, "plain": 0}


def test_a_multicast_group_spans_nodes_and_nobody_hears_it_twice():
    heard = {}

    def listen(place):
        heard[place] = node(place[0]).run(in_pod(place[1], "python3 -c '%s' %s" % (LISTEN, pod_address(*place)))).stdout

    listeners = [threading.Thread(target=listen, args=(place,)) for place in (("node1", "b"), ("node2", "b"), ("node3", "a"))]
    for listener in listeners:
        listener.start()
    node("node1").check_output(in_pod("a", "python3 -c '%s' %s" % (SEND, pod_address("node1", "a"))))
    for listener in listeners:
        listener.join(20)
    assert set(heard.values()) == {"hello 0\nhello 1\nhello 2\n"}, heard
    assert len(heard) == 3


def test_there_is_no_storm():
    """What is for everybody crosses the underlay once for each other node, and does not come back."""
    target = re.sub(r"\d+$", "250", pod_address("node1", "a"))
    with capture("node1", TUNNEL) as lines:
        # ARP for an address that nobody has.
        node("node2").run(in_pod("a", "ping -n -c 1 -W 2 %s" % target))
    asked = [line for line in lines if "who-has %s" % target in line]
    assert 1 <= len(asked) <= 3, lines


def addresses(host, name):
    """All addresses of a name as a pod's resolver gives them."""
    return {line.split()[0] for line in host.check_output(in_pod("b", "getent ahostsv4 %s" % name)).splitlines()}


def test_a_name_is_all_pods_of_that_name(host):
    wanted = {pod_address(place, "a") for place in NODES}
    assert addresses(host, "a.weave.local") == addresses(host, "a") == wanted
    # What the resolver orders anew, the server has in another order each time.
    server = host.check_output(in_pod("b", "cat /etc/resolv.conf")).split()[1]
    first = host.check_output(in_pod("b", "python3 -c '%s' %s a.weave.local 12" % (ASK, server))).split()
    assert len(first) == 12 and set(first) == wanted


def test_an_address_has_its_name(host):
    found = host.check_output(in_pod("a", "getent hosts %s" % pod_address("node3", "b"))).split()
    assert found == [pod_address("node3", "b"), "b.weave.local"]


def test_other_names_are_asked_outside_and_those_of_pods_are_not(host):
    script = ("timeout 15 dnsmasq --keep-in-foreground --pid-file= --no-resolv --no-hosts --address=/#/192.0.2.7 --listen-address=198.18.32.2 "
              "--bind-interfaces >/dev/null 2>&1 & server=$!; trap 'kill $server' EXIT; read dummy")
    with outside(script):
        assert addresses(host, "upstream.example.org") == {"192.0.2.7"}
        assert host.run(in_pod("b", "getent ahostsv4 nobody.weave.local")).rc == 2


def reaches(host, pod, address, *options):
    return host.run(in_pod(pod, "ping -n -q -c 2 -i 0.2 -W 1 %s %s" % (" ".join(options), address))).rc == 0


def test_pods_of_one_subnet_reach_one_another_and_no_other(host, name):
    for place in NODES:
        assert reaches(host, "d", pod_address(place, "d")) and reaches(host, "a", pod_address(place, "b"))
        assert not reaches(host, "d", pod_address(place, "a")) and not reaches(host, "a", pod_address(place, "d"))


def test_an_address_of_another_subnet_opens_nothing(host):
    """Neither as a source of one's own, nor by a route on the link, nor by IPv6."""
    own, other = pod_address("node2", "d"), pod_address("node2", "a")
    try:
        host.check_output(in_pod("d", "ip address add 10.244.100.1/17 dev eth0"))
        assert not reaches(host, "d", other, "-I", "10.244.100.1")
        assert not reaches(host, "d", other)
        assert reaches(host, "d", own)
    finally:
        host.check_output(in_pod("d", "ip address delete 10.244.100.1/17 dev eth0"))
    link_local = run_json(node("node2"), in_pod("a", "ip -6 -j address show dev eth0 scope link"))[0]["addr_info"][0]["local"]
    assert not reaches(host, "d", link_local + "%eth0")
