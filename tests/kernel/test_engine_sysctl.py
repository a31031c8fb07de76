# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls as found come back when the last fabric that wanted another value has gone."""

import pathlib

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, FabricError

pytestmark = pytest.mark.kernel

FORWARD = {"sysctl": [{"key": "net/ipv4/ip_forward", "value": "1"}]}


def value(key="net/ipv4/ip_forward"):
    return pathlib.Path("/proc/sys", key).read_text(encoding="ascii").strip()


def test_the_last_of_two_fabrics_puts_it_back(node):
    start = node.snapshot()
    node.apply(FORWARD, "blue", 160)
    assert not node.apply(FORWARD, "green", 161).changed
    assert not node.apply({}, "blue", 160).changed
    assert value() == "1"
    node.settled(FORWARD, "green", 161)
    assert node.apply({}, "green", 161).commands() == ["sysctl -w net/ipv4/ip_forward=0"]
    node.same(start)


def test_two_fabrics_that_want_different_values(node):
    node.apply(FORWARD, "blue", 160)
    with pytest.raises(Conflict, match="sysctl net/ipv4/ip_forward: fabric blue wants 1 and fabric green wants 0; agree on one value"):
        node.apply({"sysctl": [{"key": "net/ipv4/ip_forward", "value": "0"}]}, "green", 161)


def test_what_was_right_already_stays(node):
    node.sh("sysctl -qw net/ipv4/ip_forward=1")
    start = node.snapshot()
    assert not node.apply(FORWARD).changed
    assert not node.apply({}).changed
    node.same(start)


def test_another_value_wanted_later_keeps_what_was_found(node):
    start = node.snapshot()
    for number in ("7", "9"):
        node.apply({"sysctl": [{"key": "net/ipv4/neigh/eth9/app_solicit", "value": number}]})
    node.apply({})
    node.same(start)


def test_drift_is_mended(node):
    node.apply(FORWARD)
    node.sh("sysctl -qw net/ipv4/ip_forward=0")
    assert node.apply(FORWARD).commands() == ["sysctl -w net/ipv4/ip_forward=1"]


def test_what_devices_had_comes_back_after_the_global_value(node):
    """0 to 1 to 0 writes through to every device each time."""
    node.sh("sysctl -qw net/ipv4/conf/eth9/forwarding=1 net/ipv4/conf/default/forwarding=1 net/ipv6/conf/eth9/forwarding=1")
    start = node.snapshot()
    document = {"sysctl": FORWARD["sysctl"] + [{"key": "net/ipv6/conf/all/forwarding", "value": "1"}]}
    node.apply(document)
    node.settled(document)
    node.apply({})
    node.same(start)


def test_a_devices_own_value_beside_the_global_one(node):
    """Whatever the order in the document, the device's wins."""
    start = node.snapshot()
    document = {"sysctl": [{"key": "net/ipv4/conf/eth9/forwarding", "value": "0"}] + FORWARD["sysctl"]}
    outcome = node.apply(document)
    assert outcome.commands() == ["sysctl -w net/ipv4/ip_forward=1", "sysctl -w net/ipv4/conf/eth9/forwarding=0"]
    node.settled(document)
    node.apply({})
    node.same(start)


def test_dots_and_slashes_name_the_same_key(node):
    node.apply({"sysctl": [{"key": "net.ipv4.ip_forward", "value": 1}]})
    node.settled(FORWARD)


def test_several_fields_count_as_one_value(node):
    start = node.snapshot()
    document = {"sysctl": [{"key": "net/ipv4/ip_local_port_range", "value": "20000   40000"}]}
    node.apply(document)
    node.settled(document)
    node.apply({})
    node.same(start)


def test_a_value_that_the_kernel_refuses(node):
    start = node.snapshot()
    with pytest.raises(FabricError, match=r"change sysctl net/ipv4/neigh/eth9/proxy_delay: Invalid argument. Nothing is changed"):
        node.apply({"sysctl": FORWARD["sysctl"] + [{"key": "net/ipv4/neigh/eth9/proxy_delay", "value": "soon"}]})
    node.same(start)


def test_a_value_that_the_kernel_rounds(node):
    """Times are kept in ticks: what comes back is not what was asked for, and a second run would ask again."""
    start = node.snapshot()
    with pytest.raises(FabricError, match="the kernel took '7' and holds '6'. Nothing is changed"):
        node.apply({"sysctl": [{"key": "net/ipv4/neigh/eth9/proxy_delay", "value": "7"}]})
    node.same(start)


def test_a_key_that_the_kernel_has_not(node):
    start = node.snapshot()
    with pytest.raises(FabricError, match="add sysctl net/ipv4/no_such_key: this kernel has no such key .*Nothing is changed"):
        node.apply({"sysctl": FORWARD["sysctl"] + [{"key": "net/ipv4/no_such_key", "value": "1"}]})
    node.same(start)


def test_ipv6_sysctls_of_a_device_without_ipv6_are_no_matter(node):
    """An underlay of 1300 bytes leaves a tunnel less than IPv6 needs; the device then has no such sysctls."""
    document = {"bridge": [{"name": "br5", "mtu": 1250}], "sysctl": [{"key": "net/ipv6/conf/br5/accept_ra", "value": "0"}]}
    node.apply(document)
    node.settled(document)
    document["bridge"][0]["mtu"] = 1300
    node.apply(document)
    node.settled(document)
    assert value("net/ipv6/conf/br5/accept_ra") == "0"


def test_a_ledger_that_cannot_be_read_is_named(node):
    node.apply(FORWARD)
    pathlib.Path("/run/clusternet/ledger.json").write_text("{", encoding="ascii")
    with pytest.raises(FabricError, match="/run/clusternet/ledger.json cannot be read .*mend it, or delete it"):
        node.apply(FORWARD)


def test_a_new_namespaces_own_value_comes_back(node):
    """Found is what it was made with."""
    document = {"netns": [{"name": "n"}]}
    node.apply(document)
    whole = node.snapshot()
    node.apply({})
    node.apply(dict(document, sysctl=[{"netns": "n", "key": "net/ipv4/ip_forward", "value": "1"}]))
    node.apply(document)
    node.same(whole)
