# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot shows a change of every sort, and is blind to what moves by itself."""

import json
import pathlib
import subprocess
import sys

import pytest
import snapshot
from module_node import ModuleNode

pytestmark = pytest.mark.kernel

SCRIPT = str(pathlib.Path(snapshot.__file__).resolve())

# /run, /var/lib and /etc are private to the sandbox; what is written there is in memory.
SETUP = """
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc
ip link add br0 type bridge
ip link add v0 type veth peer name v1
ip link set v0 master br0
ip link add vx0 address 66:00:00:00:00:01 type vxlan id 7 dstport 8472 nolearning
ip link set br0 up
ip link set v0 up
ip link set v1 up
ip link set vx0 up
ip address add 198.51.100.1/24 dev br0
iptables-nft -N FOREIGN
"""


class Watched(ModuleNode):
    """A sandbox that says what a script changed in it."""

    def changes(self, script, arguments="--kernel"):
        before = self.snapshot(arguments)
        self.run(script)
        return snapshot.diff(before, self.snapshot(arguments))[0]


@pytest.fixture(scope="module")
def sandbox():
    sandbox = Watched(SETUP)
    yield sandbox
    sandbox.close()


# What is there before, the change, and what the snapshot says of it.
CHANGES = {
    "link": ("", "ip link add d0 type veth peer name d1", "links / d0: added"),
    "link gone": ("ip link add d2 type veth peer name d3", "ip link delete d2", "links / d3: gone"),
    "link down": ("ip link add d4 up type bridge", "ip link set d4 down", "links / d4 / flags: gone: UP"),
    "mtu": ("", "ip link set v1 mtu 1400", "links / v1 / mtu: 1500 -> 1400"),
    "mac": ("", "ip link set v1 address 66:00:00:00:00:77", "links / v1 / address:"),
    "alias": ("", "ip link set v1 alias somebody", "links / v1 / ifalias: added: somebody"),
    "group": ("", "ip link set v1 group 160", "links / v1 / group: 0 -> 160"),
    "hairpin": ("", "bridge link set dev v0 hairpin on", "info_slave_data / hairpin: False -> True"),
    "bridge setting": ("", "ip link set br0 type bridge ageing_time 100", "info_data / ageing_time: 30000 -> 100"),
    "vxlan setting": ("", "ip link set vx0 type vxlan ageing 100", "info_data / ageing: 300 -> 100"),
    "master": (
        "ip link add p0 type veth peer name p1; ip link set p0 master br0",
        "ip link set p0 nomaster",
        "links / p0 / master: gone: br0",
    ),
    "address": ("", "ip address add 198.51.100.2/24 dev br0", "addresses / br0: added"),
    "address order": (
        "ip link add d5 up type bridge; ip address add 192.0.2.1/25 dev d5; ip address add 192.0.2.2/25 dev d5",
        "ip address del 192.0.2.1/25 dev d5; ip address add 192.0.2.2/25 dev d5; ip address add 192.0.2.1/25 dev d5",
        "addresses / d5",
    ),
    "route": ("", "ip route add 203.0.113.0/24 via 198.51.100.9 proto 160", "routes: added"),
    "route of another protocol": (
        "ip route add 203.0.114.0/24 via 198.51.100.9 proto 160",
        "ip route delete 203.0.114.0/24; ip route add 203.0.114.0/24 via 198.51.100.9 proto 161",
        "routes: added: dev=br0 dst=203.0.114.0/24 family=inet gateway=198.51.100.9 protocol=161",
    ),
    "route in another table": ("", "ip route add blackhole 203.0.113.0/24 table 77", "routes: added"),
    "route, IPv6": ("", "ip -6 route add 2001:db8::/64 dev br0", "routes: added"),
    "nexthop": ("", "ip nexthop add id 9 via 198.51.100.9 dev br0", "nexthops: added"),
    "rule": ("", "ip rule add to 203.0.113.0/24 lookup 77", "rules: added"),
    "rule, IPv6": ("", "ip -6 rule add to 2001:db8::/64 lookup 77", "rules: added"),
    "permanent neighbour": ("", "ip neigh add 198.51.100.77 lladdr 66:00:00:00:00:02 dev br0", "neighbours: added"),
    "proxy neighbour": ("", "ip neigh add proxy 198.51.100.78 dev br0", "neighbours: added"),
    "static FDB": ("", "bridge fdb append 66:00:00:00:00:03 dev vx0 dst 192.0.2.1", "fdb: added"),
    "static FDB of a port": ("", "bridge fdb add 66:00:00:00:00:04 dev v0 master", "fdb: added"),
    "sysctl": ("", "echo 1 > /proc/sys/net/ipv4/ip_forward", "sysctls / net/ipv4/ip_forward: 0 -> 1"),
    "sysctl of a device": ("", "echo 1 > /proc/sys/net/ipv4/conf/v1/proxy_arp", "net/ipv4/conf/v1/proxy_arp: 0 -> 1"),
    "chain": ("", "iptables-nft -t nat -N NEW", "tables / iptables-nft / nat: added"),
    "rule of a table": (
        "",
        "iptables-nft -A FOREIGN -s 192.0.2.1 -j DROP",
        "FOREIGN / rules: added: -A FOREIGN -s 192.0.2.1/32 -j DROP",
    ),
    "rule's order": (
        "iptables-nft -t raw -N R; iptables-nft -t raw -A R -s 192.0.2.1 -j DROP; iptables-nft -t raw -A R -s 192.0.2.2 -j DROP",
        "iptables-nft -t raw -D R 1; iptables-nft -t raw -A R -s 192.0.2.1 -j DROP",
        "raw / R / rules: the order changed",
    ),
    "policy": ("", "iptables-nft -P FORWARD DROP", "filter / FORWARD: added: policy=DROP"),
    "rule of an IPv6 table": ("", "ip6tables-nft -A INPUT -s 2001:db8::1 -j DROP", "tables / ip6tables-nft"),
    "set": ("", "ipset create s0 hash:ip timeout 100", "sets / s0: added"),
    "set's member": ("ipset create s1 hash:ip", "ipset add s1 192.0.2.1", "sets / s1 / members: added: 192.0.2.1"),
    "namespace": ("", "ip netns add n0", "namespaces / n0: added"),
    "inside a namespace": ("ip netns add n1", "ip -n n1 link set lo up", "namespaces / n1 / links / lo / flags: added: UP"),
    "namespace gone": ("ip netns add n2", "ip netns delete n2", "namespaces / n2: gone"),
}


@pytest.mark.parametrize("sort", CHANGES)
def test_a_change_shows(sandbox, sort):
    given, command, expected = CHANGES[sort]
    sandbox.run(given)
    lines = sandbox.changes(command)
    assert any(expected in line for line in lines), lines


def test_an_xfrm_change_shows_without_its_key(sandbox):
    key = "0x" + "4f" * 20
    state = "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 7 mode tunnel aead 'rfc4106(gcm(aes))' %s 128" % key
    try:
        lines = sandbox.changes(state)
    except subprocess.CalledProcessError as error:
        # This kernel has no ESP; the parser is shown what `ip xfrm` prints where there is one.
        assert "not" in error.stderr.lower(), error.stderr
        records = snapshot.parse_xfrm(
            "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x00000007 reqid 0 mode tunnel\n"
            "\taead rfc4106(gcm(aes)) %s 128\n\tanti-replay context: seq 0x0, oseq 0x5, bitmap 0x0\n" % key
        )
        lines = snapshot.compare(["xfrm", "state"], [], records)
        assert "oseq" not in str(lines)
    assert any("spi 0x00000007" in line and "key-" in line for line in lines), lines
    assert "4f4f" not in str(lines)


def test_an_xfrm_policy_is_read():
    text = (
        "src 10.244.1.0/24 dst 10.244.2.0/24 \n\tdir out priority 0 \n\ttmpl src 192.0.2.1 dst 192.0.2.2\n"
        "\t\tproto esp reqid 11 mode tunnel\nsrc 0.0.0.0/0 dst 0.0.0.0/0 \n\tsocket in priority 0 \n"
    )
    records = snapshot.parse_xfrm(text)
    assert len(records) == 1 and "reqid 11" in records[0]


@pytest.mark.parametrize("tree", ["/etc", "/var/lib", "/run"])
def test_a_file_shows(sandbox, tree):
    sandbox.run("cd %s; echo a > changed; echo a > reached; echo a > removed; echo a > same" % tree)
    lines = sandbox.changes(
        "cd %s; echo a > new; ln -s new link; mkdir folder; echo b > changed; chmod 600 reached; rm removed; touch same" % tree, "--netns"
    )
    assert sorted(line.replace("files / %s/" % tree, "").split(": ")[0] for line in lines) == [
        "changed / content",
        "folder",
        "link",
        "new",
        "reached / mode",
        "removed",
    ], lines
    assert "files / %s/reached / mode: 0644 -> 0600" % tree in lines


def test_what_moves_by_itself_does_not_show(sandbox):
    sandbox.run(
        "ip netns add quiet; ip link add q0 type veth peer name q1 netns quiet; ip link set q0 master br0; ip link set q0 up;"
        "ip -n quiet address add 198.51.100.50/24 dev q1; ip -n quiet link set q1 up;"
        "ipset create t0 hash:ip timeout 500; ipset add t0 192.0.2.7"
    )
    traffic = (
        # Until one is answered: a device that has just come up may have no carrier yet.
        "ip netns exec quiet ping -c 1 -w 20 -i 0.2 198.51.100.1; sleep 1;"
        # What it left behind is there, and is not counted.
        "ip neigh show dev br0 | grep -q 198.51.100.50; bridge fdb show br br0 | grep -q -v permanent;"
        "iptables-nft -L -v -n; ip netns add passing; ip netns delete passing"
    )
    assert sandbox.changes(traffic) == []


def test_a_learned_fdb_entry_does_not_count_once_its_time_is_over_either(monkeypatch):
    """Until the bridge collects it the kernel calls it stale, for less than a second: too short to be waited for."""
    entries = [{"mac": "66:00:00:00:00:0%d" % number, "ifname": "v0", "flags": [], "master": "br0", **state}
               for number, state in enumerate(({"state": "permanent"}, {"state": "static"}, {"state": "stale"}, {"state": ""}))]
    monkeypatch.setattr(snapshot, "run_json", lambda *words: entries)
    assert sorted(entry["mac"] for entry in snapshot.take_fdb()) == ["66:00:00:00:00:00", "66:00:00:00:00:01"]


def test_an_empty_base_table_equals_none(sandbox):
    assert sandbox.changes("iptables-nft -t mangle -A INPUT -j ACCEPT; iptables-nft -t mangle -D INPUT -j ACCEPT") == []


def test_a_user_chain_that_is_empty_counts(sandbox):
    assert sandbox.changes("iptables-nft -t mangle -N LEFT") != []
    assert sandbox.changes("iptables-nft -t mangle -X LEFT") != []


def test_the_command_line_says_what_differs(sandbox):
    out = sandbox.run(
        "{0} {1} --kernel --netns > /run/a.json; ip route add 192.0.2.0/24 dev lo; {0} {1} --kernel --netns > /run/b.json;"
        "{0} {1} diff /run/a.json /run/a.json; {0} {1} diff /run/a.json /run/b.json || echo code $?".format(sys.executable, SCRIPT)
    )
    assert "routes: added: dev=lo dst=192.0.2.0/24" in out
    assert out.endswith("code 1\n")
    assert len(out.splitlines()) == 2


def test_what_comes_by_standard_input_sees_named_namespaces_too(sandbox):
    """As it comes to a virtual machine, where it leaves no file."""
    sandbox.run("ip netns add far; ip -n far link add there type bridge")
    found = json.loads(sandbox.run("{0} - --kernel < {1}".format(sys.executable, SCRIPT)))["namespaces"]
    assert "there" in found["far"]["links"] and "there" not in found[""]["links"]
    sandbox.run("ip netns delete far")


def test_what_a_new_package_brings_is_not_counted():
    def machine(**more):
        return {"namespaces": {}, "packages": {"base": "1"}, "units": {}, "files": {}, **more}

    after = machine(
        packages={"base": "1", "tool": "2"},
        files={"/etc/tool.conf": {"package": "tool"}, "/etc/other": {}},
        units={"tool.service": {"file": "disabled", "package": "tool"}},
    )
    lines, fresh = snapshot.diff(machine(), after)
    assert lines == ["files / /etc/other: added: "]
    assert fresh == ["tool"]


def test_the_legacy_tables_text_is_read_like_the_others():
    text = "*nat\n:PREROUTING ACCEPT [5:300]\n:OURS - [0:0]\n[7:420] -A OURS -j RETURN\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
    assert snapshot.parse_save(text) == {"nat": {"OURS": {"policy": "-", "rules": ["-A OURS -j RETURN"]}}}
