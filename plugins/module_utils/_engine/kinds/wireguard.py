# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WireGuard devices (wg(8), drivers/net/wireguard/netlink.c, include/uapi/linux/wireguard.h).

The device is a link; keys and peers go by generic netlink, encoded here (of pyroute2 0.7 and 0.8 the flags of a peer are wrong), so no
tool is needed and no key is in a list of processes. The kernel tells its private key to root: it is compared in memory with the file
that the document names, and is forgotten.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import shlex
import socket
import struct

from .. import wire
from ..errors import Invalid, OperationFailed
from ..fields import Option, between
from ._base import inside
from ._keys import NONE, Key, KeyFile, file_path, file_path_or_none
from ._link import END, Link

KEY_BYTES = 32
WG_CMD_GET_DEVICE, WG_CMD_SET_DEVICE = 0, 1
A_IFNAME, A_PRIVATE_KEY, A_PUBLIC_KEY, A_FLAGS, A_LISTEN_PORT, A_FWMARK, A_PEERS = 2, 3, 4, 5, 6, 7, 8
P_PUBLIC_KEY, P_PRESHARED_KEY, P_FLAGS, P_ENDPOINT, P_KEEPALIVE, P_ALLOWED_IPS = 1, 2, 3, 4, 5, 9
PEER_REMOVE, PEER_REPLACE_ALLOWED_IPS = 1, 2
IP_FAMILY, IP_ADDRESS, IP_LENGTH = 1, 2, 3
NESTED = 0x8000
IPS_AT_ONCE = 500  # of one peer in one message; a list of attributes takes 64 KiB
PEERS_AT_ONCE = 64 << 9  # bytes
KEY_WORDS = "32 bytes in base64, as `wg genkey` writes them"


def _public_key(value, path):
    try:
        if len(base64.b64decode(value, validate=True)) != KEY_BYTES:
            raise ValueError
    except ValueError:
        raise Invalid(path, value, "a WireGuard public key, 32 bytes in base64") from None
    return value


def _endpoint(value, path):
    try:
        return _endpoint_text(*_endpoint_parts(value))
    except ValueError:
        raise Invalid(path, value, "an address and a UDP port, such as 192.0.2.1:51820 or [2001:db8::1]:51820") from None


def _endpoint_parts(text):
    host, dummy, port = text.rpartition(":")
    version6 = host.startswith("[") and host.endswith("]")
    address = ipaddress.ip_address(host[1:-1] if version6 else host)
    if (address.version == 6) != version6 or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError
    return address, int(port)


def _endpoint_text(address, port):
    return ("[%s]:%d" if address.version == 6 else "%s:%d") % (address, port)


def _key(raw):
    key = base64.b64decode(raw, validate=True)
    if len(key) != KEY_BYTES or not any(key):
        raise ValueError
    return key


def _private_key(raw):
    """As the kernel holds it: a scalar of Curve25519, clamped (RFC 7748, section 5)."""
    key = bytearray(_key(raw))
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


def _new_key():
    return base64.b64encode(_private_key(base64.b64encode(os.urandom(KEY_BYTES))))


PEER = {
    "public_key": Option("str", required=True, check=_public_key),
    "endpoint": Option("str", check=_endpoint),
    "allowed_ips": Option("list", [], elements="str"),
    "persistent_keepalive": Option("int", 0, check=between(0, 65535, "seconds")),
    "preshared_key_file": Option("str", check=file_path_or_none),
}
OWN = ("listen_port", "fwmark", "private_key", "peers")


class Wireguard(Link):
    name = kind = "wireguard"
    schema = dict(
        {option: END[option] for option in ("name", "netns", "mtu", "up")},
        listen_port=Option("int", check=between(1, 65535, "a UDP port")),
        fwmark=Option("int", check=between(0, (1 << 32) - 1, "a mark")),
        private_key_file=Option("str", check=file_path),
        peers=Option("list", elements="dict", options=PEER),
    )

    # --- from the document ---

    def objects(self, entry, owner, path):
        key, wanted = self.end(dict(entry, mac=None, master=None, bridge_port=None), owner)
        made = entry["private_key_file"]
        wanted.update(
            listen_port=entry["listen_port"], fwmark=entry["fwmark"],
            private_key=KeyFile(made, _private_key, "a WireGuard key (%s)" % KEY_WORDS, _new_key) if made else None,
            peers=None if entry["peers"] is None else self._peers(entry["peers"], path + ".peers"))
        return [(key, wanted)]

    @staticmethod
    def _peers(entries, path):
        peers, holders = {}, {}
        for position, entry in enumerate(entries):
            where = "%s[%d]" % (path, position)
            if entry["public_key"] in peers:
                raise Invalid(where + ".public_key", entry["public_key"], "each peer once", "drop one")
            networks = []
            for number, text in enumerate(entry["allowed_ips"]):
                place = "%s.allowed_ips[%d]" % (where, number)
                try:
                    network = ipaddress.ip_network(str(text), strict=False)
                except ValueError:
                    raise Invalid(place, text, "a prefix such as 192.0.2.0/24") from None
                if network in holders:
                    raise Invalid(place, text, "each prefix once, but it is also at %s" % holders[network], "drop one")
                holders[network] = place
                networks.append(network)
            shared = entry["preshared_key_file"]
            peers[entry["public_key"]] = {
                "endpoint": entry["endpoint"], "allowed_ips": _sorted(networks), "persistent_keepalive": entry["persistent_keepalive"],
                "preshared_key": KeyFile(shared, _key, "a preshared key (%s)" % KEY_WORDS) if shared else None if shared is None else NONE,
            }
        return peers

    def leaves(self, key, item):
        # drivers/net/wireguard/device.c, wg_open
        return {(key[0], "net/ipv4/conf/all/send_redirects"): "0"} if item["up"] else {}

    # --- planning ---

    def check(self, state, key, wanted, owner):
        super().check(state, key, wanted, owner)
        for one in self.key_files(wanted):
            one.content()  # a file that holds something else is an error before anything is touched

    @staticmethod
    def key_files(wanted):
        """All files with keys that it takes."""
        keys = [wanted.get("private_key")] + [peer["preshared_key"] for peer in (wanted.get("peers") or {}).values()]
        return [key for key in keys if isinstance(key, KeyFile)]

    def difference(self, found, wanted):
        changed = super().difference(found, dict(wanted, peers=None))
        if wanted["peers"] is not None:
            peers = {key: _merged(found["peers"].get(key), peer) for key, peer in wanted["peers"].items()}
            if peers != found["peers"]:
                changed["peers"] = peers
        return changed

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb == "change" and "private_key" in operation.after:
            state.alter("link", operation.key, public_key=None)  # the kernel works it out

    def made(self, wanted):
        # without a port of its own it gets one from the kernel when it comes up
        return dict(super().made(wanted), listen_port=0 if wanted["listen_port"] else None, fwmark=0, private_key=NONE, peers={})

    # --- the kernel ---

    def request_change(self, transaction, operation):
        changed = operation.after
        if any(field in changed for field in OWN):
            transaction.flush()
            netns, name = operation.key
            kernel = transaction.kernel
            family = family_of(kernel, netns)
            if family is None:
                raise OperationFailed("this kernel has no WireGuard")
            for body in _messages(name, operation.before["peers"], changed, kernel.made_files):
                kernel.socket(netns, wire.NETLINK_GENERIC).send([(family, 0, body)])
        super().request_change(transaction, operation)

    def commands(self, operation):
        if operation.verb != "change":
            return super().commands(operation)
        netns, name = operation.key
        changed, lines = operation.after, []
        start = ["wg", "set", name]
        words = [word for field, option in (("listen_port", "listen-port"), ("fwmark", "fwmark")) if field in changed
                 for word in (option, changed[field])]
        if "private_key" in changed:
            path = changed["private_key"].path
            lines.append("test -e %s || wg genkey | (umask 0277 && cat > %s)" % (shlex.quote(path), shlex.quote(path)))
            words += ["private-key", path]
        lines += [inside(netns, *start, *words)] if words else []
        for key, peer in _peer_changes(operation.before["peers"], changed.get("peers")):
            lines.append(inside(netns, *start, "peer", key, *(["remove"] if peer is None else _peer_words(peer))))
        return lines + super().commands(operation)

    # --- reading ---

    def read_more(self, kernel, netns, name):
        return _read(kernel, netns, name)

    # --- back to a document ---

    def mask(self, found, asked):
        """Keys that are as asked for are shown as their files, and others not at all."""
        shown = super().mask(found, asked)
        shown["private_key"] = _shown(found["private_key"], asked.get("private_key"))
        if shown["peers"] and asked.get("peers"):
            shown["peers"] = {key: self._masked_peer(peer, asked["peers"].get(key, {})) for key, peer in shown["peers"].items()}
        return shown

    @staticmethod
    def _masked_peer(peer, asked):
        shown = {field: None if field in asked and asked[field] is None else value for field, value in peer.items()}
        return dict(shown, preshared_key=_shown(peer["preshared_key"], asked.get("preshared_key")))

    def entry(self, state, key, item):
        entry = super().entry(state, key, item)
        if entry:
            peers = item["peers"]
            entry.update(
                listen_port=item["listen_port"] or None, fwmark=item["fwmark"],
                private_key_file=item["private_key"].path if item["private_key"] else None,
                peers=None if peers is None else [_peer_entry(public, peers[public]) for public in sorted(peers)])
        return entry


def _sorted(networks):
    return [str(network) for network in sorted(networks, key=lambda network: (network.version, network))]


def _merged(found, wanted):
    """A peer as wanted; what is left open stays as it is found."""
    open_ = dict(found or {"endpoint": "", "preshared_key": NONE})
    return {field: open_[field] if value is None else value for field, value in wanted.items()}


def _shown(found, asked):
    return asked if found is not None and asked is not None and found == asked else NONE


def _peer_entry(public, peer):
    entry = {"public_key": public, "endpoint": peer["endpoint"] or None, "allowed_ips": list(peer["allowed_ips"]),
             "persistent_keepalive": peer["persistent_keepalive"], "preshared_key_file": peer["preshared_key"].path}
    return {field: value for field, value in entry.items() if value is not None}


def _peer_changes(found, wanted):
    """[(public key, peer or None to remove it)]; those that go first, since what they may receive can be another's then.

    Of a peer that is to have no endpoint any more it cannot be taken (set_peer knows no way): it goes, and comes again.
    """
    if wanted is None:
        return []
    return ([(key, None) for key, peer in found.items() if key not in wanted or peer["endpoint"] and wanted[key]["endpoint"] == ""]
            + [(key, peer) for key, peer in wanted.items() if found.get(key) != peer])


def _peer_words(peer):
    shared = peer["preshared_key"]
    words = ["preshared-key", shared.path or "/dev/null"] if shared.path or shared is NONE else []
    words += ["endpoint", peer["endpoint"]] if peer["endpoint"] else []
    return words + ["persistent-keepalive", peer["persistent_keepalive"], "allowed-ips", ",".join(peer["allowed_ips"])]


# --- generic netlink -----------------------------------------------------------------------------------------------

def family_of(kernel, netns):
    """The number of WireGuard's generic netlink family, or None where the kernel has none."""
    return wire.family(kernel.socket(netns, wire.NETLINK_GENERIC), "wireguard")


def _messages(name, found, changed, made_files):
    """The bodies of the requests: first the device's own, then its peers in lists that a message can hold."""
    own = b""
    if "listen_port" in changed:
        own += wire.attribute(A_LISTEN_PORT, struct.pack("=H", changed["listen_port"]))
    if "fwmark" in changed:
        own += wire.u32(A_FWMARK, changed["fwmark"])
    if "private_key" in changed:
        key = changed["private_key"]
        content, made = key.settle() if isinstance(key, KeyFile) else (key.content(), False)
        if made:
            made_files.append(key.path)
        own += wire.attribute(A_PRIVATE_KEY, content or bytes(KEY_BYTES))
    parts, part = [], b""
    for encoded in (part for key, peer in _peer_changes(found, changed.get("peers")) for part in _encoded(key, peer)):
        if len(part) + len(encoded) > PEERS_AT_ONCE:
            parts.append(part)
            part = b""
        part += encoded
    parts += [part] if part else []
    head = wire.generic(WG_CMD_SET_DEVICE) + wire.text(A_IFNAME, name)
    return ([head + own] if own else []) + [head + wire.attribute(A_PEERS | NESTED, part) for part in parts]


def _encoded(public, peer):
    """A peer as attributes; its prefixes may take several."""
    identity = wire.attribute(P_PUBLIC_KEY, base64.b64decode(public))
    if peer is None:
        return [wire.attribute(NESTED, identity + wire.u32(P_FLAGS, PEER_REMOVE))]
    body = identity + wire.u32(P_FLAGS, PEER_REPLACE_ALLOWED_IPS)
    body += wire.attribute(P_PRESHARED_KEY, peer["preshared_key"].content() or bytes(KEY_BYTES))
    if peer["endpoint"]:
        body += wire.attribute(P_ENDPOINT, _sockaddr(*_endpoint_parts(peer["endpoint"])))
    body += wire.attribute(P_KEEPALIVE, struct.pack("=H", peer["persistent_keepalive"]))
    ips = [_allowed_ip(ipaddress.ip_network(text)) for text in peer["allowed_ips"]]
    first, rest = ips[:IPS_AT_ONCE], ips[IPS_AT_ONCE:]
    encoded = [wire.attribute(NESTED, body + wire.attribute(P_ALLOWED_IPS | NESTED, b"".join(first)))]
    for start in range(0, len(rest), IPS_AT_ONCE):
        more = wire.attribute(P_ALLOWED_IPS | NESTED, b"".join(rest[start:start + IPS_AT_ONCE]))
        encoded.append(wire.attribute(NESTED, identity + more))
    return encoded


def _allowed_ip(network):
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    return wire.attribute(NESTED, wire.attribute(IP_FAMILY, struct.pack("=H", family))
                          + wire.attribute(IP_ADDRESS, network.network_address.packed)
                          + wire.attribute(IP_LENGTH, bytes([network.prefixlen])))


def _sockaddr(address, port):
    if address.version == 4:
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, address.packed)
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI16sI", port, 0, address.packed, 0)


def _read(kernel, netns, name):
    """The device's own fields. A device of many peers comes in several messages, and a peer of many prefixes in several of those."""
    found = {"listen_port": 0, "fwmark": 0, "private_key": NONE, "public_key": "", "peers": {}}
    family = family_of(kernel, netns)
    bodies = kernel.socket(netns, wire.NETLINK_GENERIC).dump(family, wire.generic(WG_CMD_GET_DEVICE) + wire.text(A_IFNAME, name))
    networks = {}
    for body in bodies:
        attributes = wire.attributes(body, 4)
        if A_PRIVATE_KEY in attributes:
            found["private_key"] = _held(attributes[A_PRIVATE_KEY])
            found["public_key"] = base64.b64encode(attributes.get(A_PUBLIC_KEY, b"")).decode()
        for field, number in (("listen_port", A_LISTEN_PORT), ("fwmark", A_FWMARK)):
            found[field] = wire.number(attributes.get(number), found[field])
        for raw in wire.listed(attributes.get(A_PEERS, b"")):
            peer = wire.attributes(raw)
            public = base64.b64encode(peer[P_PUBLIC_KEY]).decode()
            if public not in found["peers"]:
                networks[public] = []
                found["peers"][public] = {
                    "endpoint": _endpoint_of(peer.get(P_ENDPOINT)), "persistent_keepalive": wire.number(peer.get(P_KEEPALIVE), 0),
                    "preshared_key": _held(peer.get(P_PRESHARED_KEY, b"")), "allowed_ips": []}
            for one in wire.listed(peer.get(P_ALLOWED_IPS, b"")):
                ip = wire.attributes(one)
                networks[public].append(ipaddress.ip_network((ip[IP_ADDRESS], ip[IP_LENGTH][0])))
    for public, peer in found["peers"].items():
        peer["allowed_ips"] = _sorted(networks[public])
    return found


def _held(raw):
    return Key(raw) if any(raw) else NONE


def _endpoint_of(raw):
    if not raw:
        return ""
    family, = struct.unpack_from("=H", raw)
    port, = struct.unpack_from("!H", raw, 2)
    return _endpoint_text(ipaddress.ip_address(raw[4:8] if family == socket.AF_INET else raw[8:24]), port)
