# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of IPv6 with a router of another AS that the recipe does not configure: what it is told, and what it is believed."""

import intent
import pytest
from routers import Routers, beside

pytestmark = pytest.mark.kernel

TOR = "198.51.100.100"
PEER = {"name": "tor", "address": beside(TOR), "as_number": 65000, "password": "tor"}
BEHIND, OTHER, RANGE = "2001:db8:1::/48", "2001:db8:2::/48", "fd00:10:244::/48"
ROUTER = """
router id 198.51.100.100;
protocol device {{}}
protocol direct {{ ipv6; }}
protocol static {{ ipv6; route {behind} blackhole; route {other} blackhole; }}
protocol kernel {{ merge paths on; ipv6 {{ export where source = RTS_BGP; }}; }}
template bgp node {{
  local 2001:db8::100 as 65000; multihop 1; ttl security on; password "right";
  graceful restart on; connect retry time 1; error wait time 1, 2;
  ipv6 {{ import all; export where proto = "static1" || net = {range}; }};
}}
""".format(behind=BEHIND, other=OTHER, range=RANGE)


def fabric(peer=None, **common):
    peers = [dict(PEER, hops=1, ttl_security=True, **(peer or {}))]
    return intent.fabric(intent.dual(3), fabric_backend="calico", calico_bgp=True, calico_vxlan_mode="Never", fabric_pod_cidr6=RANGE, calico_peers=peers,
                         calico_passwords={"tor": "right"}, **common)


@pytest.fixture(scope="module", name="net")
def fixture_net():
    only = fabric()
    net = Routers(only, {"tor": TOR})
    try:
        sessions = "".join("protocol bgp %s from node { neighbor %s as 64512; }\n" % (name, node["ip6"]) for name, node in only["nodes"].items())
        net.start("tor", ROUTER + sessions)
        net.wait(lambda: net.running("tor"), 5)
        yield net
    finally:
        net.close()


def told(net, where, network):
    return net.birdc(where, "show route all for %s" % network)


def test_it_learns_the_blocks_and_reaches_pods(net):
    net.build(fabric({"local_preference": 120}, calico_advertise=["fd00:10:96::/108", "10.96.0.0/12"],
                     calico_communities=[{"cidr": net.blocks6["node1"], "communities": ["64512:6"]}]), {"tor": "right"})
    net.wait(lambda: set(net.routes("tor")) == set(net.blocks6.values()) | {"fd00:10:96::/108"}, 10)
    # One next hop a node: what every node tells of is shared among them.
    net.wait(lambda: len(net.routes("tor")["fd00:10:96::/108"]) == 3, 10)
    for pod in net.pods6.values():
        net.run("ip netns exec tor ping -n -q -c 1 -W 2 " + pod)
    assert "(64512,6)" in told(net, "tor", net.blocks6["node1"]) and "(64512,6)" not in told(net, "tor", net.blocks6["node2"])
    for name in net.pods6:
        net.wait(lambda name=name: BEHIND in net.routes(name), 10)
        assert "BGP.local_pref: 120" in told(net, name, BEHIND)
        net.run("ip netns exec %s-pod ping -n -q -c 1 -W 2 %s" % (name, beside(TOR)))


def test_filters(net):
    rules = {"import": [{"action": "reject", "cidr": BEHIND}, {"action": "reject", "cidr": "203.0.113.0/24"}],
             "export": [{"action": "reject", "cidr": net.blocks6["node2"], "match": "equal"}, {"action": "reject", "cidr": net.blocks["node1"]}]}
    net.build(fabric({"filters": ["edge"]}, calico_filters=[dict(rules, name="edge")]), {"tor": "right"})
    net.wait(lambda: set(net.routes("tor")) == {net.blocks6["node1"], net.blocks6["node3"]}, 10)
    net.wait(lambda: all(OTHER in net.routes(name) and BEHIND not in net.routes(name) for name in net.pods6), 10)


def test_pools_as_a_whole(net):
    net.build(fabric({"summarize": True}), {"tor": "right"})
    net.wait(lambda: set(net.routes("tor")) == {RANGE}, 10)
    # It tells of the range in turn, and is not believed.
    assert all(RANGE not in net.routes(name) for name in net.pods6)
    net.run("ip netns exec tor ping -n -q -c 1 -W 2 " + net.pods6["node2"])


def test_without_the_password_there_is_no_session(net):
    net.build(fabric(), {"tor": "right"})
    net.passwords(fabric(), {"tor": "wrong"})
    for name in net.pods6:
        net.birdc(name, "configure")
    net.wait(lambda: not net.established("tor") and BEHIND not in net.routes("node1"), 10)
    # Between the nodes nothing is other than it was.
    assert {"Mesh_198_51_100_2", "Mesh_2001_db8__2"} <= net.established("node1")
