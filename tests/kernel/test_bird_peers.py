# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recipe says of BGP peers, on the wire: a router of another AS that the recipe does not configure is what they are asked of."""

import re
import time

import intent
import pytest
from routers import Routers

pytestmark = pytest.mark.kernel

TOR = "198.51.100.100"
BEHIND = "203.0.113.0/24"
ALL = {"name": "tor", "address": TOR, "as_number": 65000}
ROUTER = """
router id 198.51.100.100;
protocol device {}
protocol direct { ipv4; }
protocol static { ipv4; route 203.0.113.0/24 blackhole; route 192.0.2.0/24 blackhole; }
protocol kernel { merge paths on; ipv4 { export where source = RTS_BGP; }; }
protocol bfd { multihop { interval 100 ms; multiplier 3; }; }
"""
SESSION = """
protocol bgp {name} {{
  local 198.51.100.100 as 65000; neighbor {address} as {as_number}; multihop{hops}; {more}
  graceful restart on; connect retry time 1; error wait time 1, 2;
  ipv4 {{ import all; export where proto = "static1" || net = 10.244.0.0/16 || {export}; }};
}}
"""


def fabric(nodes=None, **common):
    made = intent.nodes(3)
    for name, variables in (nodes or {}).items():
        made[name].update(variables)
    return intent.fabric(made, **dict({"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never"}, **common))


def router(only, hops="", more="", export="false"):
    """The text of the router's own BIRD: a session with each node."""
    return ROUTER + "".join(SESSION.format(name=name, address=node["ip"], as_number=node["options"]["as_number"], hops=hops, more=more, export=export)
                            for name, node in only["nodes"].items())


@pytest.fixture(scope="module", name="net")
def fixture_net():
    net = Routers(fabric(), {"tor": TOR})
    try:
        yield net
    finally:
        net.close()


def run(net, name, text):
    """Have a BIRD run a text, started where it is not yet."""
    if name not in net.birds:
        net.start(name, text)
        net.wait(lambda: net.running(name), 5)
    else:
        net.write(net.config(name), text)
        net.birdc(name, "configure")


def settle(net, only, secrets=None, **tor):
    """Both sides anew: the router's, and the fabric's."""
    run(net, "tor", router(only, **tor))
    net.build(only, secrets)


def told(net, where, network):
    """What a router says of a network, every line."""
    return net.birdc(where, "show route all for %s" % network)


def test_a_router_outside_learns_the_blocks_and_reaches_pods(net):
    only = fabric(calico_peers=[dict(ALL, password="tor", hops=1, ttl_security=True, local_preference=120)], calico_passwords={"tor": "g'h eim"},
                  calico_advertise=["10.96.0.0/12"], calico_communities=[{"cidr": "10.244.1.0/24", "communities": ["64512:100", "64512:1:2"]}])
    settle(net, only, {"tor": "g'h eim"}, hops=" 1", more="password \"g'h eim\"; ttl security on;")
    net.wait(lambda: set(net.blocks.values()) | {"10.96.0.0/12"} <= set(net.routes("tor")), 10)
    # One next hop a node: what every node tells of is shared among them.
    net.wait(lambda: net.routes("tor")["10.96.0.0/12"] == sorted(node["ip"] for node in only["nodes"].values()), 10)
    for pod in net.pods.values():
        net.run("ip netns exec tor ping -n -q -c 1 -W 2 " + pod)
    text = told(net, "tor", net.blocks["node1"])
    assert "(64512,100)" in text and "(64512, 1, 2)" in text and "BGP.as_path: 64512" in text
    assert "(64512,100)" not in told(net, "tor", net.blocks["node2"])
    # And the nodes what is behind it, with the preference that they give it.
    for name in only["nodes"]:
        net.wait(lambda name=name: net.routes(name).get(BEHIND) == [TOR], 10)
        assert "BGP.local_pref: 120" in told(net, name, BEHIND)


def test_without_the_password_there_is_no_session(net):
    only = fabric(calico_peers=[dict(ALL, password="tor")], calico_passwords={"tor": "right"})
    settle(net, only, {"tor": "right"}, more='password "right";')
    run(net, "tor", router(only, more='password "wrong";'))
    net.wait(lambda: not net.established("tor"), 5)
    time.sleep(3)
    assert not net.established("tor") and BEHIND not in net.routes("node1")


def test_filters(net):
    peers = [dict(ALL, filters=["edge"])]
    rules = {"import": [{"action": "reject", "cidr": BEHIND}], "export": [{"action": "reject", "cidr": net.blocks["node2"], "match": "equal"}]}
    settle(net, fabric(calico_peers=peers, calico_filters=[dict(rules, name="edge")]))
    net.wait(lambda: {net.blocks["node1"], net.blocks["node3"]} <= set(net.routes("tor")), 10)
    assert net.blocks["node2"] not in net.routes("tor")
    for name in net.pods:
        # What the router tells beside that no rule is about.
        net.wait(lambda name=name: net.routes(name).get("192.0.2.0/24") == [TOR], 10)
        assert BEHIND not in net.routes(name)


def test_pools_as_a_whole(net):
    settle(net, fabric({"node3": {"calico_as_number": 64513}}, calico_peers=[dict(ALL, summarize=True)]))
    net.wait(lambda: "10.244.0.0/16" in net.routes("tor"), 10)
    assert not set(net.blocks.values()) & set(net.routes("tor"))
    net.run("ip netns exec tor ping -n -q -c 1 -W 2 " + net.pods["node2"])
    # The router tells node3, of another AS, what node1 told: not to be believed, or what is in no block would go round and round.
    assert "10.244.0.0/16" in net.birdc("tor", "show route export node3")
    for name in net.pods:
        wanted = {BEHIND, "192.0.2.0/24"} | set(net.blocks.values()) - {net.blocks[name]}
        net.wait(lambda name=name, wanted=wanted: set(net.routes(name)) == wanted, 10)


def test_one_node_alone_and_as_numbers_that_differ(net):
    only = fabric({"node3": {"calico_as_number": 64513, "fabric_labels": {"rack": "3"}}}, calico_peers=[dict(ALL, node_labels={"rack": "3"})])
    settle(net, only)
    net.wait(lambda: set(net.blocks.values()) <= set(net.routes("tor")), 10)
    assert net.established("tor") == {"node3"}
    # The path tells which way the others' blocks came; node3 is reached from them by eBGP.
    assert re.search(r"BGP.as_path: 64513 64512$", told(net, "tor", net.blocks["node1"]), re.MULTILINE)
    net.wait(lambda: net.routes("node1").get(net.blocks["node3"]) == [only["nodes"]["node3"]["ip"]], 10)


def test_next_hops_as_they_are(net):
    only = fabric({"node1": {"fabric_labels": {"edge": "1"}}}, calico_peers=[dict(ALL, node_labels={"edge": "1"}, keep_next_hop=True)])
    settle(net, only)
    net.wait(lambda: set(net.blocks.values()) <= set(net.routes("tor")), 10)
    assert {net.blocks[name]: [node["ip"]] for name, node in only["nodes"].items()}.items() <= net.routes("tor").items()


def test_ports_addresses_and_times(net):
    """All nodes' BIRDs listen at another port, and one has another address in its session with the router."""
    net.run("ip -n node1 address replace 198.51.100.201/32 dev eth0")
    peers = [dict(ALL, node_labels={"edge": "1"}, source_address="198.51.100.201", graceful_restart_time=33),
             dict(ALL, node_labels={"edge": "2"}, source_address="any")]
    only = fabric({"node1": {"fabric_labels": {"edge": "1"}}, "node2": {"fabric_labels": {"edge": "2"}}}, calico_bgp_port=1790, calico_peers=peers)
    text = router(only).replace("neighbor 198.51.100.1 as", "neighbor 198.51.100.201 as")
    run(net, "tor", text.replace("neighbor 198.51.100.2 as", "neighbor 198.51.100.2 port 1790 as"))
    net.build(only)
    net.wait(lambda: net.established("tor") == {"node1", "node2"}, 15)
    net.wait(lambda: net.established("node3") == {"Mesh_198_51_100_1_port_1790", "Mesh_198_51_100_2_port_1790"}, 15)
    assert "Restart time: 33" in net.birdc("tor", "show protocols all node1")


def test_nodes_of_one_as_that_know_each_other_by_the_router_alone(net):
    """What the router tells of one has the others' own AS in its path."""
    for times, there in ((None, False), (1, True)):
        only = fabric(calico_mesh=False, calico_peers=[dict(ALL, allow_local_as=times)])
        run(net, "tor", router(only, export="source = RTS_BGP"))
        for name in net.pods:
            run(net, name, net.text(only, name))
        net.wait(lambda: set(net.blocks.values()) <= set(net.routes("tor")), 15)
        if there:
            net.wait(lambda: {net.blocks["node2"], net.blocks["node3"]} <= set(net.routes("node1")), 10)
        else:
            assert net.blocks["node2"] in net.birdc("tor", "show route export node1")
            time.sleep(1)
            assert set(net.routes("node1")) == {BEHIND, "192.0.2.0/24"}


def test_two_ways_out_are_both_used(net):
    """Of equal routes by several peers the kernel gets all next hops."""
    only = fabric({"node1": {"fabric_labels": {"edge": "1"}}}, calico_peers=[dict(ALL, node_labels={"edge": "1"})])
    second = ROUTER.replace("198.51.100.100", "198.51.100.3") + SESSION.replace("198.51.100.100", "198.51.100.3").format(
        name="node1", address="198.51.100.1", as_number=64512, hops="", more="", export="false")
    settle(net, only)
    # node3's place on the segment is lent to another router.
    net.signal("node3", 9)
    del net.birds["node3"]
    two = dict(only, options=dict(only["options"], mesh=False, peers=only["options"]["peers"] + [
        dict(only["options"]["peers"][0], address="198.51.100.3")]), nodes={"node1": only["nodes"]["node1"]})
    # First the node, which would refuse the router as a peer of another number, and that one would begin again only after a while.
    run(net, "node1", net.text(two, "node1"))
    net.start("node3", second)
    net.wait(lambda: net.routes("node1").get(BEHIND) == [TOR, "198.51.100.3"], 60)
