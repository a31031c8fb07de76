# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of routes and packets of either family where a BIRD dies, a node is gone, or sessions become others; on the wire, with the recipe's
configurations."""

import signal
import time

import intent
import pytest
from routers import Routers

pytestmark = pytest.mark.kernel

BGP = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never", "fabric_pod_cidr6": "fd00:10:244::/48"}
HOLD = 6


def fabric(clusters=None, count=4, **common):
    """C(clusters): the reflectors among the nodes and their cluster ids."""
    made = intent.dual(count)
    for name, cluster in (clusters or {}).items():
        made[name].update(calico_reflector_cluster_id=cluster, fabric_labels={"rr": True})
    if clusters:
        common = dict(common, calico_mesh=False, calico_peers=[{"name": "rr", "peer_labels": {"rr": True}}])
    return intent.fabric(made, **dict(BGP, calico_hold_time=HOLD, **common))


MESH = fabric()
ONE = fabric({"node1": "244.0.0.1"})
TWO_CLUSTERS = fabric({"node1": "244.0.0.1", "node2": "244.0.0.2"})


@pytest.fixture(scope="module", name="net")
def fixture_net():
    net = Routers(MESH)
    try:
        net.build(MESH)
        yield net
    finally:
        net.close()


def deleted(lines):
    return [line for dummy, line in lines if line.startswith("Deleted")]


def test_a_bird_that_dies_takes_no_packet_with_it(net):
    net.build(MESH)
    watching, pinging = [net.watch(name) for name in net.pods], net.ping()
    net.signal("node2", signal.SIGKILL)
    # As long as its unit waits, and then as it does.
    net.wait(lambda: not net.established("node1") & {"Mesh_198_51_100_2", "Mesh_2001_db8__2"}, 5)
    net.start("node2")
    net.converge(MESH)
    lost, sent = net.lost(pinging)
    assert not lost and sent > 200, lost
    assert not [line for one in watching for line in deleted(net.seen(one))]


@pytest.mark.parametrize("bfd, within", [(False, HOLD + 1), (True, 1)])
def test_a_node_that_is_gone_loses_its_routes(net, bfd, within):
    net.build(fabric(calico_bfd=bfd))
    others = [name for name in net.pods if name != "node4"]
    if bfd:
        net.wait(lambda: all(net.birdc(name, "show bfd sessions").count(" Up ") == 6 for name in others), 10)
    watching, blocks = {name: net.watch(name) for name in others}, (net.blocks["node4"], net.blocks6["node4"])
    # As a power cut does it: nobody says good-bye.
    gone = time.time()
    net.run("ip -n switch link set node4 down")
    try:
        net.wait(lambda: not any(set(blocks) & set(net.routes(name)) for name in others), HOLD + 5)
    finally:
        seen = {name: net.seen(one) for name, one in watching.items()}
        net.run("ip -n switch link set node4 up")
    # By the kernel's own word, however long it took to ask.
    took = {(name, block): when - gone for name, lines in seen.items() for when, line in lines for block in blocks if line.startswith("Deleted " + block)}
    print("BFD %s: withdrawn after %s" % (bfd, {key: round(seconds, 2) for key, seconds in took.items()}))
    assert set(took) == {(name, block) for name in others for block in blocks} and max(took.values()) < within, took
    assert bfd or min(took.values()) > 1, took
    net.wait(lambda: all(net.blocks["node1"] in net.routes(name) for name in others[1:]), 5)


def move(net, before, after):
    """What roles/fabric/tasks/sessions.yml does, every step on all nodes before the next."""
    bird = {name: {"socket": net.socket(name), "config": net.config(name), "content": net.text(after, name)} for name in net.pods}
    bridge = {name: net.text(after, name, bridge=True) for name in net.pods}
    pending = {name: net.module("bird", keep_sessions=True, bridge=bridge[name], **bird[name]) for name in bird}
    assert all(answer["pending"] and answer["changed"] for answer in pending.values()), pending
    for name in bird:
        assert net.module("bird", bridge=bridge[name], **bird[name])["changed"]
    net.converge(after)
    for name in bird:
        net.write(net.config(name), bird[name]["content"])
        answer = net.module("bird", **bird[name])
        assert answer["changed"] and not net.module("bird", **bird[name])["changed"]
    net.converge(after)


@pytest.mark.parametrize("there", [ONE, TWO_CLUSTERS], ids=["one reflector", "two of two clusters"])
def test_from_the_mesh_to_reflectors_and_back_no_route_goes(net, there):
    net.build(MESH)
    watching, pinging = {name: net.watch(name) for name in net.pods}, net.ping()
    move(net, MESH, there)
    for block in (net.blocks["node3"], net.blocks6["node3"]):
        assert "BGP.originator_id: 198.51.100.3" in net.birdc("node4", "show route all for %s" % block)
    move(net, there, MESH)
    lost, sent = net.lost(pinging)
    print("%d sent, %d lost" % (sent, sum(map(len, lost.values()))))
    assert not lost, lost
    assert {name: deleted(net.seen(one)) for name, one in watching.items()} == dict.fromkeys(net.pods, [])


def test_reflectors_of_reflectors(net):
    """node1 reflects to node2, which reflects to node3 and node4: a leaf's only session is with the middle."""
    made = intent.dual(4)
    made["node1"].update(calico_reflector_cluster_id="244.0.0.1", fabric_labels={"tier": "top"})
    made["node2"].update(calico_reflector_cluster_id="244.0.0.2", fabric_labels={"tier": "middle"})
    for name in ("node3", "node4"):
        made[name].update(fabric_labels={"tier": "leaf"})
    net.build(intent.fabric(made, calico_mesh=False, calico_hold_time=HOLD, **BGP, calico_peers=[
        {"name": "top", "node_labels": {"tier": "middle"}, "peer_labels": {"tier": "top"}},
        {"name": "middle", "node_labels": {"tier": "leaf"}, "peer_labels": {"tier": "middle"}}]))
    assert net.established("node3") == {"Node_198_51_100_2", "Node_2001_db8__2"}
    for block in (net.blocks["node4"], net.blocks6["node4"]):
        text = net.birdc("node1", "show route all for %s" % block)
        assert "BGP.cluster_list: 244.0.0.2" in text, text
