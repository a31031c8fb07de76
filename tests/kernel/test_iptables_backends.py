# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables by both its back ends, every table and both IP versions; where jumps stand among foreign rules; rules that `nft` made."""

import socket

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from features import cases

pytestmark = pytest.mark.kernel

# The tools that the engine calls are Debian's alternatives. The node sees other ones; the host's stay.
ALTERNATIVES = """
links=$(cd /etc/alternatives && for name in *; do [ ! -L $name ] || echo "$name $(readlink $name)"; done)
mount -t tmpfs alternatives /etc/alternatives
echo "$links" | while read name target; do ln -s "$target" "/etc/alternatives/$name"; done
for tool in iptables ip6tables; do
  for what in "" -save -restore; do ln -sf "/usr/sbin/$tool-%s$what" "/etc/alternatives/$tool$what"; done
done
"""
BACKENDS = pytest.mark.parametrize("backend", cases(["nft", "legacy"], of="iptables_%s".__mod__))
# table: the built-in chain that jumps, and rules that only such a table has, or any
TABLES = {
    "raw": ("PREROUTING", ["-p udp -m udp --dport 53 -j ACCEPT"]),
    "mangle": ("POSTROUTING", ["-j MARK --set-xmark 0x7/0xff"]),
    "nat": ("POSTROUTING", ["-m mark --mark 0x7 -j MASQUERADE"]),
    "filter": ("OUTPUT", ["-p tcp -m tcp --dport 80 -j REJECT"]),
    "security": ("INPUT", ["-m addrtype --dst-type LOCAL -j RETURN"]),
}
LOOPBACK = {4: "127.0.0.0/8", 6: "::1/128"}


def use(node, backend):
    node.sh(ALTERNATIVES % backend)
    assert {"nft": "nf_tables"}.get(backend, backend) in node.sh("iptables-restore --version; ip6tables-save --version")


def everywhere(*more):
    """A chain in every table, and the jump there; `more` are rules that stand before its own."""
    document = {"iptables_chain": [], "iptables_rule": []}
    for version, here in LOOPBACK.items():
        for table, (hook, rules) in TABLES.items():
            where = {"table": table, "ip_version": version}
            rules = ["-s %s -j RETURN" % here] + list(more) + rules + ["-m comment --comment \"the last\" -j RETURN"]
            document["iptables_chain"].append(dict(where, chain="OURS", rules=rules))
            document["iptables_rule"].append(dict(where, chain=hook, rule="-j OURS"))
    return document


def rules_of(node, version, table, chain):
    tool = {4: "iptables", 6: "ip6tables"}[version]
    return [line.partition(" %s " % chain)[2] for line in node.sh("%s -t %s -S" % (tool, table)).splitlines() if line.startswith("-A %s " % chain)]


@BACKENDS
def test_every_table_from_nothing_to_nothing(node, backend):
    use(node, backend)
    foreign = "".join("%s -t %s -A %s -s %s -j ACCEPT\n" % (tool, table, hook, LOOPBACK[version])
                      for version, tool in ((4, "iptables"), (6, "ip6tables")) for table, (hook, dummy) in TABLES.items())
    node.sh(foreign)
    start = node.snapshot()
    for document in (everywhere(), everywhere("-p udp -j ACCEPT"), {}):
        operations = node.apply(document, check=True).operations
        half = node.snapshot(sysctls=False)
        for number in sorted({0, len(operations) // 2, len(operations) - 1}):
            with pytest.raises(Exception, match="made to fail by a test. Nothing is changed"):
                node.apply(document, fail_at=number)
            node.same(half, sysctls=False)
        foretold, done = node.apply(document, check=True), node.apply(document)
        assert (foretold.commands(), foretold.after) == (done.commands(), done.after)
        node.settled(document)
        assert not node.apply(done.after, check=True).commands()
    node.same(start)


@BACKENDS
def test_the_commands_by_hand_do_the_same_in_every_table(node, backend):
    use(node, backend)
    for document in (everywhere(), everywhere("-p udp -j ACCEPT"), {}):
        node.replay(node.apply(document, check=True).commands())
        node.settled(document)


@BACKENDS
def test_rules_that_stay_keep_their_counters(node, backend):
    use(node, backend)
    node.sh("ip6tables -A INPUT -j ACCEPT; iptables -A INPUT -j ACCEPT")
    node.apply(everywhere())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packet:
        packet.sendto(b"x", ("127.0.0.1", 9))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as packet:
        packet.sendto(b"x", ("::1", 9))
    node.apply(everywhere("-p udp -j ACCEPT"))
    for tool in ("iptables", "ip6tables"):
        counted = [line for line in node.sh(tool + "-save -c").splitlines() if "[0:0]" not in line and line.startswith("[")]
        # the rule in our chain and the jump to it, in the tables that loopback passes through from the first packet on; and the foreign one
        assert sum("-A OURS " in line for line in counted) >= 3 and sum("-j OURS" in line for line in counted) >= 3, counted
        assert sum("-A INPUT -j ACCEPT" in line for line in counted) == 1


@BACKENDS
@pytest.mark.parametrize("version", [4, 6])
def test_jumps_keep_their_places_among_foreign_rules(node, backend, version):
    use(node, backend)
    tool = {4: "iptables", 6: "ip6tables"}[version]
    node.sh("%s -A FORWARD -i a -j DROP; %s -A FORWARD -i b -j DROP" % (tool, tool))

    def document(*rules):
        where = {"ip_version": version}
        return {"iptables_chain": [dict(where, chain=name, rules=list(rules)) for name in ("FIRST", "LAST")], "iptables_rule": [
            dict(where, chain="FORWARD", rule="-j FIRST", position="first"), dict(where, chain="FORWARD", rule="-j LAST")]}

    def order():
        return [rule.split(" -j ")[1] if "clusternet" in rule else rule.split()[1] for rule in rules_of(node, version, "filter", "FORWARD")]

    node.apply(document("-j RETURN"))
    assert order() == ["FIRST", "a", "b", "LAST"]
    node.sh("%s -I FORWARD -i z -j DROP; %s -A FORWARD -i c -j DROP; %s -I FORWARD 4 -i m -j DROP" % (tool, tool, tool))
    there = ["z", "FIRST", "a", "m", "b", "LAST", "c"]
    assert order() == there
    node.settled(document("-j RETURN"))
    node.apply(document("-p tcp -j RETURN", "-j RETURN"))
    assert order() == there
    node.sh("%s -D FORWARD 2" % tool)
    node.apply(document("-j RETURN"))
    assert order() == ["FIRST", "z", "a", "m", "b", "LAST", "c"]
    node.apply({})
    assert order() == ["z", "a", "m", "b", "c"]


def native(*places):
    """Have `nft` rules made in (table, chain): of Ethernet's destination, for which iptables has no words; what all of nft then holds."""
    from pyroute2.nftables.expressions import genex
    from pyroute2.nftables.main import NFTables

    match = (genex("payload", {"DREG": 1, "BASE": 0, "OFFSET": 0, "LEN": 6}),
             genex("cmp", {"SREG": 1, "OP": 0, "DATA": {"attrs": [("NFTA_DATA_VALUE", b"\x02\0\0\0\0\1")]}}))
    with NFTables(nfgen_family=2) as nft:
        for table, chain in places:
            nft.rule("add", table=table, chain=chain, expressions=(match,))
        rules = [tuple(str(rule.get_attr("NFTA_RULE_" + field)) for field in ("TABLE", "CHAIN", "HANDLE", "EXPRESSIONS")) for rule in nft.get_rules()]
    return [rule for rule in rules if "payload" in rule[3]]


@pytest.mark.needs("iptables_nft")
def test_rules_of_nft_stay_as_they_are(node):
    """In a table of their own, and among those of iptables, which shows them there as something weaker."""
    from pyroute2.nftables.main import NFTables

    use(node, "nft")
    node.sh("iptables -A FORWARD -i a -j DROP; iptables -A FORWARD -i b -j DROP")
    with NFTables(nfgen_family=2) as nft:
        nft.table("add", name="native")
        nft.chain("add", table="native", name="all", hook="forward", type="filter", priority=5)
    there = native(("native", "all"), ("filter", "FORWARD"))
    assert len(there) == 2
    node.sh("iptables -A FORWARD -i c -j DROP")
    document = {"iptables_chain": [{"chain": "OURS", "rules": ["-j RETURN"]}], "iptables_rule": [
        {"chain": "FORWARD", "rule": "-j OURS"}, {"chain": "FORWARD", "rule": "-p tcp -j OURS", "position": "first"}]}
    for wanted in (document, dict(document, iptables_rule=document["iptables_rule"][:1]), document, {}):
        node.apply(wanted)
        node.settled(wanted)
        assert native() == there
    assert rules_of(node, 4, "filter", "FORWARD") == ["-i a -j DROP", "-i b -j DROP", "-i c -j DROP"]


@pytest.mark.needs("iptables_nft")
def test_a_rule_of_nft_that_iptables_cannot_read_is_said(node):
    from pyroute2.nftables.expressions import genex
    from pyroute2.nftables.main import NFTables

    use(node, "nft")
    node.sh("iptables -A FORWARD -i a -j DROP")
    with NFTables(nfgen_family=2) as nft:
        nft.rule("add", table="filter", chain="FORWARD", expressions=((
            genex("meta", {"DREG": 1, "KEY": 21}), genex("cmp", {"SREG": 1, "OP": 0, "DATA": {"attrs": [("NFTA_DATA_VALUE", b"\x07\0\0\0")]}})),))
    for document in (everywhere(), {}):
        with pytest.raises(FabricError, match="the rules cannot be read: iptables-save: .*which `nft` made in one of iptables' tables"):
            node.apply(document)
