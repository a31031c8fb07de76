# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what nodes answer to states, and from these to text."""

import intent
import jmespath
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import status

UNIT = "clusternet-fabric-web.service"
DEVICE = dict.fromkeys(("%s_%s" % (way, what) for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped")), 0)
FILES = {"changed": False, "created": [], "updated": [], "removed": []}
LACKING = "bridge fdb replace 66:00:00:00:00:02 dev flannel.1 dst 198.51.100.2 self permanent"


@pytest.fixture(name="model")
def fixture_model():
    fabric = intent.fabric(intent.nodes(3, fabric_pods=[{"name": "web", "unit": {"exec_start": "/bin/true"}}, {"name": "spare"}]))
    return {"fabrics": {"fabric": fabric}}


def answer(**more):
    pods = [{"name": "web", "present": True, "unit": UNIT, "active": "active", "why": None},
            {"name": "spare", "present": True, "unit": None, "active": None, "why": None}]
    devices = [dict(DEVICE, name="cni0", kind="bridge", rx_packets=12345, tx_dropped=2),
               dict(DEVICE, name="eth0", kind="underlay", rx_packets=7),
               dict(DEVICE, name="flannel.1", kind="vxlan", rx_packets=10, tx_packets=9999, rx_errors=1)]
    return dict({"held": True, "refused": None, "operations": {}, "commands": [], "missing": [], "resolved": {"dev": "eth0", "mtu": 1450},
                 "pods": pods, "stop": [], "devices": devices}, **more)


def found(model, files=None, **answers):
    """The summary for nodes that answer as told, and for the others as if all were well."""
    nodes = model["fabrics"]["fabric"]["nodes"]
    return status.summary({name: (model["fabrics"]["fabric"], answers.get(name, answer()), [files or FILES]) for name in nodes}, model)


def test_all_is_well(model):
    result = found(model)
    assert result["ok"] and result["states"] == {"in_sync": 3} and result["not_asked"] == []
    assert status.table(result).splitlines() == [
        "fabric fabric: flannel vxlan, 10.244.0.0/16, 3 nodes, 6 pods",
        "",
        "node   state    subnet         pods  units  peers   mtu  flannel.1 rx/tx  cni0 rx/tx  errors  drops",
        "node1  in sync  10.244.1.0/24   2/2    1/1    2/2  1450          10/9999     12.3k/0       1      2",
        "node2  in sync  10.244.2.0/24   2/2    1/1    2/2  1450          10/9999     12.3k/0       1      2",
        "node3  in sync  10.244.3.0/24   2/2    1/1    2/2  1450          10/9999     12.3k/0       1      2",
        "",
        "all 3 nodes are in sync",
    ]


def test_a_mesh():
    model = {"fabrics": {"fabric": intent.fabric(intent.nodes(2), fabric_backend="weave", weave_mesh="partial", weave_connections={"node1": ["node2"]})}}
    only = model["fabrics"]["fabric"]

    def routed(peer, up):
        link = {"address": "fe80::1", "to": peer, "device": "weave-mesh" if up else None, "up": up, "metric": 96 if up else 65535, "routes": 1,
                "hellos": 16 * up}
        rows = [{"check": check, "from": "node1" if peer == "node2" else "node2", "to": peer, "ok": up, "detail": "10.244.2.0/32 not in the kernel"}
                for check in ("babel", "babel_routes")]
        return {"neighbours": [link], "results": rows}

    def summary(up):
        return status.summary({name: (only, answer(devices=[], pods=[]), [FILES], (), (routed(peer, up), {}))
                               for name, peer in (("node1", "node2"), ("node2", "node1"))}, model)

    result = summary(True)
    assert result["ok"] and status.table(result).splitlines() == [
        "fabric fabric: weave learning partial mesh, 10.244.0.0/16, 2 nodes, 0 pods",
        "  mesh               partial, 1 connection, relayed by Babel",
        "  encryption         none",
        "  ranges             10.244.0.0/16",
        "  nodes on the link  yes",
        "  name server        weave.local, dnsmasq on each node",
        "",
        "node   state    subnet         pods  units  peers  links   mtu  errors  drops",
        "node1  in sync  10.244.1.0/24   0/0    0/0    1/1    1/1  1450       -      -",
        "node2  in sync  10.244.2.0/24   0/0    0/0    1/1    1/1  1450       -      -",
        "",
        "node   connection  state  metric  hellos  routes",
        "node1  node2       up         96   16/16       1",
        "node2  node1       up         96   16/16       1",
        "",
        "all 2 nodes are in sync",
    ]
    lost = summary(False)
    assert not lost["ok"] and "node1  node2       down        -    0/16       1" in status.table(lost)
    assert "node1: no route to 10.244.2.0/32 of node2" in status.table(lost)
    assert status.table(lost).endswith("all 2 nodes are in sync; 2 of 2 connections not there; 2 of 2 routes not there")


def test_bgp():
    model = {"fabrics": {"fabric": intent.fabric(intent.nodes(2), fabric_backend="calico", calico_bgp=True, calico_vxlan_mode="Never")}}

    def routed(peer, ok):
        session = {"protocol": "Mesh", "address": "198.51.100.9", "description": peer, "as_number": 64512, "state": "Established" if ok else "Connect",
                   "since": "2026-01-02 03:04:05.678", "imported": int(ok), "exported": int(ok), "last_error": None if ok else "Socket: No route to host"}
        rows = [{"check": check, "from": "node1" if peer == "node2" else "node2", "to": peer, "ok": ok, "detail": detail}
                for check, detail in (("bgp", session["state"]), ("bgp_routes", "10.244.2.0/26 not in the kernel"))]
        return {"sessions": [session], "results": rows}

    def summary(ok):
        only = model["fabrics"]["fabric"]
        return status.summary({name: (only, answer(devices=[], pods=[]), [FILES], (), (routed(peer, ok or name == "node2"), {}))
                               for name, peer in (("node1", "node2"), ("node2", "node1"))}, model)

    result = summary(True)
    assert result["ok"] and status.table(result).splitlines()[-7:] == [
        "node2  in sync  10.244.2.0/26   0/0    0/0    1/1  1/1  1450       -      -",
        "",
        "node   peer   as     bgp          since                    in  out  last error",
        "node1  node2  64512  Established  2026-01-02 03:04:05.678   1    1",
        "node2  node1  64512  Established  2026-01-02 03:04:05.678   1    1",
        "",
        "all 2 nodes are in sync",
    ]
    # What each node runs is as it should be, and yet they do not talk.
    result = summary(False)
    assert not result["ok"] and result["states"] == {"in_sync": 2}
    assert [line for line in status.table(result).splitlines() if "node1  node2" in line or "no route" in line or "not there" in line] == [
        "node1  node2  64512  Connect      2026-01-02 03:04:05.678   0    0  Socket: No route to host",
        "node1: no route to 10.244.2.0/26 of node2",
        "all 2 nodes are in sync; 1 of 2 BGP sessions not there; 1 of 2 routes not there",
    ]
    assert jmespath.search("nodes[].routing[?!ok][].to", result) == ["node2", "node2"]


def test_other_software_is_named_once_with_its_nodes(model):
    result = found(model, node1=answer(others=["firewalld is active"]), node3=answer(others=["firewalld is active"]))
    assert result["ok"] and result["nodes"][1]["others"] == []
    assert status.table(result).splitlines()[-3:] == ["node1, node3: firewalld is active", "", "all 3 nodes are in sync"]


def test_what_differs_is_named_with_the_peer_that_it_is_about(model):
    result = found(model, node1=answer(operations={"add": {"vxlan_fdb": 1}}, commands=[LACKING]))
    assert not result["ok"] and result["states"] == {"in_sync": 2, "differs": 1}
    assert jmespath.search("nodes[?state!='in_sync'].[name, operations.add.vxlan_fdb, peers_differ]", result) == [["node1", 1, ["node2"]]]
    assert status.table(result).splitlines()[-5:] == [
        "node1: site.yml would do (about node2):", "  1 operation: +1 vxlan_fdb", "    " + LACKING, "", "2 in sync, 1 differ",
    ]  # fmt: skip
    assert "node1  differs  10.244.1.0/24   2/2    1/1    1/2" in status.table(result)


@pytest.mark.parametrize("command, peers", [
    ("ip route replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink", ["node3"]),
    ("ip neighbour replace 10.244.2.0 lladdr 66:00:00:00:00:02 dev flannel.1", ["node2"]),
    ("ip address add 10.244.1.1/24 dev cni0", []),
    ("iptables -A FORWARD -s 10.244.0.0/16 -j ACCEPT", []),
    ("echo 999.1.2.3", []),
])  # fmt: skip
def test_a_command_is_about_the_node_whose_address_or_subnet_it_names(model, command, peers):
    result = found(model, node1=answer(operations={"add": {"route": 1}}, commands=[command]))
    assert result["nodes"][0]["peers_differ"] == peers


def test_files_and_services_count_too(model):
    stopped = answer()
    stopped["pods"][0].update(active="inactive", why="is not running")
    stale = answer(stop=["clusternet-fabric-old.service"])
    stale["pods"][0].update(why="runs an earlier revision")
    stale["timers"] = [{"unit": "clusternet-heal@fabric.timer", "active": "inactive", "why": "is not running"}]
    result = found(model, node1=stopped, node2=stale)
    assert [node["state"] for node in result["nodes"]] == ["differs", "differs", "in_sync"]
    assert result["nodes"][0]["units"] == {"start": [UNIT], "restart": [], "stop": []}
    assert result["nodes"][1]["units"] == {"start": ["clusternet-heal@fabric.timer"], "restart": [UNIT], "stop": ["clusternet-fabric-old.service"]}
    text = status.table(result)
    assert "  start %s: it is not running" % UNIT in text
    assert "  restart %s: it runs an earlier revision" % UNIT in text
    assert "  start clusternet-heal@fabric.timer: it is not running" in text
    assert "  stop clusternet-fabric-old.service" in text

    result = found(model, files=dict(FILES, updated=["/etc/netns/web/hosts"]))
    assert result["states"] == {"differs": 3} and "  ~ file /etc/netns/web/hosts" in status.table(result)


def test_a_node_that_says_nothing_or_refuses_is_shown_as_such(model):
    result = found(
        model,
        node1={"unreachable": True, "msg": "Connection timed out"},
        node2=answer(refused="link cni0: somebody else's", resolved=None),
        node3={"failed": True, "msg": "python3: not found"},
    )
    assert result["states"] == {"refused": 1, "failed": 1, "unreachable": 1}
    text = status.table(result)
    assert "node1: unreachable: Connection timed out" in text
    assert "node2: refused: link cni0: somebody else's" in text
    assert "node3: failed: python3: not found" in text
    assert text.endswith("1 refused, 1 failed, 1 unreachable")


def test_a_node_that_was_not_reached_by_any_task(model):
    fabric = model["fabrics"]["fabric"]
    result = status.summary({"node1": (fabric, None, [None])}, model)
    assert result["nodes"][0]["state"] == "failed" and result["not_asked"] == ["node2", "node3"]
    assert "not asked: node2, node3" in status.table(result)


def test_files_that_are_refused_or_whose_task_was_skipped(model):
    result = found(model, files={"msg": "/etc/netns/web/hosts: is a symbolic link"})
    assert result["states"] == {"refused": 3} and result["nodes"][0]["detail"] == "/etc/netns/web/hosts: is a symbolic link"
    assert found(model, files={"skipped": True})["ok"]


def test_nothing_is_built_yet(model):
    bare = answer(held=False, operations={"add": {"bridge": 1}}, commands=["ip link add name cni0"], missing=["python3-pyroute2"], devices=[])
    result = found(dict(model, diff=[{"after": "leases"}]), **dict.fromkeys(("node1", "node2", "node3"), bare))
    assert result["states"] == {"not_built": 3} and result["leases_pending"]
    text = status.table(result)
    assert "ip link add" not in text and "  missing package: python3-pyroute2" in text
    assert "leases: the lease file does not hold all" in text and text.endswith("3 not built")


def test_many_nodes_are_counted_and_only_those_listed_that_need_it():
    fabric = intent.fabric(intent.nodes(100))
    model = {"fabrics": {"fabric": fabric}}
    answers = {name: (fabric, answer(pods=[]), []) for name in fabric["nodes"]}
    assert "100 nodes, all in sync" in status.table(status.summary(answers, model))
    answers["node70"] = (fabric, answer(pods=[], operations={"add": {"route": 30}}, commands=["ip route %d" % n for n in range(30)]), [])
    text = status.table(status.summary(answers, model))
    assert "and 99 nodes in sync" in text and "node70  differs" in text and "    and 20 more commands" in text
    assert len(text.splitlines()) < 30


@pytest.mark.parametrize("number, text", [(0, "0"), (9999, "9999"), (10000, "10.0k"), (123456, "123k"), (7200000, "7.2M"), (10**18, "1000P")])
def test_short_numbers(number, text):
    assert status._short(number) == text
