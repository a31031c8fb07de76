# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges (ip-link(8), net/bridge)."""

from __future__ import annotations

from .. import wire
from ..fields import Option, between
from ._base import Operation, ip
from ._link import END, Data, Link, flag_words, set_link

ETHERNET_MTU = 1500  # bytes; what a bridge is born with
SECONDS = 100  # USER_HZ: the kernel counts times of a bridge in hundredths


class Bridge(Link):
    name = kind = "bridge"
    schema = dict(
        END,
        stp=Option("bool"),
        ageing_time=Option("int", check=between(0, 1000000, "seconds")),
        multicast_snooping=Option("bool"),
    )
    data = {
        "stp": Data(
            5, "IFLA_BR_STP_STATE",
            lambda data, names: bool(wire.number(data.get(5))),
            lambda value, transaction, netns: ("IFLA_BR_STP_STATE", int(value)),
            flag_words("stp_state")),
        "ageing_time": Data(
            4, "IFLA_BR_AGEING_TIME",
            lambda data, names: wire.number(data.get(4), 0) // SECONDS,
            lambda value, transaction, netns: ("IFLA_BR_AGEING_TIME", value * SECONDS),
            lambda value: ["ageing_time", str(value * SECONDS)]),
        "multicast_snooping": Data(
            23, "IFLA_BR_MCAST_SNOOPING",
            lambda data, names: bool(wire.number(data.get(23))),
            lambda value, transaction, netns: ("IFLA_BR_MCAST_SNOOPING", int(value)),
            flag_words("mcast_snooping")),
    }

    # A bridge follows the smallest MTU of its ports until its own is changed, and the one given at birth is no change
    # (net/bridge/br_device.c br_change_mtu, br_if.c br_mtu_auto_adjust). So it is born with another, and changed at once.

    def request_add(self, transaction, operation):
        super().request_add(transaction, altered(operation, mtu=born(operation)))
        if operation.after["mtu"]:
            netns, name = operation.key
            transaction.queue(netns, wire.RTM_NEWLINK, 0, set_link(name, {"mtu": operation.after["mtu"]}, None), links=True)

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
