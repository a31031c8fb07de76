# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""network_info tells what is there, and what it tells of a fabric is that fabric's document."""

import engine_node
import pytest
from module_node import ModuleNode

pytestmark = pytest.mark.kernel

SETUP = """
ip link add eth0 type veth peer name far
ip link set eth0 up
ip link set far up
ip address add 192.0.2.11/24 dev eth0
ip route add 198.51.100.0/24 via 192.0.2.1
ip tuntap add dev tap0 mode tap
ip netns add mine
ip -n mine link add br9 type bridge
ipset create theirs hash:ip
iptables -N THEIRS
iptables -A THEIRS -s 192.0.2.7 -j ACCEPT
iptables -A FORWARD -j THEIRS
"""
BLUE = {
    "underlay": {"address": "192.0.2.11", "overhead": 50},
    "netns": [{"name": "pod"}],
    "bridge": [{"name": "br0", "mtu": "auto", "stp": False}],
    "veth": [
        {"name": "v0", "master": "br0", "bridge_port": {"hairpin": True}, "peer": {"name": "eth0", "netns": "pod"}},
        {"name": "v1", "netns": "mine", "peer": {"name": "eth1", "netns": "pod", "mtu": "1400"}},
    ],
    "vxlan": [{"name": "vtep", "vni": 1, "port": 8472, "local": "192.0.2.11", "dev": "auto", "mtu": "auto", "learning": False,
               "mac": "66:00:5e:10:00:01"}],
    "address": [
        {"dev": "br0", "address": "203.0.113.1/25"},
        {"dev": "far", "address": "198.18.0.1/32"},
        {"dev": "eth0", "netns": "pod", "address": "203.0.113.2/25"},
        {"dev": "eth0", "netns": "pod", "address": "2001:db8::2/64"},
    ],
    "route": [
        {"dst": "203.0.113.128/25", "via": "203.0.113.128", "dev": "vtep", "onlink": True},
        {"dst": "default", "via": "203.0.113.1", "netns": "pod"},
        {"dst": "::/0", "via": "2001:db8::1", "netns": "pod"},
        {"dst": "198.18.1.0/24", "type": "blackhole"},
        {"dst": "2001:db8:1::/48", "type": "unreachable", "table": 1000},
    ],
    "neighbour": [{"dev": "vtep", "address": "203.0.113.128", "mac": "66:00:5e:10:00:02"}],
    "vxlan_fdb": [
        {"dev": "vtep", "mac": "66:00:5e:10:00:02", "dst": "192.0.2.12"},
        {"dev": "vtep", "mac": "00:00:00:00:00:00", "dst": "192.0.2.12"},
        {"dev": "vtep", "mac": "00:00:00:00:00:00", "dst": "192.0.2.13", "port": 4789},
    ],
    "sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}, {"netns": "pod", "key": "net/ipv6/conf/eth0/accept_ra", "value": "0"}],
    "ipset": [
        {"name": "web", "type": "hash:ip,port", "timeout": 600, "members": ["203.0.113.2,tcp:80", {"member": "203.0.113.2,tcp:443", "timeout": 0}]},
        {"netns": "pod", "name": "web", "type": "hash:net", "timeout": 0, "members": [{"member": "203.0.113.0/25", "comment": "ours"}]},
    ],
    "iptables_chain": [
        {"table": "nat", "chain": "BLUE", "rules": [
            "-p tcp --dport 80 -j ACCEPT", "-m comment --comment web -s 203.0.113.0/25 -j ACCEPT", "! -d 224.0.0.0/4 -j MASQUERADE"]},
        {"table": "filter", "chain": "BLUE6", "ip_version": 6, "rules": ["-s 2001:db8::/32 -j ACCEPT"]},
    ],
    "iptables_rule": [
        {"table": "nat", "chain": "POSTROUTING", "rule": "-j BLUE"},
        {"chain": "THEIRS", "rule": "-m addrtype --dst-type LOCAL -j RETURN", "position": "first"},
    ],
}


@pytest.fixture(scope="module")
def node():
    node = ModuleNode(SETUP)
    yield node
    node.close()


@pytest.fixture(scope="module")
def blue(node):
    answer = node.module("network", owner="blue", number=165, document=BLUE)
    assert answer.get("changed"), answer
    return answer


def test_what_it_tells_of_a_fabric_is_its_document(node, blue):
    before = node.snapshot()
    told = node.module("network_info", owner="blue")
    assert told["changed"] is False
    for document in (told["document"], node.module("network_info", owner="blue", number=165)["document"]):
        again = node.module("network", owner="blue", number=165, document=document)
        assert again["changed"] is False, again
    assert not engine_node.differences(before, node.snapshot())  # link-local addresses come when devices have a carrier
    document = told["document"]
    assert {section: len(entries) for section, entries in document.items()} == {
        section: len(entries) for section, entries in BLUE.items() if section != "underlay"}
    assert document["iptables_chain"][0]["rules"] == [
        "-p tcp -m tcp --dport 80 -j ACCEPT", "-s 203.0.113.0/25 -m comment --comment web -j ACCEPT", "! -d 224.0.0.0/4 -j MASQUERADE"]
    assert [(rule["rule"], rule.get("position")) for rule in document["iptables_rule"]] == [
        ("-m addrtype --dst-type LOCAL -j RETURN", "first"), ("-j BLUE", None)]
    assert sorted(link["name"] for link in told["links"]) == ["br0", "eth0", "eth1", "v0", "v1", "vtep"]
    assert {link["fabric"] for link in told["links"]} == {"blue"}
    assert told["fabrics"] == [{"owner": "blue", "number": 165}]
    assert told["namespaces"] == [{"name": "mine", "fabric": None}, {"name": "pod", "fabric": "blue"}]


def test_a_document_told_builds_the_same_again(node, blue):
    told = node.module("network_info", owner="blue")["document"]
    assert node.module("network", owner="blue", number=165, document={})["changed"]
    assert node.module("network_info", owner="blue")["document"] == {}
    assert node.module("network", owner="blue", number=165, document=told)["changed"]
    assert node.module("network_info", owner="blue", number=165)["document"] == told


def test_without_an_owner_it_tells_what_is_there(node, blue):
    told = node.module("network_info")
    document = told["document"]
    assert {"dev": "eth0", "address": "192.0.2.11/24", "scope": "global"} in document["address"]
    assert "198.51.100.0/24" in [route["dst"] for route in document["route"]]
    assert [(chain["chain"], chain["rules"][-1]) for chain in document["iptables_chain"] if chain["table"] == "filter"
            and chain["ip_version"] == 4] == [("THEIRS", "-s 192.0.2.7/32 -j ACCEPT")]
    assert [rule["rule"] for rule in document["iptables_rule"]] == ["-j THEIRS", '-m comment --comment "clusternet:blue:rule" -j BLUE']
    kinds = {link["name"]: (link["kind"], link["fabric"]) for link in told["links"]}
    assert [item["name"] for item in document["ipset"]] == ["theirs", "web"] and document["ipset"][0]["hashsize"] == 1024
    assert kinds["tap0"] == ("tun", None) and kinds["br0"] == ("bridge", "blue") and "br9" not in kinds
    assert "netns" not in document and "sysctl" not in document


def test_namespaces_can_be_chosen(node, blue):
    told = node.module("network_info", netns=["mine"])
    assert told["document"]["netns"] == [{"name": "mine"}]
    assert [link["name"] for link in told["links"]] == ["br9", "v1"]
    told = node.module("network_info", netns=["mine"], owner="blue")
    assert [link["name"] for link in told["links"]] == ["v1"]
    assert list(told["document"]) == ["veth"]


def test_an_unknown_fabric_holds_nothing(node, blue):
    told = node.module("network_info", owner="green")
    assert told["document"] == {} and told["links"] == []
