# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges (ip-link(8), net/bridge)."""

from __future__ import annotations

from .. import wire
from ..errors import Conflict, Invalid
from ..fields import Option, between
from . import _vlans
from ._base import Operation, ip
from ._link import END, Data, flag_words
from ._link_messages import set_link
from ._raw import RawLink, flag, one_of, seconds, whole

ETHERNET_MTU = 1500  # bytes; what a bridge is born with
DEFAULT_PVID = 39  # IFLA_BR_VLAN_DEFAULT_PVID: told only by a kernel that has VLANs
PROTOCOLS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}


def _mask(value, path):
    """Of the link-local groups 01:80:c2:00:00:0x those that are forwarded; STP, pause frames and LACP never are (BR_GROUPFWD_RESTRICTED)."""
    between(0, 65535, "a mask of 16 bits")(value, path)
    if value & 7:
        raise Invalid(path, value, "a mask without its lowest three bits: STP, pause frames and LACP are not forwarded")
    return value


class Bridge(RawLink):
    name = kind = "bridge"
    schema = dict(
        END,
        stp=Option("bool"),
        priority=Option("int", check=between(0, 65535, "a bridge's priority")),
        forward_delay=Option("int", check=between(2, 30, "seconds")),
        hello_time=Option("int", check=between(1, 10, "seconds")),
        max_age=Option("int", check=between(6, 40, "seconds")),
        ageing_time=Option("int", check=between(0, 1000000, "seconds")),
        group_fwd_mask=Option("int", check=_mask),
        multicast_snooping=Option("bool"),
        vlan_filtering=Option("bool"),
        vlan_protocol=Option("str", choices=tuple(PROTOCOLS)),
        vlan_default_pvid=Option("int", check=between(0, _vlans.LAST, "a VLAN ID, or 0 for none,")),
    )
    data = {
        "stp": flag(5, "stp_state", "I"),
        "priority": whole(6, "H", "priority"),
        "forward_delay": seconds(1, "forward_delay"),
        "hello_time": seconds(2, "hello_time"),
        "max_age": seconds(3, "max_age"),
        "ageing_time": seconds(4, "ageing_time"),
        "group_fwd_mask": whole(9, "H", "group_fwd_mask"),
        "multicast_snooping": flag(23, "mcast_snooping"),
        "vlan_filtering": Data(
            7, None,
            lambda data, names: bool(wire.number(data.get(7))) if DEFAULT_PVID in data else None,
            lambda value, transaction, netns: bytes([value]),
            flag_words("vlan_filtering")),
        "vlan_protocol": one_of(8, PROTOCOLS, "!H", "vlan_protocol"),
        "vlan_default_pvid": whole(DEFAULT_PVID, "H", "vlan_default_pvid"),
    }

    def check(self, state, key, wanted, owner):
        super().check(state, key, wanted, owner)
        # Such a kernel takes the last two, says that all is well, and forgets them.
        for field in () if state.has_vlans else ("vlan_filtering", "vlan_protocol", "vlan_default_pvid"):
            if wanted.get(field):
                raise Conflict("%s: %s: %s; leave it out" % (self.describe(key), field, _vlans.LACKING))

    def simulate(self, state, operation):
        before = state["link"].get(operation.key)
        super().simulate(state, operation)
        if operation.verb == "add":
            if state.has_vlans and operation.after["vlan_default_pvid"] is None:
                state.alter("link", operation.key, vlan_default_pvid=_vlans.FIRST)
            _vlans.given(state, operation.key, operation.key)
        elif "vlan_default_pvid" in (operation.after or {}):
            _vlans.default_changes(state, operation.key, before["vlan_default_pvid"])

    # A bridge follows the smallest MTU of its ports until its own is changed, and the one given at birth is no change
    # (net/bridge/br_device.c br_change_mtu, br_if.c br_mtu_auto_adjust). So it is born with another, and changed at once.

    def request_add(self, transaction, operation):
        super().request_add(transaction, altered(operation, mtu=born(operation)))
        if operation.after["mtu"]:
            netns, name = operation.key
            transaction.queue(netns, wire.RTM_NEWLINK, 0, set_link(name, {"mtu": operation.after["mtu"]}, None))

    def commands(self, operation):
        if operation.verb != "add":
            return super().commands(operation)
        lines = super().commands(altered(operation, mtu=born(operation)))
        if operation.after["mtu"]:
            lines.append(ip(operation.key[0], "link", "set", "dev", operation.key[1], "mtu", operation.after["mtu"]))
        return lines


def altered(operation, **fields):
    return Operation(operation.kind, operation.verb, operation.key, after=dict(operation.after, **fields))


def born(operation):
    return ETHERNET_MTU - 1 if operation.after["mtu"] == ETHERNET_MTU else None
