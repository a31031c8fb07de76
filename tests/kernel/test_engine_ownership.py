# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is somebody else's is never touched: the run refuses, names it, and nothing has changed."""

import json
import os
import pathlib
import signal
import struct

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import tuntap
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect
from engine_documents import MIXED, changed, flannel

pytestmark = pytest.mark.kernel

ON_THE_WAY = {
    # somebody's object, and what the error says of it
    "bridge named as the VXLAN device": ("ip link add flannel.1 type bridge", "link flannel.1: there is already a bridge of that name"),
    "veth named as the bridge": ("ip link add cni0 type veth peer name x", "link cni0: there is already a veth of that name, not made by"),
    "bridge of the right name": ("ip link add cni0 type bridge", "link cni0: there is already a bridge of that name, not made by"),
    "device of a kind the engine lacks": ("ip link add cni0 link eth9 type macvlan", "link cni0: there is already a macvlan of that name"),
    "bridge with the group, another fabric's": (
        "ip link add cni0 group 161 type bridge; ip link set cni0 alias green", "which belongs to fabric green"),
    "veth end in a pod's way": ("ip link add vetha type veth peer name x", "link vetha: there is already a veth"),
    "namespace": ("ip netns add a", "namespace a exists and was not made by this fabric"),
    "namespace of another fabric": ("ip netns add a; ip -n a link set lo group 161 alias green", "namespace a exists and belongs to fabric green"),
    "VXLAN device with the VNI": ("ip link add vx7 type vxlan id 1 dstport 8472 dev eth9", "VNI 1 on UDP port 8472 is taken by link vx7"),
    "route": ("ip route add 10.244.2.0/24 dev eth9", "route 10.244.2.0/24: there is already a route to that prefix (dev eth9"),
    "route with another metric": ("ip route add 10.244.2.0/24 dev eth9 metric 7", "already a route to that prefix"),
    "route with a type of service": ("ip route add 10.244.2.0/24 dev eth9 tos 4", "already a route to that prefix"),
    "route by several ways": (
        "ip route add 10.244.2.0/24 nexthop via 198.18.0.1 dev eth9 nexthop via 198.18.0.2 dev eth9", "already a route to that prefix"),
    "blackhole": ("ip route add blackhole 10.244.2.0/24", "already a route to that prefix (blackhole"),
    "connected route of a peer's subnet": ("ip address add 10.244.2.5/24 dev eth9", "already a route to that prefix (dev eth9 proto 2)"),
    "connected route of this node's subnet": (
        "ip address add 10.244.1.5/24 dev eth9", "already a route to 10.244.1.0/24 by device eth9, not made by this fabric"),
    "chain with rules": ("iptables -N FLANNEL-FWD; iptables -A FLANNEL-FWD -s 192.0.2.1 -j DROP", "chain FLANNEL-FWD of table filter holds a rule"),
    "chain with rules, one ours": (
        "iptables -N FLANNEL-FWD; iptables -A FLANNEL-FWD -j DROP; "
        "iptables -A FLANNEL-FWD -m comment --comment clusternet:blue -j ACCEPT", "holds a rule that is not this fabric's: -j DROP"),
    "empty chain": ("iptables -t nat -N FLANNEL-POSTRTG", "chain FLANNEL-POSTRTG of table nat exists, is empty"),
    "chain of another fabric": (
        "iptables -N FLANNEL-FWD; iptables -A FLANNEL-FWD -m comment --comment clusternet:green -j ACCEPT", "holds a rule that is not this"),
    "link with this fabric's number": (
        "ip link add q0 group 160 type bridge; ip link set q0 alias green", "number 160 is already used on this node by fabric green"),
}  # fmt: skip


@pytest.mark.parametrize("case", ON_THE_WAY)
def test_somebodys_object_in_the_way(node, case):
    script, message = ON_THE_WAY[case]
    node.sh(script)
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict) as caught:
            node.apply(flannel(), check=check)
        assert message in str(caught.value)
    node.same(start)


@pytest.mark.parametrize("script, message", [
    ("ip route add 10.244.2.0/24 dev eth9 proto 99", "add route 10.244.2.0/24: File exists"),
    ("ip link add flannel.1 type bridge", "add link flannel.1: File exists"),
    ("ip netns add a", "add namespace a: something else on this node has made one of that name meanwhile"),
    ("ip address add 198.18.0.77/32 dev eth9", "add address 198.18.0.77/32 on eth9: .*File exists"),
])  # fmt: skip
def test_somebodys_object_that_comes_while_we_look(node, monkeypatch, script, message):
    """After the plan was made: the kernel is asked to make, never to replace."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine

    original = engine.Transaction.run

    def run(self, operations):
        if any("flannel" in str(operation) for operation in operations) and not done:
            done.append(node.sh(script))
            done.append(node.snapshot())
        original(self, operations)

    done = []
    monkeypatch.setattr(engine.Transaction, "run", run)
    document = flannel()
    document["address"].append({"dev": "eth9", "address": "198.18.0.77/32"})
    with pytest.raises(Exception, match=message):
        node.apply(document)
    monkeypatch.undo()
    now = node.snapshot()
    now["run"], done[1]["run"] = {}, {}
    assert not list(node.differences(done[1], now))


def test_a_permanent_neighbour_of_somebody_in_the_way(node):
    node.apply(flannel(peers=(2,)))
    node.sh("ip neigh add 10.244.3.0 lladdr 02:00:00:00:00:77 dev flannel.1 nud permanent")
    start = node.snapshot()
    with pytest.raises(Conflict, match="neighbour 10.244.3.0 on flannel.1: there is already a permanent entry"):
        node.apply(flannel())
    node.same(start)


OURS = {"rule": [{"priority": 100, "from": "10.0.0.0/8", "table": 99}]}


@pytest.mark.parametrize("protocol", ["", "protocol 161"])
def test_somebodys_rule_that_is_just_so(node, protocol):
    """They would stand side by side, and nobody could tell which of the two sends the packets."""
    node.sh("ip rule add from 10.0.0.0/8 table 99 priority 100 " + protocol)
    start = node.snapshot()
    with pytest.raises(Conflict, match="IPv4 rule 100: from 10.0.0.0/8 lookup 99: there is already such a rule, of protocol .* not made by this"):
        node.apply(OURS)
    node.same(start)


def test_a_rule_goes_by_its_whole_key(node):
    """The kernel would take the first that has what the request names: somebody's, or a narrower one of ours."""
    narrow = {"rule": [dict(OURS["rule"][0], iif="eth9")]}
    node.sh("ip rule add from 10.0.0.0/8 table 98 priority 100")
    node.apply(narrow)
    start = node.snapshot()
    both = {"rule": narrow["rule"] + OURS["rule"]}
    node.apply(both)
    node.sh("ip rule add from 10.0.0.0/8 table 99 priority 100 protocol 99")
    commands = node.apply(narrow, check=True).commands()
    assert node.apply(narrow).counts() == {"remove": {"rule": 1}}
    node.sh("ip rule del from 10.0.0.0/8 table 99 priority 100 protocol 99")
    node.same(start)
    node.apply(both)
    node.replay(commands)
    node.same(start)


def test_a_stray_rule_with_what_the_engine_does_not_know(node):
    start = node.snapshot()
    for more in ("tun_id 7", ""):
        node.sh("ip rule add from 10.0.0.0/8 table 99 priority 100 protocol 160 " + more)
    node.apply(OURS)
    assert "tun_id" not in node.sh("ip rule") and "proto 160" in node.sh("ip rule")
    node.apply({})
    node.same(start)


WAY = {"via": "fd00::1", "dev": "eth9", "onlink": True}
WAYS = {"route": [{"dst": "fd01::/64", "nexthops": [WAY, dict(WAY, via="fd00::2")]}, dict(WAY, dst="fd02::/64")]}


def test_a_way_that_somebody_appends_to_an_ipv6_route(node):
    """The kernel tells it as ours, takes it with a route that is deleted as a whole, and lets us delete ours alone."""
    node.apply(WAYS)
    node.sh("for dst in fd01::/64 fd02::/64; do ip -6 route append $dst via fd00::9 dev eth9 onlink proto 99; done")
    start = node.snapshot()
    with pytest.raises(Exception, match="change route fd01::/64 .*: its next hop via fd00::9 dev eth9 is not of protocol 160: somebody has added it"):
        node.apply(WAYS)
    node.same(start)
    node.apply({})
    assert sorted(line.split(" dev")[0] for line in node.sh("ip -6 route show proto 99").splitlines()) == [
        "fd01::/64 via fd00::9", "fd02::/64 via fd00::9"]
    with pytest.raises(Conflict, match="route fd01::/64 .*: there is already a route to that prefix .via fd00::9 dev eth9 proto 99"):
        node.apply(WAYS)


def test_a_way_of_ours_that_is_not_wanted_goes_alone(node):
    node.apply(WAYS)
    node.sh("for dst in fd01::/64 fd02::/64; do ip -6 route append $dst via fd00::9 dev eth9 onlink proto 160; done")
    assert node.apply(WAYS).commands() == [
        "ip -6 route delete fd01::/64 via fd00::9 dev eth9 proto 160 metric 1024 onlink",
        "ip -6 route replace fd01::/64 proto 160 metric 1024 nexthop via fd00::1 dev eth9 onlink nexthop via fd00::2 dev eth9 onlink",
        "ip -6 route delete fd02::/64 via fd00::9 dev eth9 proto 160 metric 1024 onlink",
        "ip -6 route replace fd02::/64 via fd00::1 dev eth9 proto 160 metric 1024 onlink"]
    node.settled(WAYS)


@pytest.mark.parametrize("theirs", ["10.1.0.0/16 via 198.18.0.9 proto 99", "blackhole fd02::/64 proto 99 metric 1024"])
def test_a_route_that_somebody_appends(node, theirs):
    """It stands beside ours, told apart by nothing that we give it."""
    document = {"route": [{"dst": "10.1.0.0/16", "via": "198.18.0.1"}, WAYS["route"][1]]}
    node.apply(document)
    node.sh("ip %s route append %s" % ("-6" if ":" in theirs else "", theirs))
    start = node.snapshot()
    with pytest.raises(Conflict, match="there is already a route to that prefix .*not made by this fabric"):
        node.apply(document)
    node.same(start)
    node.apply({})
    assert [line.split()[:2] for line in node.sh("ip route show proto 99; ip -6 route show proto 99").splitlines()] == [theirs.split()[:2]]


def test_somebodys_route_by_several_ways_of_which_one_would_go(node):
    node.apply(flannel())
    node.sh("ip route add 192.0.2.0/24 nexthop via 10.244.1.9 dev cni0 nexthop via 198.18.0.1 dev eth9")
    start = node.snapshot()
    node.settled(flannel())
    with pytest.raises(Conflict, match="route 192.0.2.0/24 is not this fabric's and would be lost when cni0 or eth9 goes"):
        node.apply({})
    node.same(start)


def test_a_proxy_neighbour_of_somebody_in_the_way(node):
    node.sh("ip neigh add proxy 198.18.0.77 dev eth9; ip neigh add proxy fd00::77 dev eth9 protocol 161")
    start = node.snapshot()
    for address in ("198.18.0.77", "fd00::77"):
        with pytest.raises(Conflict, match="proxy neighbour %s on eth9: there is already such an entry, not made by this fabric" % address):
            node.apply({"proxy_neighbour": [{"dev": "eth9", "address": address}]})
    node.same(start)


def test_fdb_entries_on_somebodys_device(node):
    node.sh("ip link add vx7 type vxlan id 7 dstport 4789 dev eth9")
    start = node.snapshot()
    with pytest.raises(Conflict, match="FDB entry 66:00:00:00:00:02 on vx7: the device is not made by this fabric"):
        node.apply({"vxlan_fdb": [{"dev": "vx7", "mac": "66:00:00:00:00:02", "dst": "198.18.0.2"}]})
    node.same(start)


def test_a_learned_neighbour_is_nobodys(node):
    node.apply(flannel(peers=(2,)))
    for state in ("reachable", "stale", "incomplete", "failed"):
        node.sh("ip neigh replace 10.244.3.0 dev flannel.1 nud %s %s" % (state, "lladdr 02:00:00:00:00:77" if state[0] in "rs" else ""))
        node.settled(node.apply(flannel()).after)
        node.apply(flannel(peers=(2,)))


LOST_AT_TEARDOWN = {
    "route over the bridge": ("ip route add 192.0.2.0/24 dev cni0", "route 192.0.2.0/24 is not this fabric's and would be lost when cni0"),
    "route over the tunnel": ("ip route add 192.0.2.0/24 via 10.244.2.0 dev flannel.1 onlink", "route 192.0.2.0/24 is not this fabric's"),
    "neighbour": ("ip neigh add 10.244.1.99 lladdr 02:00:00:00:00:77 dev cni0 nud permanent", "neighbour 10.244.1.99 on cni0 is not"),
    "proxy neighbour": ("ip neigh add proxy 10.244.1.99 dev cni0", "proxy neighbour 10.244.1.99 on cni0 is not this fabric's"),
    "port of the bridge": ("ip link add s0 type veth peer name s1; ip link set s0 master cni0", "link s0 is a port of cni0, which would go"),
    "macvlan over the bridge": ("ip link add m0 link cni0 type macvlan", "link m0 is not this fabric's and would be lost when"),
    "macvlan in somebody's namespace": ("ip netns add q; ip link add m0 link cni0 netns q type macvlan", "link m0 in namespace q is not"),
    "VXLAN device over the bridge": ("ip link add vx7 type vxlan id 7 dstport 4789 dev cni0", "link vx7 is not this fabric's"),
    "veth in the pod's namespace": ("ip link add s0 type veth peer name s1 netns a", "is not this fabric's and would be lost"),
    "jump to a chain": ("iptables -A INPUT -j FLANNEL-FWD", "a rule of chain INPUT that stays sends packets there: -j FLANNEL-FWD"),
}


@pytest.mark.parametrize("case", LOST_AT_TEARDOWN)
def test_somebodys_object_that_would_go_with_ours(node, case):
    script, message = LOST_AT_TEARDOWN[case]
    node.apply(flannel())
    node.sh(script)
    node.settled(flannel())  # as long as it stands on what stays it is no matter
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict) as caught:
            node.apply({}, check=check)
        assert message in str(caught.value)
    node.same(start)


def test_what_a_routing_daemon_put_on_a_device_of_ours_goes_with_it(node):
    """It tells it again where it still holds. What a person put there does not come back by itself."""
    node.apply(flannel())
    node.sh("ip route add 192.0.2.0/24 via 10.244.2.0 dev flannel.1 onlink proto bird")
    node.apply(flannel(port=4789))
    node.sh("ip route add 192.0.2.0/24 via 10.244.2.0 dev flannel.1 onlink proto bird")
    node.apply({})
    assert "192.0.2.0" not in node.sh("ip route show")


def test_a_change_that_would_take_somebodys_object(node):
    node.apply(flannel())
    node.sh("ip route add 192.0.2.0/24 via 10.244.2.0 dev flannel.1 onlink")
    start = node.snapshot()
    with pytest.raises(Conflict, match="route 192.0.2.0/24 is not this fabric's and would be lost when flannel.1"):
        node.apply(flannel(port=4789))
    node.same(start)


def test_strays_with_the_mark_go_and_foreign_ones_stay(node):
    node.apply(flannel())
    node.sh("""
    ip route add 192.0.2.0/24 dev cni0 proto 160
    ip route add 192.0.3.0/24 dev eth9 proto 160 table 77
    ip -6 route add fd00::/64 dev eth9 proto 160
    ip rule add from 192.0.2.0/24 table 77 priority 9 protocol 160
    ip -6 rule add not fwmark 7 goto 20 priority 9 protocol 160
    ip neigh add 10.244.1.77 lladdr 02:00:00:00:00:77 dev cni0 nud permanent protocol 160
    ip neigh add proxy 10.244.1.78 dev cni0 protocol 160
    bridge fdb append 66:00:00:00:00:77 dev flannel.1 dst 198.18.0.77 self permanent
    ip address add 10.9.9.9/24 dev cni0
    ip link add s0 group 160 type bridge; ip link set s0 alias blue
    ip netns add z; ip -n z link set lo group 160 alias blue
    iptables -A INPUT -m comment --comment clusternet:blue:rule -s 192.0.2.9 -j ACCEPT
    iptables -N OLD; iptables -A OLD -m comment --comment clusternet:blue -j ACCEPT
    """)
    kept = """
    ip route add 203.0.113.0/24 dev eth9
    ip route add 203.0.114.0/24 dev eth9 proto 161
    ip rule add from 192.0.2.0/24 table 77 priority 9 protocol 161
    ip rule add from 192.0.2.0/24 table 77 priority 9
    ip neigh add 198.18.0.99 lladdr 02:00:00:00:00:77 dev eth9 nud permanent
    ip neigh add proxy 198.18.0.99 dev eth9 protocol 161
    ip link add t0 type bridge
    ip netns add y
    iptables -A INPUT -s 192.0.2.10 -j ACCEPT
    iptables -N THEIRS; iptables -A THEIRS -m comment --comment clusternet:blue:rule -j ACCEPT
    """
    node.sh(kept)
    outcome = node.apply(flannel())
    assert outcome.counts() == {"remove": {"route": 3, "rule": 2, "neighbour": 1, "proxy_neighbour": 1, "vxlan_fdb": 1, "address": 1, "bridge": 1, "netns": 1,
                                           "iptables_rule": 2, "iptables_chain": 1},
                                "change": {"iptables_chain": 1}}
    assert "THEIRS" in node.sh("iptables-save") and "clusternet:blue:rule" not in node.sh("iptables -S THEIRS")
    node.apply({})
    left = node.snapshot()
    node.sh("ip rule del priority 9; ip rule del priority 9; ip neigh del proxy 198.18.0.99 dev eth9")
    node.sh("ip route del 203.0.113.0/24; ip route del 203.0.114.0/24; ip neigh del 198.18.0.99 dev eth9; ip link del t0; ip netns del y")
    assert len(node.differences(left, node.snapshot())) >= 8


def test_two_fabrics_side_by_side(node):
    start = node.snapshot()
    green = flannel(pods=("g",), vni=2, bridge="cni2", subnet=7, peers=(8,), masquerade=False)
    green["iptables_chain"][0]["chain"] = "GREEN-FWD"
    green["iptables_rule"][0]["rule"] = "-j GREEN-FWD"
    green["vxlan"][0]["port"] = 4789
    node.apply(flannel())
    alone = node.snapshot()
    node.apply(green, "green", 161)
    node.settled(flannel())
    node.settled(green, "green", 161)
    node.apply({}, "green", 161)
    node.same(alone)
    node.settled(flannel())
    node.apply({})
    node.same(start)


def test_another_fabrics_number_is_refused(node):
    node.apply(flannel())
    start = node.snapshot()
    with pytest.raises(Conflict, match="number 160 is already used on this node by fabric blue .*fabric_number"):
        node.apply({"bridge": [{"name": "br5"}]}, "green", 160)
    node.same(start)


def test_a_fabric_under_another_number_would_not_know_its_own(node):
    node.apply(flannel())
    for document in (flannel(), {}):
        with pytest.raises(Conflict, match="number: 161: fabric blue has the number 160 on this node; keep it"):
            node.apply(document, "blue", 161)
    node.settled(flannel())


def test_a_half_made_link_is_known_by_its_group(node):
    """A run killed between a link's birth and its name."""
    node.sh("ip link add cni0 group 160 type bridge; ip link add vetha group 160 type veth peer name gone group 160")
    node.apply(flannel())
    node.settled(flannel())
    node.apply({})
    assert "cni0" not in node.sh("ip link") and "gone" not in node.sh("ip link")


@pytest.mark.needs("tuntap")
@pytest.mark.parametrize("moment", ["before it lasts", "before it is named"])
def test_a_half_made_tap_device_goes_with_its_run_or_is_known(node, monkeypatch, moment):
    """It is made by ioctl, so the mark cannot come with the birth: it comes before the device would outlive its maker."""
    start = node.snapshot()

    def die(descriptor, request, argument):
        if request != tuntap.TUNSETPERSIST or moment == "before it is named":
            original(descriptor, request, argument)
        if request == tuntap.TUNSETPERSIST:
            os.kill(os.getpid(), signal.SIGKILL)

    original = tuntap.fcntl.ioctl
    document = {"tuntap": [{"name": "vm1", "mode": "tap"}]}
    with monkeypatch.context() as patch:
        patch.setattr(tuntap.fcntl, "ioctl", die)
        child = node.fork(lambda: node.apply(document))
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert ("vm1" in node.sh("ip link show group 160")) == ("vm1" in node.sh("ip link")) == (moment == "before it is named")
    node.apply(document)
    node.settled(document)
    node.apply({})
    node.same(start)


@pytest.mark.needs("tuntap")
def test_a_tun_device_of_a_process_in_the_way(node):
    with open("/dev/net/tun", "r+b", buffering=0) as process:
        tuntap.fcntl.ioctl(process, tuntap.TUNSETIFF, struct.pack("16sH22x", b"vm1", tuntap.MODES["tun"]))
        assert not inspect().document.get("tuntap")
        with pytest.raises(Conflict, match="link vm1: there is already a tun of that name, not made by this fabric"):
            node.apply({"tuntap": [{"name": "vm1"}]})


@pytest.mark.needs("tuntap")
def test_headers_that_an_attached_process_chose_may_be_left_to_it(node):
    mine = {"tuntap": [{"name": "vpn0", "process_headers": True}]}
    node.apply(mine)
    with open("/dev/net/tun", "r+b", buffering=0) as process:
        tuntap.fcntl.ioctl(process, tuntap.TUNSETIFF, struct.pack("16sH22x", b"vpn0", tuntap.MODES["tun"] | tuntap.IFF_VNET_HDR))
        assert inspect().document["tuntap"][0]["pi"] and inspect().document["tuntap"][0]["vnet_hdr"]
        node.settled(mine)
        assert node.apply({"tuntap": [{"name": "vpn0"}]}, check=True).changed
    node.apply({})


def test_a_file_that_a_killed_run_left_for_a_namespace(node):
    start = node.snapshot()
    pathlib.Path("/run/netns/a").touch()
    node.apply(flannel())
    node.settled(flannel())
    node.apply({})
    node.same(start)


def test_an_address_on_somebodys_device_is_written_down(node):
    start = node.snapshot()
    document = {"address": [{"dev": "eth9", "address": "192.0.2.7/32"}]}
    node.apply(document)
    assert json.loads(pathlib.Path("/run/clusternet/ledger.json").read_text())["address"] == {"blue": [["", "eth9", "192.0.2.7/32"]]}
    node.settled(document)
    node.apply({})
    node.same(start)


def test_an_address_that_was_there_stays(node):
    node.sh("ip address add 192.0.2.7/32 dev eth9")
    start = node.snapshot()
    document = {"address": [{"dev": "eth9", "address": "192.0.2.7/32"}]}
    assert not node.apply(document).changed
    node.apply({})
    node.same(start)


def test_objects_in_somebodys_namespace(node):
    """A container's, made by others: what is put there is found again and taken away, and the namespace stays."""
    node.sh("ip netns add ctr; ip -n ctr link set lo up")
    start = node.snapshot()
    document = {
        "bridge": [{"name": "br5"}],
        "veth": [{"name": "h0", "master": "br5", "peer": {"name": "eth0", "netns": "ctr"}}],
        "address": [{"netns": "ctr", "dev": "eth0", "address": "10.5.0.2/24"}, {"netns": "ctr", "dev": "lo", "address": "192.0.2.9/32"}],
        "route": [{"netns": "ctr", "dst": "10.99.0.0/16", "type": "blackhole"}],
        "sysctl": [{"netns": "ctr", "key": "net/ipv4/ip_forward", "value": "1"}],
        "iptables_chain": [{"netns": "ctr", "chain": "OURS", "rules": ["-j ACCEPT"]}],
    }
    node.apply(document)
    node.settled(document)
    node.apply({})
    node.same(start)


def test_a_chain_that_somebody_emptied_goes_with_the_fabric(node):
    start = node.snapshot()
    node.apply(flannel())
    node.sh("iptables -F; iptables -t nat -F")
    node.apply({})
    node.same(start)


def test_without_purge_nothing_is_removed(node):
    node.apply(MIXED)
    before = node.snapshot()
    node.apply({"bridge": [{"name": "br7"}]}, purge=False)
    node.sh("ip link del br7")
    now = node.snapshot()
    now["run"], before["run"] = {}, {}
    assert not node.differences(before, now)
    # And what is written down is not forgotten either.
    node.apply({})
    assert "192.0.2.77" not in node.sh("ip address") and not pathlib.Path("/run/clusternet").exists()


def test_what_purge_would_take_cannot_be_built_on(node):
    node.apply(flannel())
    start = node.snapshot()
    with pytest.raises(Conflict, match=r"document.address\[0\].dev: there is no device cni0 when this run is over.*add it"):
        node.apply({"address": [{"dev": "cni0", "address": "10.244.1.1/24"}]})
    with pytest.raises(Conflict, match=r"document.address\[2\].netns: there is no namespace a when this run is over.*add it"):
        node.apply(changed(flannel(), netns=[{"name": "b"}], veth=[]))
    node.same(start)
