# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's model falls as the kernel does: after each single operation it holds what the kernel then holds."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.planner import Planner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._base import Operation
from engine_documents import CHANGES
from engine_watched import Watched, play

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("name", CHANGES)
def test_the_model_is_the_kernel_after_each_operation(node, name):
    assert play(*CHANGES[name])


BUSY = """
ip netns add p
ip link add br0 address 02:00:00:00:00:10 mtu 1500 type bridge
ip link set br0 up
ip link add v0 mtu 1500 type veth peer name v1 netns p
ip link set v0 address 02:00:00:00:00:50
ip link set v0 up
ip -n p link set v1 up
ip link add w0 type veth peer name w1
ip link set w0 master br0 up
ip link set w1 up
ip address add 10.0.0.1/24 dev v0
ip address add 10.0.0.2/24 dev v0
ip address add 10.0.0.3/24 dev v0
ip address add 10.1.0.1/24 dev v0
ip address add fd00::1/64 dev v0 nodad
ip address add fd00::2/64 dev v0 nodad
ip address add fd01::1/64 dev v0 nodad
ip route add 10.9.0.0/24 via 10.0.0.9
ip route add 10.9.1.0/24 via 10.1.0.9 src 10.0.0.2
ip route add 10.9.2.0/24 via 10.1.0.9 src 10.0.0.1 table 99
ip route add 10.9.3.0/24 via 10.1.0.9 src 10.0.0.1
ip -6 route add fd09::/64 via fd00::9
ip -6 route add fd09:1::/64 via fd01::9 src fd00::1
ip route add blackhole 10.10.0.0/16
ip route add 10.11.0.0/16 nexthop via 10.0.0.9 dev v0 nexthop via 198.18.0.1 dev eth9
ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
ip neigh add 198.18.0.1 lladdr 02:00:00:00:00:01 dev eth9 nud permanent
ip neigh add proxy 10.0.0.77 dev v0
ip neigh add proxy fd00::77 dev v0
ip neigh add proxy 198.18.0.77 dev eth9
ip address add 10.2.0.1/24 dev br0
ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent
ip link add vx0 address 66:00:00:00:00:01 type vxlan id 7 dstport 8472 dev v0 nolearning
ip link set vx0 master br0 up
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.9
bridge fdb append 66:00:00:00:00:02 dev vx0 dst 10.0.0.9
"""


@pytest.fixture
def busy(node):
    node.sh(BUSY)
    # Whatever the distribution thinks of it.
    node.sh("sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.v0.promote_secondaries=0")
    watched = Watched()
    watched.compare("nothing")
    return watched


def test_a_link_that_goes_down_takes_routes_neighbours_and_ipv6(busy):
    assert busy.count("address", "route", "neighbour", "proxy_neighbour") == [9, 8, 4, 3]
    busy.change("veth", "", "v0", up=False)
    # Left: the addresses of IPv4; the blackhole, and what has another way; the other devices' neighbours.
    assert busy.count("address", "route", "neighbour", "proxy_neighbour") == [6, 2, 2, 1]
    assert busy.planner.work["route"][("", 254, "10.11.0.0/16", 0)]["dead"] == ("v0",)
    busy.change("veth", "", "v0", up=True)


WAYS = BUSY + """
ip link add z0 type veth peer name z1; ip link set z0 up; ip link set z1 up
ip address add 10.3.0.1/24 dev z0; ip address add fd03::1/64 dev z0 nodad
ip route add 10.12.0.0/16 nexthop via 10.0.0.9 dev v0 weight 3 nexthop via 10.3.0.9 dev z0
ip -6 route add fd12::/64 nexthop via fd00::9 dev v0 weight 3 nexthop via fd03::9 dev z0
ip -6 route add fd13::/64 nexthop via fd00::9 dev v0 nexthop via fd00::8 dev v0 nexthop via fd03::9 dev z0 nexthop via fd03::8 dev z0
ip -6 route add fd14::/64 nexthop via fd00::9 dev v0 nexthop via fd00::8 dev v0
ip route add 10.14.0.0/16 nexthop dev v0 nexthop via 10.0.0.8
"""
IPV4, IPV6 = ("", 254, "10.12.0.0/16", 0), ("", 254, "fd12::/64", 1024)


@pytest.fixture
def ways(node):
    node.sh(WAYS)
    watched = Watched(sysctls={("", "net/ipv6/conf/v0/disable_ipv6")})
    watched.compare("nothing")
    return watched


def test_a_route_by_several_ways_lives_as_long_as_one_of_them(ways):
    routes = ways.planner.work["route"]
    ways.change("veth", "", "v0", up=False)
    assert routes[IPV4]["dead"] == routes[IPV6]["dead"] == ("v0",) and ("", 254, "fd14::/64", 1024) not in routes
    ways.change("veth", "", "v0", up=True)
    assert "dead" not in routes[IPV4] and "dead" not in routes[IPV6]
    ways.change("veth", "", "v0", up=False)
    ways.change("veth", "", "z0", up=False)
    assert IPV4 not in routes and IPV6 not in routes


def test_a_way_goes_with_the_devices_last_address_and_comes_with_the_next(ways):
    routes = ways.planner.work["route"]
    ways.remove("address", "", "z0", "10.3.0.1/24")
    assert routes[IPV4]["dead"] == ("z0",) and "dead" not in routes[IPV6]
    ways.do(Operation(KINDS["address"], "add", ("", "z0", "10.4.0.1/24"), after={"dev": "z0", "family": 4, "scope": "global"}))
    assert "dead" not in routes[IPV4]


def test_ipv6_taken_off_a_device_takes_its_ways(ways):
    routes = ways.planner.work["route"]
    ways.change("sysctl", "", "net/ipv6/conf/v0/disable_ipv6", value="1")
    assert routes[IPV6]["dead"] == ("v0",) and "dead" not in routes[IPV4]
    ways.change("sysctl", "", "net/ipv6/conf/v0/disable_ipv6", value="0")
    assert "dead" not in routes[IPV6]
    ways.change("veth", "", "v0", mtu=1279)  # for good, as if it had gone
    assert (routes[IPV6]["via"], routes[IPV6]["nexthops"]) == ("fd03::9", ()) and len(routes[("", 254, "fd13::/64", 1024)]["nexthops"]) == 2


def test_a_device_that_goes_takes_its_ways_or_the_route(ways):
    routes = ways.planner.work["route"]
    ways.remove("veth", "", "v0")
    assert IPV4 not in routes and routes[IPV6]["via"] == "fd03::9"
    ways.remove("veth", "", "z0")
    assert IPV6 not in routes


def test_the_last_address_takes_routes_and_neighbours_of_its_family(busy):
    busy.remove("address", "", "v0", "10.1.0.1/24")
    assert busy.count("route")[0] > 4
    busy.remove("address", "", "v0", "10.0.0.1/24")  # the primary, its secondaries with it
    assert not any(key[:2] == ("", "v0") and ":" not in key[2] for key in busy.planner.work["address"])
    assert not any(item["dev"] == "v0" and item["family"] == 4 for item in busy.planner.work["route"].values())
    assert [key for key in busy.planner.work["neighbour"] if key[1] == "v0"] == [("", "v0", "fd00::9")]
    assert [key for key in busy.planner.work["proxy_neighbour"] if key[1] == "v0"] == [("", "v0", "fd00::77")]


def test_a_primary_address_takes_its_secondaries(busy):
    busy.remove("address", "", "v0", "10.0.0.1/24")
    assert [key[2] for key in busy.planner.work["address"] if key[1] == "v0" and "." in key[2]] == ["10.1.0.1/24"]
    assert ("", 254, "10.9.1.0/24", 0) not in busy.planner.work["route"]  # its source was a secondary


def test_a_secondary_address_goes_alone(busy):
    busy.remove("address", "", "v0", "10.0.0.2/24")
    assert ("", 254, "10.9.1.0/24", 0) not in busy.planner.work["route"]
    assert ("", 254, "10.0.0.0/24", 0) in busy.planner.work["route"]


def test_an_ipv6_address_leaves_routes_without_their_source(busy):
    busy.remove("address", "", "v0", "fd00::1/64")
    assert busy.planner.work["route"][("", 254, "fd09:1::/64", 1024)]["src"] == ""


def test_a_mac_that_changes_flushes_neighbours(busy):
    busy.change("veth", "", "v0", mac="02:00:00:00:00:51")
    assert [key for key in busy.planner.work["neighbour"] if key[1] == "v0"] == []
    assert busy.count("proxy_neighbour") == [3]


def test_a_carrier_that_goes_leaves_proxy_neighbours(node):
    """Of a device that stays up; the far end goes down."""
    node.sh(BUSY)
    node.apply({"proxy_neighbour": [{"dev": "v0", "address": "10.0.0.78"}, {"dev": "v0", "address": "fd00::78"}]})
    watched = Watched()
    watched.change("veth", "p", "v1", up=False)
    assert watched.count("proxy_neighbour") == [5]


def test_a_small_mtu_takes_ipv6(busy):
    busy.change("veth", "", "v0", mtu=1279)
    assert not any(key[1] == "v0" and ":" in key[2] for table in ("address", "neighbour", "proxy_neighbour") for key in busy.planner.work[table])
    busy.change("veth", "", "v0", mtu=1280)


def test_disable_ipv6_takes_ipv6(node):
    node.sh(BUSY)
    watched = Watched(sysctls={("", "net/ipv6/conf/v0/disable_ipv6"), ("", "net/ipv6/conf/all/disable_ipv6")})
    watched.change("sysctl", "", "net/ipv6/conf/v0/disable_ipv6", value="1")
    watched.change("sysctl", "", "net/ipv6/conf/v0/disable_ipv6", value="0")
    watched.change("sysctl", "", "net/ipv6/conf/all/disable_ipv6", value="1")


@pytest.mark.parametrize("key", ["net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding"])
def test_global_sysctls_write_through(node, key):
    node.sh(BUSY)
    watched = Watched(sysctls={("", key)})
    assert len(watched.planner.work["sysctl"]) > 4
    watched.change("sysctl", "", key, value="1")
    watched.change("sysctl", "", key.rpartition("/")[0].replace("net/ipv4", "net/ipv4/conf/v0").replace("conf/v0/conf/all", "conf/v0")
                   .replace("ipv6/conf/all", "ipv6/conf/v0") + "/forwarding", value="0")
    watched.change("sysctl", "", key, value="0")


def test_a_bridge_releases_its_ports(busy):
    busy.change("vxlan", "", "vx0", port=dict(busy.planner.work["link"][("", "vx0")]["port"], hairpin=True))
    busy.remove("bridge", "", "br0")
    assert busy.planner.work["link"][("", "vx0")]["master"] == ""


def test_a_port_that_goes_may_change_the_bridges_mac(node):
    """A bridge without a MAC of its own has its ports' lowest, and its neighbours go when that changes."""
    node.sh("""
    ip link add br1 type bridge; ip link set br1 up
    ip link add s0 address 02:00:00:00:00:01 type veth peer name s1; ip link set s0 master br1
    ip link add t0 address 02:00:00:00:00:02 type veth peer name t1
    ip address add 10.2.0.1/24 dev br1; ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev br1 nud permanent
    """)
    watched = Watched(("",))
    watched.change("veth", "", "s0", master="")
    assert watched.count("neighbour") == [0]


@pytest.mark.parametrize("how", ["added", "removed"])
def test_neighbours_of_such_a_bridge_survive_a_run(node, how):
    document = {
        "bridge": [{"name": "br1"}],
        "veth": [{"name": "s0", "mac": "02:00:00:00:00:0%d" % (5 if how == "added" else 1), "master": "br1", "peer": {"name": "s1"}},
                 {"name": "t0", "mac": "02:00:00:00:00:03", "master": "br1", "peer": {"name": "t1"}}],
        "address": [{"dev": "br1", "address": "10.2.0.1/24"}],
        "neighbour": [{"dev": "br1", "address": "10.2.0.9", "mac": "02:00:00:00:00:99"}],
    }
    one = dict(document, veth=document["veth"][: 1 if how == "added" else 2])
    two = dict(document, veth=document["veth"][0 if how == "added" else 1:])
    node.apply(one)
    node.apply(two)
    node.settled(two)


@pytest.mark.parametrize("mac", [None, "02:00:00:00:00:10"], ids=["of a port", "its own"])
def test_a_neighbour_goes_with_the_port_of_such_a_bridge(node, mac):
    """Whether the kernel takes it in passing depends on what nobody can read: whether the bridge's MAC is its own."""
    bridge = {"bridge": [dict({"name": "br1"}, **({"mac": mac} if mac else {}))], "address": [{"dev": "br1", "address": "10.2.0.1/24"}]}
    port = [{"name": "s0", "mac": "02:00:00:00:00:05", "master": "br1", "peer": {"name": "s1"}}]
    neighbour = [{"dev": "br1", "address": "10.2.0.9", "mac": "02:00:00:00:00:99"}]
    for one, two in ((dict(bridge, neighbour=neighbour), dict(bridge, veth=port)), (dict(bridge, veth=port, neighbour=neighbour), bridge)):
        node.apply({})
        node.apply(one)
        foretold = node.apply(two, check=True)
        assert node.apply(two).commands() == foretold.commands()
        node.settled(two)


def test_a_parent_takes_its_vxlan_devices(busy):
    busy.remove("veth", "", "v0")
    assert ("", "vx0") not in busy.planner.work["link"] and ("p", "v1") not in busy.planner.work["link"]
    assert busy.count("vxlan_fdb") == [0]


@pytest.mark.needs("macvlan")
def test_a_parent_takes_its_macvlans_in_other_namespaces_too(node):
    node.sh(BUSY + "ip netns add q; ip link add m0 link v0 type macvlan; ip link add m1 link v0 netns q type macvlan")
    watched = Watched()
    assert ("q", "m1") in watched.planner.work["link"]
    watched.remove("veth", "", "v0")
    assert ("q", "m1") not in watched.planner.work["link"] and ("", "m0") not in watched.planner.work["link"]


def test_a_veth_end_takes_the_other(busy):
    busy.remove("veth", "p", "v1")
    assert ("", "v0") not in busy.planner.work["link"]


def test_a_port_that_leaves_loses_its_flags(busy):
    busy.change("veth", "", "w0", port=dict(busy.planner.work["link"][("", "w0")]["port"], hairpin=True, isolated=True))
    busy.change("veth", "", "w0", master="")
    busy.change("veth", "", "w0", master="br0")
    assert busy.planner.work["link"][("", "w0")]["port"]["hairpin"] is False


def test_a_namespace_takes_what_is_in_it(busy):
    for operation in removal(busy, ("p",)):
        busy.do(operation)
    assert not any(key[0] == "p" for table in busy.planner.work.values() for key in table)


def test_a_rule_outlives_its_device_and_goes_with_its_namespace(node):
    node.sh(BUSY + "ip rule add iif v0 table 99 priority 9; ip -n p rule add iif v1 table 99 priority 9")
    watched = Watched()
    watched.remove("veth", "", "v0")
    assert watched.count("rule") == [2]
    for operation in removal(watched, ("p",)):
        watched.do(operation)
    assert watched.count("rule") == [1]


def removal(watched, key):
    planner = Planner(watched.gather())
    planner.remove({"netns": [key]})
    return planner.operations
