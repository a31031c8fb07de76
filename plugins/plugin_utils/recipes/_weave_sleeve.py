# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weave's encryption as its sleeve has it: what goes between nodes travels in a tunnel of its own, in user space where the kernel has none.

Weave's sleeve is NaCl's secretbox in a process (weaveworks/weave:router/sleeve.go). Here it is WireGuard, from the kernel or, where that has none, from
wireguard-go; each node finds out which (see _engine/conditions.py). The VXLAN of the pods goes from end to end of it. Nodes know one another by keys that
each makes itself; the password is a key that all have beside those (PresharedKey of wg(8)), so none without it has a part in it.

WireGuard agrees on keys by itself, anew every two minutes and after a restart. So no key is ever used again with a counter that began anew, packets
that are sent again are refused, and what was recorded stays closed when the password becomes known (wireguard.com/protocol).
"""

from __future__ import annotations

import base64

from .. import blocks
from ..written import HEAD, place, revision
from . import _parts
from ._weave_trust import derived, distrusted, guard, plain, watch

# IPv4 20, UDP 8, WireGuard's header 16 and tag 16.
OVERHEAD = 60
PACKAGES = {"wireguard-go": "wireguard-go", "wg": "wireguard-tools"}
# Each node finds out which of the two devices it can have.
KERNEL_MODULES = []
TITLE, WORDS = ["sleeve"], "sleeve, by WireGuard"
# Of all that run in user space.
SOCKETS = "/run/wireguard"


def device(fabric):
    """The end of the tunnel on a node."""
    return _parts.own(fabric, "sleeve")


def address(fabric, name):
    """A node's address in the tunnel: the first of its range, which no pod has."""
    return blocks.tunnel_address(fabric["nodes"][name]["networks"])


def exclusive(options):
    """What two fabrics on one machine cannot both have."""
    return {"weave_sleeve_port": options["sleeve_port"]}


def vxlan(dummy):
    """What the VXLAN device is told: in the tunnel or past it, the route to a peer says by which device."""
    return {"local": None, "dev": None}


def destination(fabric, name, peer):
    """Where the VXLAN of a node has its peer."""
    return fabric["nodes"][peer]["ip"] if plain(fabric, name, peer) else address(fabric, peer)


def document(fabric, name):
    """The tunnel to the peers that have told a key, and what keeps packets from going or coming past it."""
    others = distrusted(fabric, name)
    end = {"name": device(fabric), "mtu": _mtu(fabric), "up": True}
    told = [peer for peer in others if fabric["nodes"][peer]["public_key"]]
    peers = [{"public_key": fabric["nodes"][peer]["public_key"], "endpoint": _endpoint(fabric, peer), "allowed_ips": [address(fabric, peer) + "/32"],
              "preshared_key_file": place(fabric, "sleeve.psk")} for peer in told]
    kernel = dict(end, listen_port=fabric["options"]["sleeve_port"], private_key_file=key_path(fabric), peers=peers)
    return _parts.merge(
        {"wireguard": [dict(kernel, if_kernel="wireguard")], "tuntap": [dict(end, mode="tun", process_headers=True, unless_kernel="wireguard")]},
        {"address": [{"dev": device(fabric), "address": address(fabric, name) + "/32"}]},
        {"route": [{"dst": address(fabric, peer) + "/32", "dev": device(fabric)} for peer in others]},
        guard(fabric, name, "-i %s %%s" % device(fabric), "-o %s %%s" % device(fabric)),
    )


def _mtu(fabric):
    """Room for VXLAN with whatever MTU pods have: theirs, not this one, keeps packets within the underlay's."""
    from . import weave

    return (weave.MTU if fabric["mtu"] == "auto" else fabric["mtu"]) + weave.OVERHEAD


def key_path(fabric):
    """Where a node keeps its private key; it makes it itself."""
    return place(fabric, "wireguard.key")


def _endpoint(fabric, peer):
    return "%s:%d" % (fabric["nodes"][peer]["ip"], fabric["options"]["sleeve_port"])


def secret_files(fabric, name, password):
    """The key that all nodes have, and the same as wireguard-go is told it."""
    shared = base64.b64encode(derived(password, "weave sleeve of fabric " + fabric["name"])).decode()
    lines = ["[Interface]", "ListenPort = %d" % fabric["options"]["sleeve_port"]]
    for peer in distrusted(fabric, name):
        node = fabric["nodes"][peer]
        if node["public_key"]:
            lines += ["", "# " + peer, "[Peer]", "PublicKey = " + node["public_key"], "PresharedKey = " + shared, "Endpoint = " + _endpoint(fabric, peer),
                      "AllowedIPs = %s/32" % address(fabric, peer)]
    return [{"path": place(fabric, "sleeve.psk"), "content": shared + "\n", "mode": "0400"},
            {"path": place(fabric, "sleeve.conf"), "content": HEAD + "\n".join(lines) + "\n", "mode": "0400"}]


def _unit_name(fabric, what="", kind="service"):
    return "clusternet-sleeve%s@%s.%s" % (what, fabric["name"], kind)


def files(fabric, dummy):
    """The units of wireguard-go. What it is told of peers it is told anew when that becomes other, without a start."""
    units_ = {_unit_name(fabric): _daemon(fabric), _unit_name(fabric, "-peers"): _peers(fabric), _unit_name(fabric, "-peers", "path"): _watch(fabric)}
    return [{"path": "/etc/systemd/system/" + name, "content": HEAD + text} for name, text in units_.items()]


def units(fabric, name):
    """What runs of it, on every node: where the kernel has WireGuard it has nothing to do."""
    text = "".join(entry["content"] for entry in files(fabric, name))
    return [{"name": name, "revision": revision(text)}
            for name in (_unit_name(fabric), _unit_name(fabric, "-peers", "path"))]


def _daemon(fabric):
    link = device(fabric)
    start = "if grep -qs DEVTYPE=wireguard /sys/class/net/%s/uevent; then sleep infinity & exit 0; fi; test -e %s && exec /usr/bin/wireguard-go %s" % (
        link, _tun(fabric), link)
    return "\n".join([
        "[Unit]",
        "Description=WireGuard of fabric %s, where the kernel has none" % fabric["name"],
        "After=network.target clusternet@%s.service" % fabric["name"],
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=forking",
        # The device is there and keeps its name, address and routes whether the process lives or not. Where it is made anew, this is started anew.
        "ExecStart=/bin/sh -c '%s'" % start,
        "ExecStartPost=" + _told(fabric),
        # It gives the device an MTU of its own, before it answers.
        "ExecStartPost=/bin/sh -c 'test ! -e %s || exec ip link set dev %s mtu %d'" % (_tun(fabric), link, _mtu(fabric)),
        "ExecStopPost=/bin/sh -c 'rm -f %s/%s.sock; rmdir --ignore-fail-on-non-empty %s 2>/dev/null || true'" % (SOCKETS, link, SOCKETS),
        "Restart=always",
        "RestartSec=1",
        "CapabilityBoundingSet=CAP_NET_ADMIN",
        "NoNewPrivileges=yes",
        "",
    ])


def _tun(fabric):
    """What only a device of a process has."""
    return "/sys/class/net/%s/tun_flags" % device(fabric)


def _told(fabric):
    """Its own key is in a file of its own, which the controller never sees."""
    conf, key = place(fabric, "sleeve.conf"), key_path(fabric)
    script = 'test ! -e %s || { cat %s && printf "[Interface]\\\\nPrivateKey = " && cat %s; } | wg syncconf %s /dev/stdin' % (
        _tun(fabric), conf, key, device(fabric))
    return "/bin/sh -c '%s'" % script


def _peers(fabric):
    return "\n".join(["[Unit]", "Description=Peers of WireGuard of fabric %s" % fabric["name"], "After=" + _unit_name(fabric), "", "[Service]",
                      "Type=oneshot", "ExecStart=" + _told(fabric), ""])


def _watch(fabric):
    return watch("Have peers of fabric %s told" % fabric["name"], [place(fabric, "sleeve.conf"), key_path(fabric)], _unit_name(fabric, "-peers"))
