# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of one thing: right, and quick. The limits are ten times what it takes on an idle machine of two cores."""

import ipaddress
import json
import subprocess
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect
from engine_documents import flannel

pytestmark = pytest.mark.kernel

PEERS = 3000


def peers(count):
    """A flannel network of so many nodes, as one of them has it."""
    document = flannel(pods=("a",), peers=())
    first = ipaddress.ip_address("100.64.0.0")
    for number in range(count):
        vtep, mac = first + 256 * number, "66:00:00:00:%02x:%02x" % divmod(number, 256)
        document["route"].append({"dst": "%s/24" % vtep, "via": str(vtep), "dev": "flannel.1", "onlink": True})
        document["neighbour"].append({"dev": "flannel.1", "address": str(vtep), "mac": mac})
        document["vxlan_fdb"].append({"dev": "flannel.1", "mac": mac, "dst": str(ipaddress.ip_address("172.16.0.1") + number)})
    return document


# 200 namespaces with their veths; what interrupts of other work cost on the way is booked to this process too.
POD_SECONDS = 60


def seconds(function):
    """Of processor time, so that what else the machine does counts little."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def test_three_thousand_peers(node):
    start, document = node.snapshot(sysctls=False), peers(PEERS)
    took, outcome = seconds(lambda: node.apply(document))
    assert outcome.counts()["add"]["route"] == PEERS + 1 and took < 8
    assert len(json.loads(node.sh("ip -j route show proto 160"))) == PEERS
    assert len(json.loads(node.sh("ip -j neigh show dev flannel.1 nud permanent"))) == PEERS
    assert len([entry for entry in json.loads(node.sh("bridge -j fdb show dev flannel.1")) if entry.get("dst")]) == PEERS

    took, again = seconds(lambda: node.apply(document))
    assert not again.changed and took < 4

    node.sh("ip route del 100.64.7.0/24; ip neigh del 100.65.1.0 dev flannel.1; bridge fdb del 66:00:00:00:01:09 dev flannel.1 dst 172.16.1.10")
    assert node.apply(document).counts() == {"add": {"route": 1, "neighbour": 1, "vxlan_fdb": 1}}

    # All of it felled and put back; and all of it undone.
    node.sh("ip link set flannel.1 down")
    whole = node.snapshot(sysctls=False)
    with pytest.raises(Exception, match="Nothing is changed"):
        node.apply(document, fail_at=PEERS)
    node.same(whole, sysctls=False)
    node.apply(document)
    took, gone = seconds(lambda: node.apply({}))
    assert took < 6 and gone.changed
    node.same(start, sysctls=False)


def test_a_table_that_somebody_writes_is_read_whole(node):
    """A dump of a forwarding database that changes meanwhile leaves entries out, and the kernel does not say so."""
    document = peers(PEERS)
    node.apply(document)
    commands = "".join("fdb replace 66:00:00:00:%02x:%02x dev flannel.1 dst 172.31.0.1 self permanent\n"
                       "fdb del 66:00:00:00:%02x:%02x dev flannel.1 dst 172.31.0.1 self permanent\n" % (divmod(number, 256) * 2)
                       for number in range(60000, 60400))
    # A burst of changes, silence, and again: a dump that agrees with none has another try.
    script = "while :; do bridge -batch /run/changes; sleep 0.2; done"
    with open("/run/changes", "w", encoding="ascii") as file:
        file.write(commands)
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as writer:
        try:
            wanted = {entry["mac"] for entry in document["vxlan_fdb"]}
            for dummy in range(40):
                found = {entry["mac"] for entry in inspect(name="blue").document["vxlan_fdb"]}
                assert not wanted - found
        finally:
            writer.kill()


def test_two_thousand_rules(node):
    start = node.snapshot(sysctls=False)
    rules = ["-s 10.%d.%d.0/24 -p tcp --dport %d -j ACCEPT" % (n // 256, n % 256, n + 1) for n in range(2000)]

    def document(rules):
        return {"iptables_chain": [{"chain": "MANY", "rules": rules}], "iptables_rule": [{"chain": "FORWARD", "rule": "-j MANY"}]}

    took, outcome = seconds(lambda: node.apply(document(rules)))
    assert outcome.counts() == {"add": {"iptables_chain": 1, "iptables_rule": 2001}} and took < 8
    took, again = seconds(lambda: node.apply(document(rules)))
    assert not again.changed and took < 4
    # One out, one in, two changed places: as many edits.
    other = rules[:100] + rules[101:900] + ["-s 192.0.2.1/32 -j DROP"] + rules[900:]
    other[1500], other[1501] = other[1501], other[1500]
    outcome = node.apply(document(other))
    assert len(outcome.operations) == 4
    node.settled(document(other))
    took, outcome = seconds(lambda: node.apply(document(list(reversed(rules)))))
    assert took < 20
    node.settled(document(list(reversed(rules))))
    node.apply({})
    node.same(start, sysctls=False)


def test_two_hundred_pods(node):
    start = node.snapshot(sysctls=False)
    document = flannel(pods=["p%d" % n for n in range(200)])
    took, outcome = seconds(lambda: node.apply(document))
    assert outcome.counts()["add"]["netns"] == 200 and took < POD_SECONDS
    took, again = seconds(lambda: node.apply(document))
    assert not again.changed and took < 5
    took, gone = seconds(lambda: node.apply({}))
    assert took < POD_SECONDS and gone.counts()["remove"]["netns"] == 200
    node.same(start, sysctls=False)
