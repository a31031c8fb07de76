# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written in another way than the kernel says it is the same, and a second run has nothing to do."""

import copy
import json

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Invalid
from engine_documents import MIXED, changed

pytestmark = pytest.mark.kernel

VXLAN = {"vxlan": [{"name": "vx", "vni": 7, "port": 8472, "local": "198.18.0.11", "dev": "eth9", "learning": False}]}
FLOOD = "00:00:00:00:00:00"

SETTLES = {
    "FDB port and VNI of the device": {"vxlan_fdb": [{"mac": "66:00:00:00:00:02", "dst": "198.18.0.2", "port": 8472, "vni": 7}]},
    "FDB port and VNI of another": {"vxlan_fdb": [{"mac": "66:00:00:00:00:02", "dst": "198.18.0.2", "port": 4789, "vni": 8}]},
    "FDB MAC in capitals": {"vxlan_fdb": [{"mac": "66-00-00-00-00-AB", "dst": "198.18.0.2"}]},
    "flood list": {"vxlan_fdb": [{"mac": FLOOD, "dst": "198.18.0.2"}, {"mac": FLOOD, "dst": "198.18.0.3", "port": 4789}]},
    "multicast MAC": {"vxlan_fdb": [{"mac": "01:00:5e:00:00:05", "dst": "198.18.0.2"}]},
    "address without a length": {"address": [{"address": "10.0.0.1"}]},
    "IPv6 address written long": {"address": [{"address": "FD00:0:0:0::0001/64"}]},
    "scope of an address": {"address": [{"address": "169.254.9.9/32", "scope": "link"}]},
    "IPv6 link-local address": {"address": [{"address": "fe80::1/64"}]},
    "host route": {"route": [{"dst": "10.0.0.1"}]},
    "default": {"route": [{"dst": "default", "table": 99}]},
    "default of IPv6": {"route": [{"dst": "default", "via": "fe80::9", "table": 99}]},
    "metric 0 of IPv6": {"route": [{"dst": "fd00::/64", "metric": 0}]},
    "large table": {"route": [{"dst": "10.0.0.0/24", "table": 4000000000}]},
    "blackholes": {"route": [{"dst": "10.0.0.0/24", "type": "blackhole", "dev": None}, {"dst": "fd00::/64", "type": "prohibit", "dev": None}]},
    "route to a gateway without a device": {
        "address": [{"address": "10.0.0.1/24"}], "route": [{"dst": "10.9.0.0/24", "via": "10.0.0.9", "dev": None}]},
    "neighbour of IPv6": {"neighbour": [{"address": "FD00::9", "mac": "66:00:00:00:00:AA"}]},
}  # fmt: skip


def on_vxlan(sections):
    document = dict(copy.deepcopy(VXLAN), **copy.deepcopy(sections))
    for name in sections:
        for entry in document[name]:
            entry.setdefault("dev", "vx")
    return document


@pytest.mark.parametrize("case", SETTLES)
def test_it_settles(node, case):
    start, document = node.snapshot(sysctls=False), on_vxlan(SETTLES[case])
    outcome = node.apply(document)
    assert outcome.changed
    again = node.settled(document)
    assert not node.apply(again.after, check=True).commands()
    node.apply({})
    node.same(start, sysctls=False)


def test_a_destination_of_the_flood_list_changes_its_port(node):
    """It cannot be altered: a second one of the same address would be added."""
    def document(port):
        return on_vxlan({"vxlan_fdb": [{"mac": FLOOD, "dst": "198.18.0.2", "port": port}, {"mac": FLOOD, "dst": "198.18.0.3"}]})

    node.apply(document(4789))
    assert node.apply(document(4790)).counts() == {"change": {"vxlan_fdb": 1}}
    node.settled(document(4790))
    flood = [entry for entry in json.loads(node.sh("bridge -j fdb show dev vx")) if entry["mac"] == FLOOD]
    assert sorted((entry["dst"], entry.get("port")) for entry in flood) == [("198.18.0.2", 4790), ("198.18.0.3", None)]


def test_a_destination_twice_in_the_flood_list_is_one_too_many(node):
    document = on_vxlan({"vxlan_fdb": [{"mac": FLOOD, "dst": "198.18.0.2"}]})
    node.apply(document)
    node.sh("bridge fdb append %s dev vx dst 198.18.0.2 port 5000 self permanent" % FLOOD)
    assert node.apply(document).counts() == {"remove": {"vxlan_fdb": 1}}
    node.settled(document)


def test_a_learned_entry_is_no_obstacle(node):
    document = on_vxlan({"vxlan_fdb": [{"mac": "66:00:00:00:00:02", "dst": "198.18.0.2"}]})
    node.apply(VXLAN)
    node.sh("bridge fdb append 66:00:00:00:00:02 dev vx dst 198.18.0.99 self dynamic")
    node.sh("bridge fdb append 66:00:00:00:00:03 dev vx dst 198.18.0.99 self dynamic")
    node.settled(VXLAN)
    assert node.apply(document).counts() == {"add": {"vxlan_fdb": 1}}
    node.settled(document)


RULES = [
    ["-s 10.0.0.0/255.0.0.0 -j ACCEPT"],
    ["--source 10.1.2.3 --jump ACCEPT"],
    ["-p tcp -m multiport --dports 80,443 -j DROP"],
    ["-p tcp --dport http -j DROP"],
    ["-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"],
    ["! -s 10.0.0.1 -o eth+ -j RETURN"],
    ["-m mark --mark 0x4000/0x4000 -j RETURN"],
    ["-j MARK --or-mark 0x4000"],
    ["-m statistic --mode random --probability 0.333 -j RETURN"],
    ["-m comment --comment 'it is \"quoted\" $HOME `x`' -j ACCEPT"],
    ["-m limit --limit 5/min -j LOG --log-prefix \"two words: \""],
    ["-j ACCEPT", "-j ACCEPT", "-j ACCEPT"],
    ["-m addrtype --dst-type LOCAL -j ACCEPT"],
]


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules[0])
def test_rules_settle_and_can_be_typed(node, rules):
    document = {"iptables_chain": [{"table": "mangle" if "MARK" in rules[0] else "filter", "chain": "C", "rules": rules}]}
    commands = node.apply(document).commands()
    node.settled(document)
    typed = node.sh("iptables-save | grep -- '^-'")
    node.apply({})
    node.replay(commands)
    assert node.sh("iptables-save | grep -- '^-'") == typed


def test_rules_that_the_tool_refuses_are_named(node):
    start = node.snapshot(sysctls=False)
    for rule, words in (
        ("-j NO-SUCH-CHAIN", "NO-SUCH-CHAIN"),
        ("-p tcp --dport 70000 -j ACCEPT", "70000"),
        ("--no-such-option", "no-such-option"),
        ("-s 10.0.0.300 -j ACCEPT", "10.0.0.300"),
        ("-s 10.0.0.1,10.0.0.2 -j ACCEPT", "rules that each stand for one rule"),
        ("-j ACCEPT -t nat", "-t"),
        ("-j ACCEPT -A OTHER", "-A"),
    ):
        with pytest.raises(Invalid) as caught:
            node.apply({"iptables_chain": [{"chain": "C", "rules": ["-j ACCEPT", rule]}]})
        assert str(caught.value).startswith("document.iptables_chain[0].rules[") and words in str(caught.value)
    node.same(start, sysctls=False)


def test_rules_of_ours_in_one_chain_keep_the_documents_order(node):
    """And those of others their places."""
    node.sh("iptables -A FORWARD -s 192.0.2.1 -j ACCEPT; iptables -A FORWARD -s 192.0.2.2 -j ACCEPT")
    rules = [{"chain": "FORWARD", "rule": "-s 10.0.0.%d -j ACCEPT" % n, "position": where} for n, where in ((1, "first"), (2, "first"), (3, "last"))]
    node.apply({"iptables_rule": rules})

    def order():
        return [line.split()[3].partition("/")[0] for line in node.sh("iptables -S FORWARD").splitlines()[1:]]

    assert order() == ["10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2", "10.0.0.3"]
    node.apply({"iptables_rule": [rules[1], rules[0], rules[2]]})
    assert order() == ["10.0.0.2", "10.0.0.1", "192.0.2.1", "192.0.2.2", "10.0.0.3"]
    node.sh("iptables -D FORWARD 3")
    node.settled({"iptables_rule": [rules[1], rules[0], rules[2]]})


def test_no_table_is_loaded_by_looking(node):
    node.apply(MIXED, check=True)
    assert "*" not in node.sh("iptables-save; ip6tables-save")
    node.apply(changed(MIXED, iptables_chain=None, iptables_rule=None))
    assert "*" not in node.sh("iptables-save; ip6tables-save")
