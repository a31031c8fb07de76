# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPsec states (security associations) of ESP with an AEAD, such as AES-GCM (RFC 4106): how packets are encrypted, in one direction.

The kernel changes nothing of one in place but its limits, so a change is a new one of the same SPI, whose counters begin anew.
"""

from __future__ import annotations

import shlex
import socket
import struct

from .. import wire
from ..errors import Conflict, Invalid
from ..fields import Option, address, between
from ._base import NETNS, ip, place
from ._keys import NONE, Key, KeyFile, file_path
from ._xfrm import EVERY, MODES, WITHOUT_LIMIT, Xfrm, address_of, dump, family, mode_of, narrowed, packed

XFRM_MSG_NEWSA, XFRM_MSG_DELSA, XFRM_MSG_GETSA = 16, 17, 18
XFRMA_ALG_AEAD, XFRMA_REPLAY_ESN_VAL = 18, 23
XFRM_STATE_ESN = 128
# selector, daddr, SPI, protocol, saddr, limits, what was used, three statistics, sequence, reqid, family, mode, replay window, flags
STATE = struct.Struct("=56s16s4sBxxx16s64s32s12sIIHBBBxxxxxxx")
STATE_ID = struct.Struct("=16s4sHBx")
AEAD = struct.Struct("=64sII")  # name, bits of the key, bits of the ICV
ESN = struct.Struct("=IIIIII")  # words of the bitmap, four sequence numbers, replay window
SHORT_WINDOW = 255
KEY_WORDS = "a key in hexadecimal after 0x, for AES-GCM with its salt of 4 bytes at the end"


def _algorithm(value, path):
    if not 1 <= len(value.encode()) <= 63:
        raise Invalid(path, value, "the name of an AEAD as the kernel's crypto API has it, such as rfc4106(gcm(aes))")
    return value


def _key(raw):
    """As ip-xfrm(8) takes it: hexadecimal, after 0x."""
    if not raw.startswith(b"0x") or len(raw) == 2:
        raise ValueError
    return bytes.fromhex(raw[2:].decode("ascii"))


class XfrmState(Xfrm):
    name = table = "xfrm_state"
    what = "state"
    schema = {
        "netns": NETNS,
        "src": Option("str", required=True, check=address),
        "dst": Option("str", required=True, check=address),
        "spi": Option("int", required=True, check=between(256, EVERY, "an SPI")),
        "mode": Option("str", "tunnel", choices=MODES),
        "reqid": Option("int", 0, check=between(0, EVERY, "a number")),
        "algorithm": Option("str", "rfc4106(gcm(aes))", check=_algorithm),
        "icv": Option("int", 128, choices=(64, 96, 128)),
        "key_file": Option("str", check=file_path),
        "replay_window": Option("int", 32, check=between(0, 4096, "a number of packets")),
        "esn": Option("bool", False),
    }
    identity = ("dst", "spi")

    def key(self, entry, path):
        return (entry["netns"], entry["dst"], entry["spi"], "")

    def objects(self, entry, owner, path):
        if (":" in entry["src"]) != (":" in entry["dst"]):
            raise Invalid(path + ".src", entry["src"], "an address of the same family as dst, %s" % entry["dst"])
        if entry["esn"] and not entry["replay_window"]:
            raise Invalid(path + ".replay_window", 0, "a window of at least 1 with extended sequence numbers (esn)")
        if not entry["esn"] and entry["replay_window"] > SHORT_WINDOW:
            raise Invalid(path + ".replay_window", entry["replay_window"], "at most %d without extended sequence numbers (esn)" % SHORT_WINDOW)
        key = entry["key_file"] and KeyFile(entry["key_file"], _key, KEY_WORDS)
        return [(self.key(entry, path), dict({field: entry[field] for field in FIELDS}, secret=key))]

    def check(self, state, key, wanted, owner):
        if wanted.get("secret") is not None:
            wanted["secret"].content()  # a file that holds something else is an error before anything is touched
        elif key not in state[self.table]:
            raise Conflict("%s: there is none yet, and to make one takes key_file, the path of a file on the node with %s"
                           % (self.describe(key), KEY_WORDS))
        super().check(state, key, wanted, owner)

    @staticmethod
    def key_files(wanted):
        """All files with keys that it takes."""
        return [wanted["secret"]] if isinstance(wanted.get("secret"), KeyFile) else []

    def difference(self, found, wanted):
        """Whatever changes, it is made anew, which takes the key."""
        changed = super().difference(found, wanted)
        return dict(changed, secret=wanted["secret"]) if changed and wanted["secret"] is not None else changed

    def requests(self, transaction, operation):
        netns, dst, spi = operation.key[:3]
        messages = []
        if operation.verb != "add":
            messages.append((XFRM_MSG_DELSA, STATE_ID.pack(packed(dst), struct.pack("!I", spi), family(dst), socket.IPPROTO_ESP)))
        if operation.verb != "remove":
            messages.append((XFRM_MSG_NEWSA, _state(operation.key, dict(operation.before or {}, **operation.after))))
        self.send(transaction, netns, *messages)

    def commands(self, operation):
        netns, dst, spi = operation.key[:3]
        lines = []
        if operation.verb != "add":
            lines.append(ip(netns, "xfrm", "state", "delete", "src", operation.before["src"], "dst", dst, "proto", "esp", "spi", "0x%08x" % spi))
        if operation.verb != "remove":
            item = dict(operation.before or {}, **operation.after)
            words = ["xfrm", "state", "add", "src", item["src"], "dst", dst, "proto", "esp", "spi", "0x%08x" % spi, "reqid", item["reqid"],
                     "mode", item["mode"], "replay-window", item["replay_window"]] + (["flag", "esn"] if item["esn"] else [])
            path = item["secret"].path
            lines.append("%s %s %d" % (ip(netns, *words, "aead", item["algorithm"]),
                                       '"$(cat %s)"' % shlex.quote(path) if path else "<the key it has>", item["icv"]))
        return lines

    def mask(self, found, asked):
        """A key that is as asked for is shown as its file, and another not at all."""
        shown = super().mask(found, asked)
        return dict(shown, secret=asked["secret"] if asked.get("secret") is not None and found["secret"] == asked["secret"] else NONE)

    def entry(self, state, key, item):
        if key[3] or not item["algorithm"]:
            return None
        return dict({field: item[field] for field in FIELDS}, netns=key[0], dst=key[1], spi=key[2], key_file=item["secret"].path)

    def describe(self, key):
        return "xfrm state to %s with SPI 0x%08x%s%s" % (key[1], key[2], " (%s)" % key[3] if key[3] else "", place(key[0]))


FIELDS = ("src", "mode", "reqid", "algorithm", "icv", "replay_window", "esn")


def _state(key, item):
    dst, spi, raw = key[1], key[2], item["secret"].content()
    window = item["replay_window"]
    body = STATE.pack(bytes(56), packed(dst), struct.pack("!I", spi), socket.IPPROTO_ESP, packed(item["src"]), WITHOUT_LIMIT, bytes(32), bytes(12),
                      0, item["reqid"], family(dst), MODES.index(item["mode"]), 0 if item["esn"] else window, XFRM_STATE_ESN if item["esn"] else 0)
    body += wire.attribute(XFRMA_ALG_AEAD, AEAD.pack(item["algorithm"].encode(), 8 * len(raw), item["icv"]) + raw)
    if item["esn"]:
        words = (window + 31) // 32
        body += wire.attribute(XFRMA_REPLAY_ESN_VAL, ESN.pack(words, 0, 0, 0, 0, window) + bytes(4 * words))
    return body


def read(kernel, netns):
    """{key: object} of the ESP states with an AEAD of a namespace; of others, which are nothing that is made here, only the name."""
    found = {}
    for body in dump(kernel, netns, XFRM_MSG_GETSA):
        (dummy, daddr, spi, proto, saddr, dummy, dummy, dummy, dummy, reqid, inet, mode, window, flags) = STATE.unpack_from(body)
        if proto != socket.IPPROTO_ESP:
            continue
        attributes = wire.attributes(body, STATE.size)
        item = {"src": address_of(saddr, inet), "mode": mode_of(mode), "reqid": reqid, "algorithm": "", "icv": 0, "secret": NONE,
                "replay_window": window, "esn": bool(flags & XFRM_STATE_ESN)}
        if XFRMA_ALG_AEAD in attributes:
            raw = attributes[XFRMA_ALG_AEAD]
            name, bits, icv = AEAD.unpack_from(raw)
            item.update(algorithm=name.rstrip(b"\0").decode(), icv=icv, secret=Key(raw[AEAD.size:AEAD.size + bits // 8]))
        if item["esn"]:
            item["replay_window"] = ESN.unpack_from(attributes[XFRMA_REPLAY_ESN_VAL])[5]
        key = (netns, address_of(daddr, inet), struct.unpack("!I", spi)[0], " ".join(narrowed(attributes)))
        found[key] = item
    return found
