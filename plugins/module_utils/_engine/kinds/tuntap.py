# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tun and tap devices (ip-tuntap(8), drivers/net/tun.c): what is sent into them a process reads. Persistent ones: the others are their
process's, and go with it.

They are made by ioctl and not by a netlink message, so that the mark cannot come with the birth. Until it is made persistent, though, a
device goes with the descriptor that made it: it gets its mark before, and a run that is killed leaves one that is marked, or none.
What it was made with `ip` cannot change, so neither does the engine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct

from .. import wire
from ..errors import Invalid, OperationFailed
from ..fields import Option, between
from ._base import ip
from ._link import END, Data, Link
from ._link_messages import flat_words, set_link

DEVICE = "/dev/net/tun"
MODES = {"tun": 1, "tap": 2}  # IFF_TUN, IFF_TAP, and what IFLA_TUN_TYPE says
IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE, IFF_TUN_EXCL = 0x1000, 0x4000, 0x0100, 0x8000
TUNSETIFF, TUNSETPERSIST, TUNSETOWNER, TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
IFLA_TUN_OWNER, IFLA_TUN_GROUP, IFLA_TUN_TYPE, IFLA_TUN_PI, IFLA_TUN_VNET_HDR, IFLA_TUN_PERSIST, IFLA_TUN_MULTI_QUEUE = range(1, 8)
NOBODY = -1
ID = between(0, (1 << 32) - 2, "a number")
_mode_of = {number: name for name, number in MODES.items()}


def _data(number, decode, words):
    return Data(number, None, lambda data, names: decode(wire.number(data.get(number))), None, words, changeable=False)


def _flag(number, word):
    return _data(number, bool, lambda value: [word] if value else [])


def _id(number, word):
    return _data(number, lambda value: NOBODY if value is None else value, lambda value: [word, value] if value != NOBODY else [])


class Tuntap(Link):
    name, kind = "tuntap", "tun"
    schema = dict(
        END,
        mode=Option("str", "tun", choices=tuple(MODES)),
        owner=Option("int", check=ID),
        owner_group=Option("int", check=ID),
        pi=Option("bool", False),
        vnet_hdr=Option("bool", False),
        multi_queue=Option("bool", False),
        process_headers=Option("bool", False),
    )
    data = {
        "mode": _data(IFLA_TUN_TYPE, _mode_of.get, lambda value: ["mode", value]),
        "owner": _id(IFLA_TUN_OWNER, "user"),
        "owner_group": _id(IFLA_TUN_GROUP, "group"),
        "pi": _flag(IFLA_TUN_PI, "pi"),
        "vnet_hdr": _flag(IFLA_TUN_VNET_HDR, "vnet_hdr"),
        "multi_queue": _flag(IFLA_TUN_MULTI_QUEUE, "multi_queue"),
        "persist": _flag(IFLA_TUN_PERSIST, None),
    }

    def objects(self, entry, owner, path):
        if entry["mode"] == "tun":
            for field in ("mac", "master"):
                if entry[field]:
                    raise Invalid("%s.%s" % (path, field), entry[field], "none with the mode tun: such a device has IP packets and no Ethernet",
                                  "choose the mode tap")
        key, wanted = self.end(entry, owner)
        wanted.pop("process_headers", None)
        # Who attaches says both anew (tun_set_iff in drivers/net/tun.c), and wireguard-go says others than a device is made with.
        return [(key, dict(wanted, persist=True, **dict.fromkeys(("pi", "vnet_hdr"), None) if entry["process_headers"] else {}))]

    def made(self, wanted):
        return dict(super().made(wanted), **{field: bool(wanted[field]) for field in ("pi", "vnet_hdr")})

    # --- the kernel ---

    def request_add(self, transaction, operation):
        netns, name = operation.key
        wanted = operation.after
        master = transaction.index(netns, wanted["master"]) if wanted["master"] else None
        body = set_link(name, {field: wanted[field] for field in ("mtu", "mac", "group") if wanted[field]}, master)
        transaction.flush()
        kernel = transaction.kernel
        try:
            with kernel.inside(netns), _opened() as descriptor:
                fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), _flags(wanted)))
                for field, request in (("owner", TUNSETOWNER), ("owner_group", TUNSETGROUP)):
                    if wanted[field] not in (None, NOBODY):
                        fcntl.ioctl(descriptor, request, wanted[field])
                if body:
                    kernel.socket(netns).send([(wire.RTM_NEWLINK, 0, body)])
                fcntl.ioctl(descriptor, TUNSETPERSIST, 1)
        except OSError as error:
            raise OperationFailed(os.strerror(error.errno)) from None
        finally:
            kernel.forget_indices()

    def commands(self, operation):
        if operation.verb != "add":
            return super().commands(operation)
        netns, name = operation.key
        words = flat_words(operation.after, ("mtu", "mac", "group", "master"))
        return ([ip(netns, "tuntap", "add", "dev", name, *self.data_words(dict(operation.after, persist=None)))]
                + ([ip(netns, "link", "set", "dev", name, *words)] if words else []))

    # --- back to a document ---

    def entry(self, state, key, item):
        entry = super().entry(state, key, item)
        if entry is None or not entry.pop("persist"):
            return None  # of a process's own there is nothing to be said
        return dict(entry, **{field: None for field in ("owner", "owner_group") if item[field] == NOBODY})


def _flags(wanted):
    flags = MODES[wanted["mode"]] | IFF_TUN_EXCL
    for field, flag in (("vnet_hdr", IFF_VNET_HDR), ("multi_queue", IFF_MULTI_QUEUE)):
        flags |= flag if wanted[field] else 0
    return flags | (0 if wanted["pi"] else IFF_NO_PI)


@contextlib.contextmanager
def _opened():
    try:
        descriptor = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise OperationFailed("%s: %s (is the kernel module tun missing?)" % (DEVICE, os.strerror(error.errno))) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)
