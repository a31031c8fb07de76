# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 beside IPv4: the document and BIRD's configuration, which without it are those of the golden files."""

from __future__ import annotations

import hashlib
import re

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import recipes, status, verify
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _bgp, _bird, _parts, calico

BGP = {"fabric_backend": "calico", "fabric_pod_cidr6": "fd00:10:244::/48", "calico_bgp": True, "calico_vxlan_mode": "Never"}
WAY = {"calico_bgp": False, "calico_vxlan_mode": "CrossSubnet"}
VXLAN = dict(BGP, **WAY)
LINK = "cali" + hashlib.sha1(b"fabric/web").hexdigest()[:11]


def fabric(count=2, nodes=None, **common):
    made = intent.dual(count, fabric_pods=[{"name": "web"}])
    for name, variables in (nodes or {}).items():
        made[name].update(variables)
    return intent.fabric(made, **dict(BGP, **common))


def of_ipv6(document):
    """What a document has because of IPv6."""
    common = dict(VXLAN if "vxlan" in document else BGP, fabric_pod_cidr6="")
    less = calico.document(intent.fabric(intent.nodes(2, fabric_pods=[{"name": "web"}]), **common), "node1")
    return {section: [entry for entry in entries if entry not in less.get(section, [])] for section, entries in document.items() if section != "underlay"}


def test_what_ipv6_adds_to_a_node():
    found = {section: entries for section, entries in of_ipv6(calico.document(fabric(), "node1")).items() if entries}
    assert found == {
        "address": [{"netns": "web", "dev": "eth0", "address": "fd00:10:244::42/128"}],
        "sysctl": [{"key": "net/ipv6/conf/%s/%s" % (LINK, key), "value": value} for key, value in (
            ("disable_ipv6", "0"), ("addr_gen_mode", "0"), ("forwarding", "1"), ("proxy_ndp", "1"), ("accept_ra", "0"))]
        + [{"netns": "web", "key": "net/ipv6/conf/eth0/" + key, "value": "0"} for key in ("disable_ipv6", "accept_ra", "accept_dad")]
        + [{"key": "net/ipv6/conf/all/forwarding", "value": "1"}],
        "route": [{"dst": "fd00:10:244::42/128", "dev": LINK},
                  {"netns": "web", "dst": "default", "via": "fe80::ecee:eeff:feee:eeee", "dev": "eth0"},
                  {"dst": "fd00:10:244::40/122", "type": "blackhole"}],
        "ipset": [{"name": "cali60%s-ipam-pools" % which, "type": "hash:net", "family": "inet6", "members": ["fd00:10:244::/48"]} for which in ("all", "masq")],
        "iptables_chain": [
            {"table": "raw", "chain": "cali-PREROUTING", "ip_version": 6, "rules": ["-i cali+ -m rpfilter --invert -j DROP"]},
            {"table": "filter", "chain": "cali-FORWARD", "ip_version": 6, "rules": ["-s fd00:10:244::/48 -j ACCEPT", "-d fd00:10:244::/48 -j ACCEPT"]},
            {"table": "nat", "chain": "cali-nat-outgoing", "ip_version": 6, "rules": [
                "-m set --match-set cali60masq-ipam-pools src -m set ! --match-set cali60all-ipam-pools dst -j MASQUERADE"]}],
        "iptables_rule": [{"table": "raw", "chain": "PREROUTING", "rule": "-j cali-PREROUTING", "position": "last", "ip_version": 6},
                          {"table": "filter", "chain": "FORWARD", "rule": "-j cali-FORWARD", "position": "last", "ip_version": 6},
                          {"table": "nat", "chain": "POSTROUTING", "rule": "-j cali-nat-outgoing", "position": "last", "ip_version": 6}],
    }


def test_the_gateway_comes_of_the_mac():
    assert _parts.link_local("ee:ee:ee:ee:ee:ee") == "fe80::ecee:eeff:feee:eeee"
    assert _parts.link_local("02:00:c6:12:00:01") == "fe80::c6ff:fe12:1"


def test_nothing_is_masqueraded_where_no_pool_is():
    pools = [{"name": "inner", "cidr": "fd00:10:244::/64", "nat_outgoing": False, "vxlan_mode": "Never"}]
    only = fabric(calico_pools=pools)
    chains = [(entry["chain"], entry["ip_version"]) for entry in calico.document(only, "node1")["iptables_chain"]]
    assert ("cali-nat-outgoing", 4) in chains and ("cali-nat-outgoing", 6) not in chains
    probes = [probe["check"] for probe in verify.targets(only, "node1", checks=["outside"], outside_address="192.0.2.1", outside_address6="2001:db8:9::1")]
    assert probes == ["outside"]


def test_vxlan():
    found = of_ipv6(calico.document(fabric(**WAY), "node1"))
    mac, own = ("66:" + ":".join(re.findall("..", hashlib.sha1(name).hexdigest()[:10])) for name in (b"node2-v6", b"node1-v6"))
    assert found["vxlan"] == [{"name": "vxlan-v6.calico", "vni": 4096, "port": 4789, "local": "2001:db8::1", "dev": "auto", "learning": False, "mac": own,
                               "mtu": "auto"}]
    condition = {"unless_onlink": "2001:db8::2"}
    assert {"dev": "vxlan-v6.calico", "address": "fd00:10:244::40/128"} in found["address"]
    assert found["neighbour"] == [{"dev": "vxlan-v6.calico", "address": "fd00:10:244::80", "mac": mac, **condition}]
    assert found["vxlan_fdb"] == [{"dev": "vxlan-v6.calico", "mac": mac, "dst": "2001:db8::2", **condition}]
    assert found["route"][-2:] == [{"dst": "fd00:10:244::80/122", "via": "fd00:10:244::80", "dev": "vxlan-v6.calico", "onlink": True, **condition},
                                   {"dst": "fd00:10:244::80/122", "via": "2001:db8::2", "if_onlink": "2001:db8::2"}]
    assert {"name": "cali60all-vxlan-net", "type": "hash:net", "family": "inet6", "members": ["2001:db8::2"]} in found["ipset"]
    assert {"table": "filter", "chain": "cali-INPUT", "ip_version": 6, "rules": [
        "-p udp -m udp --dport 4789 -m addrtype --dst-type LOCAL -m set ! --match-set cali60all-vxlan-net src -j DROP"]} in found["iptables_chain"]
    # The outer headers of IPv6 are the longer ones.
    assert calico.document(fabric(**WAY), "node1")["underlay"]["overhead"] == 70
    assert calico.document(fabric(), "node1")["underlay"]["overhead"] == 0
    beside = calico.document(fabric(fabric_number=175, **WAY), "node1")["vxlan"]
    assert [device["name"] for device in beside] == ["vxlan.cali175", "vxlan-v6.cal175"] and max(len(device["name"]) for device in beside) == 15


def test_ways_by_pool():
    """IPv4 in VXLAN, IPv6 as it is."""
    pools = [{"name": "four", "cidr": "10.244.0.0/16", "vxlan_mode": "Always"}, {"name": "six", "cidr": "fd00:10:244::/48", "vxlan_mode": "Never"}]
    only = fabric(calico_pools=pools)
    found = calico.document(only, "node1")
    assert [device["name"] for device in found["vxlan"]] == ["vxlan.calico"] and found["underlay"]["overhead"] == 50
    assert recipes.get("calico").daemon(only, "node1")["networks"] == [{"to": "node2", "cidr": "fd00:10:244::80/122"}]
    assert "vxlan" in calico.kernel_modules(only) and "vxlan" not in calico.kernel_modules(fabric())


# --- BIRD


def without_revision(text):
    return text.partition("\ndefine CLUSTERNET_REVISION")[0]


def test_sessions_of_ipv4_stay_as_they_are_when_ipv6_comes():
    """So BIRD leaves them alone: whatever it had before is there, line by line, and only the kinds of addresses of connected networks are more."""
    only = fabric(3)
    before = without_revision(_bird.config(intent.fabric(intent.nodes(3, fabric_pods=[{"name": "web"}]), **dict(BGP, fabric_pod_cidr6="")), "node1"))
    after = without_revision(_bird.config(only, "node1")).replace("  ipv6;\n  interface", "  interface")
    for part in before.split("\n\n"):
        assert part in after
    assert after.count("protocol bgp ") == 2 * before.count("protocol bgp ") == 4


def test_each_family_has_its_sessions():
    only = fabric(3)
    assert [session["protocol"] for session in _bgp.sessions(only, "node2")] == [
        "Mesh_198_51_100_1", "Mesh_198_51_100_3", "Mesh_2001_db8__1", "Mesh_2001_db8__3"]
    assert [session["passive"] for session in _bgp.sessions(only, "node2")] == [False, True, False, True]
    text = _bird.config(only, "node2")
    assert ('protocol bgp Mesh_2001_db8__3 from bgp_template6 {\n  description "node3";\n  neighbor 2001:db8::3 as 64512;\n'
            "  source address 2001:db8::2;\n  multihop;\n  passive on;\n}") in text
    assert recipes.get("calico").daemon(only, "node1")["networks"] == [
        {"to": "node2", "cidr": "10.244.2.0/26"}, {"to": "node2", "cidr": "fd00:10:244::80/122"},
        {"to": "node3", "cidr": "10.244.3.0/26"}, {"to": "node3", "cidr": "fd00:10:244::c0/122"}]


def protocol(text, name):
    return re.search(r"^protocol bgp %s from (?:.*\n)*?\}" % name, text, re.MULTILINE).group(0)


def test_peers_and_filters_are_of_the_family_of_their_addresses():
    peers = [{"name": "four", "address": "192.0.2.1", "as_number": 65000, "filters": ["edge"]},
             {"name": "six", "address": "2001:db8::9", "as_number": 65000, "filters": ["edge"], "summarize": True, "password": "rack",
              "source_address": "2001:db8::77"}]
    rules = [{"action": "reject", "cidr": "203.0.113.0/24"}, {"action": "reject", "cidr": "2001:db8:1::/48"}, {"action": "accept"}]
    only = fabric(calico_peers=peers, calico_passwords={"rack": "x"}, calico_filters=[{"name": "edge", "import": rules}],
                  calico_advertise=["10.96.0.0/12", "fd00:10:96::/108"], calico_communities=[{"cidr": "fd00:10:244::/48", "communities": ["64512:6"]}])
    text = _bird.config(only, "node1")
    assert "function import_edge()\n{\n  if net ~ [ 203.0.113.0/24+ ] then reject;\n  accept;\n}" in text
    assert "function import_edge6()\n{\n  if net ~ [ 2001:db8:1::/48+ ] then reject;\n  accept;\n}" in text
    assert "import_edge();" in protocol(text, "Global_192_0_2_1") and "import_edge6();" in protocol(text, "Global_2001_db8__9")
    six = protocol(text, "Global_2001_db8__9")
    assert "ipv6 {" in six and "source address 2001:db8::77;" in six and 'if proto = "clusternet_summaries6" then accept' in six
    assert "protocol static clusternet_summaries6 {\n  ipv6;\n  route fd00:10:244::/48 blackhole;\n}" in text and "clusternet_summaries {" not in text
    assert "function calico_communities()\n{\n}" in text and "function calico_communities6()\n{\n  if net ~ [ fd00:10:244::/48+ ]" in text
    assert "  ipv6;\n  route fd00:10:244::40/122 blackhole;\n  route fd00:10:96::/108 blackhole;\n}" in text
    assert [session["protocol"] for session in _bgp.sessions(only, "node1")] == [
        "Global_192_0_2_1", "Mesh_198_51_100_2", "Global_2001_db8__9", "Mesh_2001_db8__2"]


def test_peers_by_labels_have_a_session_of_each_family():
    only = fabric(3, {"node1": {"fabric_labels": {"rr": "yes"}, "calico_reflector_cluster_id": "244.0.0.1"}},
                  calico_mesh=False, calico_peers=[{"name": "rr", "peer_labels": {"rr": "yes"}}])
    assert [session["protocol"] for session in _bgp.sessions(only, "node2")] == ["Node_198_51_100_1", "Node_2001_db8__1"]
    assert _bird.config(only, "node1").count("rr cluster id 244.0.0.1;") == 4
    bridge = _bird.config(only, "node2", bridge=True)
    assert ("protocol static clusternet_bridge6 {\n  ipv6 { preference 50; };\n"
            "  route fd00:10:244::40/122 recursive 2001:db8::1 { bgp_next_hop = 2001:db8::1; };") in bridge


def test_an_address_of_anothers_block():
    nodes = {"node1": {"fabric_pods": [{"name": "web", "address6": "fd00:10:244:2::28"}]}, "node2": {"calico_blocks": ["fd00:10:244:2::/122"]}}
    only = fabric(2, nodes, calico_borrow=True)
    assert only["nodes"]["node1"]["borrowed6"] == ["fd00:10:244:2::28/128"] and only["nodes"]["node1"]["borrowed"] == []
    assert {"to": "node1", "cidr": "fd00:10:244:2::28/128"} in recipes.get("calico").daemon(only, "node2")["networks"]
    assert "route fd00:10:244:2::28/128 blackhole;" in _bird.config(only, "node1")


# --- what is measured


def test_every_check_of_packets_is_made_of_either_family():
    probes = verify.targets(fabric(), "node1", outside_address="192.0.2.1", outside_address6="2001:db8:9::1", outside_port=80)
    checks = ["pod_pod", "pod_node", "pod_node", "node_pod", "node_pod", "outside", "mtu", "mtu"]
    assert [probe["check"] for probe in probes] == checks + [check + "6" for check in checks]
    assert all((":" in probe["address"]) == probe["check"].endswith("6") for probe in probes)
    assert [probe["peer"] for probe in probes if probe["kind"] == "tcp_peer"] == ["198.51.100.1", "2001:db8::1"]


def test_the_table_has_both():
    def result(check, ok=True):
        pair = {"from": "node1/a", "to": "node2/a", "kind": "ping"}
        return dict(pair, check=check, ok=ok, detail="" if ok else "no answer", rtt_ms=0.5 if ok else None)

    returned = {"results": [result("pod_pod"), result("pod_pod6", False)], "fragments": 0}
    found = verify.summary({"node1": ("fabric", returned)})
    assert [bad["check"] for bad in found["failed"]] == ["pod_pod6"] and not found["ok"]
    text = verify.table(found)
    assert "pod to pod, ms" in text and "pod to pod, IPv6, ms" in text
    assert "FAIL  pod to pod, IPv6  node1/a -> node2/a: no answer" in text and re.search(r"^pod to pod +1 of 1 ok", text, re.MULTILINE)


@pytest.mark.parametrize("command, peers", [
    ("ip -6 route replace fd00:10:244::80/122 via 2001:db8::2 dev eth0", ["node2"]),
    ("bridge fdb replace 66:00:00:00:00:02 dev vxlan-v6.calico dst 2001:db8::2 self permanent", ["node2"]),
    ("ip -6 route replace fd00:10:244::83 dev x", ["node2"]),
    ("ip link set eth0 address 66:5f:2a:00:00:02", []),
])
def test_a_command_of_ipv6_names_its_peer(command, peers):
    only = fabric(3)
    assert status._peers_named([command], status._places(only), "node1") == peers
