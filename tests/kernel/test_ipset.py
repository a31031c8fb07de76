# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets: their normal forms, what stays as it is when they change, and whose they are."""

import copy
import json
import os
import pathlib
import signal
import time

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import kernel
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.engine import Failed
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, Invalid, OperationFailed
from engine_documents import sets
from features import has

pytestmark = pytest.mark.kernel


def document(**fields):
    return {"ipset": [dict({"name": "s", "type": "hash:ip"}, **fields)]}


# What is written, and how many members that is.
SETTLES = {
    "range of addresses": (document(members=["10.0.0.1-10.0.0.5", "10.0.0.9"]), 6),
    "network of addresses": (document(members=["10.0.0.0/30"]), 4),
    "host bits": (document(type="hash:net", members=["10.1.2.3/8", "192.0.2.1/32"]), 2),
    "range of networks": (document(type="hash:net", members=["192.0.2.0-192.0.2.130"]), 3),
    "an exception": (document(type="hash:net", members=["10.0.0.0/8", {"member": "10.1.0.0/16", "nomatch": True}]), 2),
    "port by name": (document(type="hash:ip,port", members=["10.0.0.1,http", "10.0.0.1,udp:53-54", "10.0.0.1,icmp:ping"]), 4),
    "network and port": (document(type="hash:net,port", members=["10.0.0.5/24,tcp:80", "10.0.0.0/24,sctp:80"]), 2),
    "address, port and address": (document(type="hash:ip,port,ip", members=["10.0.0.1,80,10.0.0.2"]), 1),
    "address, port and network": (document(type="hash:ip,port,net", members=["10.0.0.1,80,10.9.9.9/16"]), 1),
    "network and interface": (document(type="hash:net,iface", members=["10.0.0.5/24,eth0", "10.0.0.0/25,physdev:eth1"]), 2),
    "beginning of an interface": (document(type="hash:net,iface", members=[{"member": "10.0.0.0/24,eth", "wildcard": True}]), 1),
    "ports": (document(type="bitmap:port", range="1000-1100", members=["1000-1002"]), 3),
    "bitmap of addresses": (document(type="bitmap:ip", range="10.0.0.7/24", members=["10.0.0.9"]), 1),
    "bitmap of networks": (document(type="bitmap:ip", range="10.0.0.0/8", netmask=24, members=["10.7.7.7"]), 1),
    "bitmap with MAC": (document(type="bitmap:ip,mac", range="10.0.0.0/24", members=["10.0.0.9,02:AA:00:00:00:01", "10.0.0.8"]), 2),
    "IPv6": (document(family="inet6", members=["FD00:0::0001"]), 1),
    "IPv6 networks": (document(type="hash:net", family="inet6", members=["fd00::1/64"]), 1),
    "mask": (document(netmask=24, members=["10.0.0.1"]), 1),
    "comments": (document(members=[{"member": "10.0.0.1", "comment": "it's \\ $HOME `x` ünd"}, "10.0.0.2"]), 2),
    "timeouts": (document(timeout=600, members=["10.0.0.1", {"member": "10.0.0.2", "timeout": 0}, {"member": "10.0.0.3", "timeout": 9000}]), 3),
    "timeouts by exception": (document(timeout=0, members=["10.0.0.1", {"member": "10.0.0.3", "timeout": 9000}]), 2),
    "all options": (document(hashsize=3000, maxelem=70000, timeout=5000, counters=True, comment=True, members=["10.0.0.1"]), 1),
    "one that fills": (document(hashsize=64, members=["10.0.0.0/22"]), 1024),
    "no member": (document(members=[]), 0),
    "not looked at": (document(timeout=5), 0),
}
# Of types that not every kernel has.
RARE = {
    "MAC": (document(type="hash:mac", members=["02:AA:00:00:00:01", "02:aa:00:00:00:02"]), 2),
    "address and MAC": (document(type="hash:ip,mac", members=["10.0.0.1,02:AA:00:00:00:01"]), 1),
    "address and mark": (document(type="hash:ip,mark", markmask="0xff", members=["10.0.0.1,99", "10.0.0.1,0x64"]), 2),
    "two networks": (document(type="hash:net,net", members=["10.1.2.3/8,192.0.2.0/25", "10.0.0.0/8,192.0.2.9"]), 2),
    "two networks and a port": (document(type="hash:net,port,net", members=["10.1.2.3/8,80,192.0.2.0/25"]), 1),
    "two networks of IPv6": (document(type="hash:net,net", family="inet6", members=["fd00::1/64,fd01::/64"]), 1),
}


def members(node, name="s"):
    return [line.split(maxsplit=2)[2] for line in node.sh("ipset save " + name).splitlines() if line.startswith("add ")]


@pytest.mark.parametrize("case", [*SETTLES, *(pytest.param(case, marks=pytest.mark.needs("ipset_types")) for case in RARE)])
def test_it_settles_and_can_be_typed(node, case):
    wanted, count = {**SETTLES, **RARE}[case]
    start = node.snapshot(sysctls=False)
    foretold = node.apply(wanted, check=True)
    node.same(start, sysctls=False)
    outcome = node.apply(wanted)
    assert (foretold.commands(), foretold.after) == (outcome.commands(), outcome.after)
    assert len(members(node)) == count
    again = node.settled(wanted)
    assert again.after == outcome.after
    assert not node.apply(again.after, check=True).commands()
    there = node.snapshot(sysctls=False)
    node.apply({})
    node.same(start, sysctls=False)
    node.replay(outcome.commands())
    by_hand = node.snapshot(sysctls=False)
    by_hand["run"] = there["run"]
    assert not node.differences(there, by_hand)


REFUSED = {
    "no port": (document(type="hash:ip,port", members=["10.0.0.1,80", "10.0.0.2,tcp:70000"]),
                "document.ipset[0].members[1]: '10.0.0.2,tcp:70000': expected what ipset takes; "),
    "written twice": (document(members=["10.0.0.1", "10.0.0.0/30"]), "document.ipset[0].members[1]: '10.0.0.0/30': expected what ipset takes; "),
    "too many": (document(maxelem=1, members=["10.0.0.1", "10.0.0.2"]), "Hash is full"),
    "an option of another type": (document(range="10.0.0.0/24"), "document.ipset[0].range: '10.0.0.0/24': expected what ipset takes with the type hash:ip; "),
    "IPv6 among IPv4": (document(members=["fd00::1"]), "document.ipset[0].members[0]: 'fd00::1'"),
    "a set that is not there": (document(type="list:set", members=["t"]), "document.ipset[0].members[0]: 't': expected a set that there is"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_sets_are_named(node, case):
    wanted, message = REFUSED[case]
    start = node.snapshot(sysctls=False)
    for check in (True, False):
        with pytest.raises(Invalid) as caught:
            node.apply(wanted, check=check)
        assert message in str(caught.value)
    node.same(start, sysctls=False)


def test_a_type_that_the_kernel_lacks(node, monkeypatch):
    """Of a kernel that has them all the answer is made up."""
    if has("ipset_types"):
        def run(self, netns, command, stdin=None):
            if "hash:mac" in (stdin or ""):
                raise OperationFailed("ipset: ipset v7.17: Error in line 1: Kernel error received: set type not supported")
            return original(self, netns, command, stdin)

        original = kernel.Kernel.run
        monkeypatch.setattr(kernel.Kernel, "run", run)
    start = node.snapshot(sysctls=False)
    for check in (True, False):
        with pytest.raises(Invalid) as caught:
            node.apply(document(type="hash:mac", members=["02:00:00:00:00:01"]), check=check)
        assert str(caught.value) == (
            "document.ipset[0].type: 'hash:mac': expected a set type that this node's kernel %s has; "
            "see whether there is a kernel module ip_set_hash_mac for it" % os.uname().release)
    node.same(start, sysctls=False)


def test_a_rule_whose_set_is_not_there(node):
    chain = {"iptables_chain": [{"chain": "C", "rules": ["-j RETURN", "-m set --match-set s src -j ACCEPT"]}]}
    with pytest.raises(Conflict, match=r"document.iptables_chain\[0\].rules\[1\]: .*there is no set s on this node; create it first"):
        node.apply(chain)
    node.apply(dict(chain, **document()))
    start = node.snapshot()
    with pytest.raises(Conflict, match="ipset s would go, and a rule of chain C that stays uses it: .*--match-set s src -j ACCEPT"):
        node.apply(chain)
    node.same(start)


def test_members_that_stay_keep_their_counters_and_their_time(node):
    wanted = document(counters=True, timeout=600, members=["10.0.0.1", "10.0.0.2"])
    node.apply(wanted)
    node.sh("ipset add s 10.0.0.1 packets 7 bytes 70 timeout 300 -exist")
    node.settled(wanted)
    wanted["ipset"][0]["members"] = ["10.0.0.1", "10.0.0.3"]
    assert node.apply(wanted).commands() == ["ipset del s 10.0.0.2 -exist", "ipset add s 10.0.0.3"]
    kept = dict(member.split(maxsplit=1) for member in members(node))
    assert set(kept) == {"10.0.0.1", "10.0.0.3"} and "packets 7 bytes 70" in kept["10.0.0.1"]
    assert 200 < int(kept["10.0.0.1"].split()[1]) <= 300 < int(kept["10.0.0.3"].split()[1])


def test_what_differs_of_a_member_is_written(node):
    node.apply(document(timeout=600, members=[{"member": "10.0.0.1", "comment": "a"}, "10.0.0.2"]))
    wanted = document(timeout=600, members=[{"member": "10.0.0.1", "comment": "b"}, {"member": "10.0.0.2", "timeout": 0}])
    assert len(node.apply(wanted).commands()) == 2
    node.settled(wanted)
    assert sorted(members(node)) == ['10.0.0.1 timeout 599 comment "b"', "10.0.0.2 timeout 0"]


def test_a_member_whose_time_is_up_comes_back(node):
    wanted = document(timeout=1, members=["10.0.0.1"])
    node.apply(wanted)
    time.sleep(2.5)
    assert members(node) == []
    assert node.apply(wanted).commands() == ["ipset add s 10.0.0.1"]


def test_what_others_put_in_goes_unless_members_are_left_out(node):
    node.apply(document(members=["10.0.0.1"]))
    node.sh("ipset add s 10.0.0.2; ipset del s 10.0.0.1")
    assert node.apply(document(members=["10.0.0.1"])).commands() == ["ipset del s 10.0.0.2 -exist", "ipset add s 10.0.0.1"]
    node.sh("ipset add s 10.0.0.3")
    node.settled(document())
    # Also where the set is swapped.
    node.apply(document(maxelem=9))
    assert sorted(members(node)) == ["10.0.0.1", "10.0.0.3"]


def test_the_order_of_a_set_of_sets(node):
    def wanted(*names):
        return {"ipset": [{"name": name, "type": "hash:ip", "members": []} for name in "abc"] + [{"name": "l", "type": "list:set", "members": list(names)}]}

    node.apply(wanted("a", "b", "c"))
    assert members(node, "l") == ["a", "b", "c"]
    assert node.apply(wanted("a", "c", "b")).commands() == [
        "ipset del l b -exist", "ipset del l c -exist", "ipset add l c -exist", "ipset add l b -exist"]
    assert members(node, "l") == ["a", "c", "b"]
    node.settled(wanted("a", "c", "b"))

    after = dict(wanted("c", "b", "a"), iptables_chain=[{"chain": "NEW", "rules": ["-j RETURN"]}])
    with pytest.raises(Failed, match="Nothing is changed"):
        node.apply(after, fail_at=len(node.apply(after, check=True).operations) - 1)
    assert members(node, "l") == ["a", "c", "b"]


def test_a_rule_never_misses_a_set_that_is_swapped(node):
    """Rules hold on to the set, not to its name: they are not touched, and match in the new one."""
    node.apply(sets())
    node.sh("iptables-save -c | sed 's/^.0:0. \\(-A SETS.*peers src\\)/[5:420] \\1/' | iptables-restore -c")
    outcome = node.apply(sets(maxelem=1000, peers=("192.0.2.0/24", "203.0.113.0/24")))
    assert outcome.counts() == {"change": {"ipset": 1}}
    assert [command.split()[1] for command in outcome.commands()] == ["create", "add", "add", "swap", "destroy"]
    assert "[5:420] -A SETS" in node.sh("iptables-save -c")
    assert "maxelem 1000" in node.sh("ipset save peers") and "clusternet-swap" not in node.sh("ipset save")
    assert "References: 2" in node.sh("ipset list -t peers")


def test_a_set_of_another_type_takes_its_rules_out_for_a_moment(node):
    node.apply(sets())
    rules = node.sh("iptables-save | grep '^-A'")
    after = sets(type_="hash:ip", peers=("192.0.2.1",))
    assert node.apply(after).counts() == {
        "remove": {"iptables_rule": 1, "ipset": 1}, "add": {"iptables_rule": 1, "ipset": 1}, "change": {"ipset": 3}}
    node.settled(after)
    assert node.sh("iptables-save | grep '^-A'") == rules and members(node, "both") == ["ports", "peers"]


def test_a_set_that_somebodys_rule_uses_keeps_its_type(node):
    node.apply(sets())
    node.sh("iptables -A INPUT -m set --match-set peers src -j DROP")
    start = node.snapshot()
    with pytest.raises(Conflict, match="peers: a set of type hash:net cannot become one of type hash:ip while a rule of chain INPUT uses it"):
        node.apply(sets(type_="hash:ip", peers=()))
    with pytest.raises(Conflict, match="ipset peers would go, and a rule of chain INPUT that stays uses it: -m set --match-set peers src -j DROP"):
        node.apply({})
    node.same(start)
    node.apply(sets(maxelem=99))


ON_THE_WAY = {
    "of the right make": "ipset create peers hash:net",
    "of another type": "ipset create peers hash:ip",
}


def test_somebodys_set_that_is_as_wanted_is_used_and_stays(node):
    node.sh("ipset create s hash:ip; ipset add s 10.0.0.1")
    start = node.snapshot()
    wanted = dict(document(members=["10.0.0.1"]), iptables_chain=[{"chain": "C", "rules": ["-m set --match-set s src -j ACCEPT"]}])
    assert "ipset" not in node.apply(wanted).counts()["add"]
    with pytest.raises(Conflict, match="ipset s: there is already a set of that name, not made by this fabric"):
        node.apply(document(members=["10.0.0.2"]))
    node.apply({})
    node.same(start)


@pytest.mark.parametrize("case", ON_THE_WAY)
def test_somebodys_set_in_the_way(node, case):
    node.sh(ON_THE_WAY[case])
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict, match="ipset peers: there is already a set of that name, not made by this fabric; destroy it, or"):
            node.apply(sets(), check=check)
    node.same(start)


def test_another_fabrics_set(node):
    node.apply(document(), "green", 161)
    start = node.snapshot()
    with pytest.raises(Conflict, match="ipset s: there is already a set of that name, which belongs to fabric green"):
        node.apply(document())
    node.same(start)
    node.apply({})
    node.same(start)
    node.apply({}, "green", 161)
    assert node.sh("ipset save") == ""


def test_somebodys_set_that_comes_while_we_look(node, monkeypatch):
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine

    original, done = engine.Transaction.run, []

    def run(self, operations):
        if not done:
            done.append(node.sh("ipset create s hash:ip; ipset add s 10.9.9.9"))
        original(self, operations)

    monkeypatch.setattr(engine.Transaction, "run", run)
    with pytest.raises(Exception, match="add ipset s: .*set with the same name already exists. Nothing is changed"):
        node.apply(dict(document(members=["10.0.0.1"]), bridge=[{"name": "b"}]))
    assert members(node) == ["10.9.9.9"] and not pathlib.Path("/run/clusternet").exists()


def test_somebodys_sets_stay(node):
    node.sh("ipset create theirs hash:ip; ipset add theirs 10.9.9.9; ip netns add q; ip netns exec q ipset create theirs hash:ip")
    start = node.snapshot()
    node.apply(sets())
    node.settled(sets())
    node.apply({})
    node.same(start)


def test_who_holds_a_set_is_written_down(node):
    node.apply(document())
    assert json.loads(pathlib.Path("/run/clusternet/ledger.json").read_text())["ipset"] == {"blue": [["", "s"]]}


def test_a_run_that_is_killed_in_the_middle_of_a_swap(node):
    """What it leaves under the name for swaps is no obstacle, and goes."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine.transaction import Transaction

    start = node.snapshot()
    node.apply(sets())

    def run():
        original = Transaction.feed_all

        def feed_all(self, netns, command, lines, table=None):
            swap = next((position for position, line in enumerate(lines) if line.startswith("swap")), None)
            original(self, netns, command, lines[:swap], table)
            if swap is not None:
                self.flush()
                os.kill(os.getpid(), signal.SIGKILL)

        Transaction.feed_all = feed_all
        node.apply(sets(maxelem=5))

    assert os.WIFSIGNALED(os.waitpid(node.fork(run), 0)[1])
    assert "clusternet-swap" in node.sh("ipset save")
    other = copy.deepcopy(sets(maxelem=6))
    half = node.snapshot()
    with pytest.raises(Exception, match="Nothing is changed"):
        node.apply(other, fail_at=1)
    node.same(half)
    node.apply(other)
    assert "clusternet-swap" not in node.sh("ipset save")
    node.settled(other)
    node.apply({})
    node.same(start)


def test_without_the_tool_check_mode_says_so_and_a_run_refuses(node, monkeypatch):
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import missing

    start, which = node.snapshot(), missing.shutil.which
    monkeypatch.setattr(missing.shutil, "which", lambda name, path=None: None if name == "ipset" else which(name, path=path))
    outcome = node.apply(dict(sets(), bridge=[{"name": "b"}]), check=True)
    assert outcome.missing == ["ipset"] and outcome.counts() == {"add": {"netns": 1, "bridge": 1}, "change": {"bridge": 1}}
    with pytest.raises(Exception, match="missing on this node: ipset; install ipset first"):
        node.apply(sets())
    monkeypatch.undo()
    node.same(start)


def test_ten_thousand_members(node):
    start, count = node.snapshot(sysctls=False), 10000
    texts = ["10.%d.%d.0/24" % divmod(number, 256) for number in range(count)]
    began = time.process_time()
    node.apply(document(type="hash:net", members=texts))
    took = time.process_time() - began
    assert len(members(node)) == count and took < 8
    began = time.process_time()
    node.settled(document(type="hash:net", members=texts))
    assert time.process_time() - began < 5
    outcome = node.apply(document(type="hash:net", members=texts[1:] + ["192.0.2.0/24"]))
    assert outcome.commands() == ["ipset del s 10.0.0.0/24 -exist", "ipset add s 192.0.2.0/24"]
    there = node.snapshot(sysctls=False)
    with pytest.raises(Exception, match="Nothing is changed"):
        node.apply(document(type="hash:net", members=texts[5000:]), fail_at=0)
    node.same(there, sysctls=False)
    node.apply({})
    node.same(start, sysctls=False)
