# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which probes prove a cluster, and what their results are made into."""

from collections import Counter

import jmespath
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import verify


def cluster(nodes=3, pods=2, masquerade=True):
    return {
        "name": "fabric",
        "backend": "flannel",
        "masquerade": masquerade,
        "nodes": {
            "node%d" % n: {
                "ip": "192.0.2.%d" % n,
                "pods": [{"name": "pod%d" % p, "address": "10.244.%d.%d" % (n, p + 1)} for p in range(1, pods + 1)],
            }
            for n in range(1, nodes + 1)
        },
    }


def all_targets(fabric, **options):
    return [probe for node in fabric["nodes"] for probe in verify.targets(fabric, node, **options)]


def edges(probes, check):
    return [(probe["from"], probe["to"]) for probe in probes if probe["check"] == check]


def test_every_pair_once_where_there_are_few():
    probes = all_targets(cluster(), outside_address="198.51.100.1", outside_port=80)
    pods = ["node%d/pod%d" % (n, p) for n in (1, 2, 3) for p in (1, 2)]
    nodes = ["node1", "node2", "node3"]
    assert sorted(edges(probes, "pod_pod")) == sorted((a, b) for a in pods for b in pods if a != b)
    assert sorted(edges(probes, "pod_node")) == sorted((a, b) for a in pods for b in nodes)
    assert sorted(edges(probes, "node_pod")) == sorted((a, b) for a in nodes for b in pods)
    assert sorted(edges(probes, "hairpin")) == sorted((a, a) for a in pods)
    assert sorted(edges(probes, "outside")) == sorted((a, "outside") for a in pods)


def test_a_pods_probe_starts_in_its_namespace():
    probe = next(probe for probe in verify.targets(cluster(), "node2") if probe["check"] == "pod_pod")
    assert probe == {
        "kind": "ping",
        "check": "pod_pod",
        "from": "node2/pod1",
        "to": "node2/pod2",
        "netns": "pod1",
        "address": "10.244.2.3",
    }


def test_masquerade_is_seen_as_the_nodes_address():
    probes = verify.targets(cluster(), "node3", checks=["outside"], outside_address="198.51.100.1", outside_port=80)
    assert {probe["peer"] for probe in probes} == {"192.0.2.3"}
    assert verify.targets(cluster(masquerade=False), "node3", checks=["outside"], outside_address="198.51.100.1", outside_port=80) == []
    assert verify.targets(cluster(), "node3", checks=["outside"]) == []


def test_the_largest_packet_goes_to_each_other_node_and_one_byte_more_is_refused():
    probes = verify.targets(cluster(), "node1", checks=["mtu"])
    whole = [probe for probe in probes if probe["size"] == "mtu"]
    assert sorted(probe["to"].split("/")[0] for probe in whole) == ["node2", "node3"]
    assert [probe["expect"] for probe in probes if probe["size"] == "mtu+1"] == ["refused"]


@pytest.mark.parametrize("nodes, pods, limit", [(20, 3, 100), (20, 3, 1000), (7, 1, 10), (50, 2, 30), (3, 5, 14)])
def test_a_sample_is_bounded_even_and_the_same_each_time(nodes, pods, limit):
    fabric = cluster(nodes, pods)
    probes = all_targets(fabric, max_pairs=limit)
    assert probes == all_targets(fabric, max_pairs=limit)
    for check in ("pod_pod", "pod_node", "node_pod", "hairpin"):
        found = edges(probes, check)
        assert len(found) == len(set(found)), check
        assert limit / 2 <= len(found) <= limit or len(found) == nodes * pods and check == "hairpin", (check, len(found))
    sample = edges(probes, "pod_pod")
    assert all(source != to for source, to in sample)
    for end in (0, 1):
        times = Counter(pair[end] for pair in sample)
        if limit >= nodes * pods:
            assert len(times) == nodes * pods and len(set(times.values())) == 1


@pytest.mark.parametrize("nodes, pods", [(1, 0), (1, 1), (3, 0), (1, 3)])
def test_the_smallest_clusters(nodes, pods):
    probes = all_targets(cluster(nodes, pods), outside_address="198.51.100.1", outside_port=80)
    assert len(edges(probes, "pod_pod")) == nodes * pods * (nodes * pods - 1 if pods else 0)


def test_a_thousand_nodes_cost_a_node_little():
    assert len(verify.targets(cluster(1000, 5), "node500")) < 20


@pytest.mark.parametrize("backend, options, waits", [
    ("calico", {"wireguard": True}, True), ("calico", {"wireguard": False}, False), ("flannel", {}, False),
    ("weave", {"password": True, "expose": True}, True), ("weave", {"password": False, "expose": True}, False),
])
def test_it_is_patient_where_nodes_agree_on_keys(backend, options, waits, monkeypatch):
    fabric = dict(cluster(), backend=backend, options=options)
    monkeypatch.setattr(verify, "_targets", lambda *dummy: [{"kind": "ping"}, {"kind": "ping", "expect": "refused"}, {"kind": "hairpin"}])
    assert [probe.get("wait") for probe in verify.targets(fabric, "node1", wait=30)] == [30 if waits else None, None, None]
    assert not any("wait" in probe for probe in verify.targets(fabric, "node1"))


def test_an_unknown_check_is_named():
    with pytest.raises(ValueError, match="verify_checks: pod_pood: expected some of pod_pod, "):
        verify.targets(cluster(), "node1", checks=["pod_pood"])


def result(check, source, to, ok=True, detail="", rtt_ms=0.1, kind="ping"):
    return {"check": check, "from": source, "to": to, "kind": kind, "ok": ok, "detail": detail, "rtt_ms": rtt_ms if ok else None}


def summary(*results, **fragments):
    measured = {}
    for each in results:
        node = each["from"].split("/")[0]
        measured.setdefault(node, ("fabric", {"results": [], "fragments": fragments.get(node, 0)}))[1]["results"].append(each)
    return verify.summary(measured)


def test_all_well():
    found = summary(result("pod_pod", "node1/a", "node2/a"), result("pod_pod", "node2/a", "node1/a"))
    assert found["ok"] and found["probes"] == 2 and found["failed"] == []
    assert verify.table(found) == (
        "pod to pod, ms     1     2\n"
        "1 node1/a          -  0.10\n"
        "2 node2/a       0.10     -\n"
        "\n"
        "pod to pod                          2 of 2 ok, slowest 0.10 ms\n"
        "\n"
        "all 2 probes ok"
    )


def test_what_is_wrong_is_named():
    found = summary(result("pod_pod", "node1/a", "node2/a", ok=False, detail="no answer"), result("pod_pod", "node2/a", "node1/a"))
    assert not found["ok"]
    text = verify.table(found)
    assert "1 node1/a          -  FAIL" in text
    assert "FAIL  pod to pod  node1/a -> node2/a: no answer" in text
    assert text.endswith("1 of 2 probes FAILED")
    assert verify.table(found, only_wrong=True) == "FAIL  pod to pod  node1/a -> node2/a: no answer\n1 of 2 probes FAILED"


def test_it_can_be_queried():
    found = summary(result("pod_pod", "node1/a", "node2/a", ok=False, detail="no answer"), result("hairpin", "node2/a", "node2/a"))
    assert jmespath.search("failed[].[from, to]", found) == [["node1/a", "node2/a"]]
    assert jmespath.search("length(results[?check=='hairpin' && ok])", found) == 1


def test_nothing_built_is_not_ok_and_not_a_failure():
    found = summary(result("pod_pod", "node1/a", "node2/a", ok=None, detail="not built yet"))
    assert not found["ok"] and found["failed"] == [] and found["not_built"] == ["node1/a"]
    assert "not built yet: node1/a" in verify.table(found)


def test_a_node_that_said_nothing_is_named():
    found = verify.summary({"node1": ("fabric", {"results": [], "fragments": 0}), "node2": ("fabric", None), "node3": ("fabric", {"msg": "x"})})
    assert not found["ok"] and found["unmeasured"] == ["node2", "node3"]
    assert "not measured: node2" in verify.table(found)


def test_full_size_packets_in_pieces_are_wrong():
    whole = result("mtu", "node1/a", "node2/a")
    assert summary(whole, node1=1)["ok"]
    found = summary(whole, node1=2)
    assert [bad["detail"] for bad in found["failed"]] == ["2 fragments for 1 full-size packets: the pods' MTU is too large for the underlay"]


def test_many_pods_are_shown_by_node_and_very_many_by_number_alone():
    def mesh(nodes):
        pods = ["node%d/p%d" % (n, p) for n in range(1, nodes + 1) for p in (1, 2)]
        return summary(*[result("pod_pod", a, b, ok=(a, b) != ("node1/p1", "node2/p2")) for a in pods for b in pods if a != b])

    lines = verify.table(mesh(13)).splitlines()
    assert lines[1].split()[:4] == ["1", "node1", "0.10", "FAIL"]
    assert len([line for line in lines if line.split()[1:2] and line.split()[1].startswith("node")]) == 13
    lines = verify.table(mesh(25)).splitlines()
    assert lines[0].startswith("pod to pod ") and "2449 of 2450 ok" in lines[0]


def test_a_long_list_of_failures_is_cut():
    found = summary(*[result("pod_pod", "node1/a", "node2/p%d" % n, ok=False, detail="no answer") for n in range(50)])
    assert "FAIL  and 10 more" in verify.table(found)


def test_a_node_that_could_not_be_asked_is_not_blamed_on_those_that_reach_for_it():
    def result(source, to, ok):
        return {"check": "pod_pod", "from": source, "to": to, "kind": "ping", "ok": ok, "detail": "", "rtt_ms": 0.1 if ok else None}

    answers = {"results": [result("node1/a", "node2/a", False), result("node1/a", "node1/b", True)]}
    found = verify.summary({"node1": ("fabric", answers), "node2": ("fabric", None)})
    assert found["unmeasured"] == ["node2"] and found["failed"] == [] and not found["ok"]
    text = verify.table(found)
    assert "none" in text and "FAIL" not in text and text.endswith("1 nodes not measured")

    answers["results"].append(result("node1/a", "node3/a", False))
    found = verify.summary({"node1": ("fabric", answers), "node2": ("fabric", None)})
    assert [bad["to"] for bad in found["failed"]] == ["node3/a"]
