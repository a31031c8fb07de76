# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What random documents have brought to light, made small: documents that follow one another, of which one was refused or came out wrong."""

import pytest
from engine_lives import Tally, every_fault, every_promise
from features import cases

pytestmark = pytest.mark.kernel

P = {"netns": [{"name": "p"}]}
VXLAN = {"name": "s0", "vni": 7, "local": "198.18.0.11", "dev": "eth9"}
FDB = {"dev": "s0", "mac": "66:00:00:00:00:02", "dst": "198.18.0.12"}


def pair(**fields):
    return {"name": "s0", "peer": dict({"name": "s0x"}, **fields)}


def macvlan(name, last, **fields):
    return dict({"name": name, "parent": "eth9", "mac": "02:00:00:00:0e:%02x" % last}, **fields)


FOUND = {
    "veth, and then a VXLAN device of its name with FDB entries": [{"veth": [pair()]}, {"vxlan": [VXLAN], "vxlan_fdb": [FDB]}, {"veth": [pair()]}],
    "sysctl of IPv6 on a veth that keeps too small an MTU": [
        {"veth": [pair(mtu=1200)]}, {"veth": [pair()], "sysctl": [{"key": "net/ipv6/conf/s0x/accept_ra", "value": "0"}]}],
    "sysctl of IPv6 on a macvlan whose parent has too small an MTU": [
        {"bridge": [{"name": "b0", "mtu": mtu, "mac": "02:00:00:00:00:10", "stp": False}], "macvlan": [{"name": "m0", "parent": "b0"}],
         "sysctl": [{"key": "net/ipv6/conf/m0/accept_ra", "value": "0"}]} for mtu in (1200, 1300)],
    "macvlan whose MAC another still has elsewhere": [dict(P, macvlan=[macvlan("m0", 1, netns="p")]), dict(P, macvlan=[macvlan("m1", 1)])],
    "macvlan with the other's MAC, by turns": [
        {"macvlan": [macvlan("m0", 1), macvlan("m1", 2)]}, {"macvlan": [macvlan("m0", 2), macvlan("m1", 1)]}],
}  # fmt: skip


@pytest.mark.parametrize("name", cases(FOUND, of=lambda name: name.split()[0]))
def test_what_random_documents_found(name):
    every_promise(FOUND[name], ["green"], Tally())
    every_fault(FOUND[name], [], Tally())
