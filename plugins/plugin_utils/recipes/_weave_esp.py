# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weave's encryption as its fast datapath has it: ESP of the kernel with AES-GCM, in transport mode, around the VXLAN between two nodes.

Weave's routers agree on a key for each pair and direction whenever they connect (weaveworks/weave:net/ipsec/ipsec.go). Here strongSwan's charon does
that on every node by IKEv2 (RFC 7296), where the nodes know one another by a key that is made of the password. A key that came of the password alone
would come back when a node restarts, with the count of packets beginning anew; those of IKE never do.

Packets themselves have the kernel ask for a session (trap policies), so there is none that leaves before it, and none is needed to a node that is down.
The daemon is the fabric's own: it listens on a port of its own, so that one of somebody else's can have 500 and 4500.
"""

from __future__ import annotations

import base64
import ipaddress

from ..written import HEAD, place, revision
from ._weave_trust import derived, distrusted, guard, watch

# SPI and sequence number 8, IV 8, padding up to 3, its length and the next header 2, tag 16.
OVERHEAD = 37
PACKAGES = {"charon-systemd": "charon-systemd", "swanctl": "strongswan-swanctl"}
KERNEL_MODULES = ["esp4", "xfrm_user", "xt_policy"]
TITLE, WORDS = ["esp"], "ESP, by strongSwan"
# What Debian's libstrongswan has without more packages. That ESP's is AES-GCM does not depend on it: the kernel does that.
PLUGINS = "random nonce aes sha1 sha2 hmac kdf gmp kernel-netlink socket-default vici"
IKE, ESP = "aes256-sha256-modp3072", "aes256gcm16-modp3072, aes256gcm16"
# How long another password may take to reach all nodes before sessions are agreed on by it, in seconds.
ALL_TOLD = 60


def exclusive(options):
    """What two fabrics on one machine cannot both have."""
    return {"weave_ike_port": options["ike_port"]}


def vxlan(fabric):
    """What the VXLAN device is told: one source port, so that one session a pair of nodes knows all its packets; ESP hides ports anyway."""
    port = fabric["options"]["port"]
    return {"srcport": "%d-%d" % (port, port + 1)}


def destination(fabric, dummy, peer):
    """Where the VXLAN of a node has its peer."""
    return fabric["nodes"][peer]["ip"]


def document(fabric, name):
    """The kernel's policies are charon's; what is left is to drop what they do not hold for."""
    return guard(fabric, name, "%s -m policy --dir in --pol ipsec", "%s -m policy --dir out --pol ipsec")


def key_path(dummy):
    """None of its own: nodes know one another by the password."""
    return ""


def secret_files(fabric, dummy, password):
    """The key that all nodes have."""
    key = base64.b64encode(derived(password, "weave esp of fabric " + fabric["name"])).decode()
    text = "secrets {\n  ike-fabric {\n    secret = 0s%s\n  }\n}\n" % key
    return [{"path": place(fabric, "ike.secrets"), "content": HEAD + text, "mode": "0400"}]


def _unit_name(fabric, what="", kind="service"):
    return "clusternet-ike%s@%s.%s" % (what, fabric["name"], kind)


def _socket(fabric):
    """As Debian's AppArmor profile of charon has them."""
    return "unix:///run/charon.clusternet-%s.vici" % fabric["name"]


def _swanctl(fabric, command):
    return "/usr/sbin/swanctl %s --uri %s" % (command, _socket(fabric))


def _load(fabric):
    return _swanctl(fabric, "--load-all --noprompt --file %s" % place(fabric, "ike.conf"))


def files(fabric, name):
    """The daemon's settings, its peers, the units, and what keeps the distribution's own from starting where nobody has given it a connection."""
    units_ = {_unit_name(fabric): _daemon(fabric), _unit_name(fabric, "-peers"): _peers(fabric), _unit_name(fabric, "-peers", "path"): _watch(fabric),
              _unit_name(fabric, "-password", "path"): _watch_password(fabric), _unit_name(fabric, "-password", "timer"): _all_told(fabric),
              _unit_name(fabric, "-password"): _again(fabric)}
    texts = {place(fabric, "strongswan.conf"): _settings(fabric), place(fabric, "ike.conf"): _connections(fabric, name)}
    texts.update(("/etc/systemd/system/" + unit, text) for unit, text in units_.items())
    texts["/etc/systemd/system/strongswan.service.d/clusternet-%s.conf" % fabric["name"]] = (
        "[Unit]\n# Connections of this fabric are its own daemon's.\nConditionPathExistsGlob=/etc/swanctl/conf.d/*.conf\n")
    return [{"path": path, "content": HEAD + text} for path, text in texts.items()]


def units(fabric, name):
    """What runs of it. Peers and the password are told to the daemon as it runs."""
    told = (place(fabric, "ike.conf"),)
    text = "".join(entry["content"] for entry in files(fabric, name) if entry["path"] not in told)
    return [{"name": unit, "revision": revision(text)}
            for unit in (_unit_name(fabric), _unit_name(fabric, "-peers", "path"), _unit_name(fabric, "-password", "path"))]


def _settings(fabric):
    return "\n".join([
        "charon-systemd {",
        "  load = " + PLUGINS,
        "  port = %d" % fabric["options"]["ike_port"],
        "  port_nat_t = 0",
        "  install_routes = no",
        "  install_virtual_ip = no",
        # A session that is agreed on anew is there before the old one goes.
        "  make_before_break = yes",
        "  replay_window = 256",
        # A peer that does not answer for 22 seconds is down. Packets that come afterwards have it asked anew.
        "  retransmit_timeout = 2",
        "  retransmit_base = 1.4",
        "  retransmit_tries = 4",
        # Every message of every check whether a peer is alive is not for the journal.
        "  journal {",
        "    enc = 0",
        "    net = 0",
        "  }",
        "  plugins {",
        "    vici {",
        "      socket = " + _socket(fabric),
        "    }",
        "    kernel-netlink {",
        # The kernel's own number, which is the whole machine's and would stay.
        "      xfrm_acq_expires = 30",
        "    }",
        "  }",
        "}",
        "swanctl {",
        "  load = random aes sha2 hmac",
        "}",
        "",
    ])


def _connections(fabric, name):
    """One for each peer. Of two nodes the one whose name is less begins, also after a restart, so that there are not two sessions."""
    lines = ["connections {"]
    for peer in distrusted(fabric, name):
        begins = name < peer
        lines += [
            "  # " + peer,
            "  %s-%s {" % ("to" if begins else "from", fabric["nodes"][peer]["ip"].replace(".", "-")),
            "    version = 2",
            "    local_addrs = " + fabric["nodes"][name]["ip"],
            "    remote_addrs = " + fabric["nodes"][peer]["ip"],
            "    remote_port = %d" % fabric["options"]["ike_port"],
            "    mobike = no",
            "    proposals = " + IKE,
            "    dpd_delay = 10s",
            # Keys are agreed on anew within sessions, which costs no packet. To show the password again may cost what is under way while IKE answers.
            "    reauth_time = 0",
            "    rekey_time = 4h",
            "    local {",
            "      auth = psk",
            "      id = " + fabric["nodes"][name]["ip"],
            "    }",
            "    remote {",
            "      auth = psk",
            "      id = " + fabric["nodes"][peer]["ip"],
            "    }",
            "    children {",
            "      vxlan {",
            "        mode = transport",
            "        rekey_time = 1h",
            # Tells those of this fabric from what others have in the kernel.
            "        reqid = %d" % ipaddress.ip_address(fabric["nodes"][peer]["ip"]),
            "        local_ts = dynamic[udp/%d]" % fabric["options"]["port"],
            "        remote_ts = dynamic[udp/%d]" % fabric["options"]["port"],
            "        esp_proposals = " + ESP,
            "        start_action = " + ("trap|start" if begins else "trap"),
            "        dpd_action = trap",
            "      }",
            "    }",
            "  }",
        ]
    return "\n".join(lines + ["}", "include ike.secrets", ""])


def _daemon(fabric):
    return "\n".join([
        "[Unit]",
        "Description=Keys of what fabric %s encrypts" % fabric["name"],
        "After=network.target clusternet@%s.service" % fabric["name"],
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        "Environment=STRONGSWAN_CONF=%s SWANCTL_DIR=%s" % (place(fabric, "strongswan.conf"), place(fabric, "")),
        "ExecStart=/usr/sbin/charon-systemd",
        "ExecStartPost=" + _load(fabric),
        "ExecStopPost=/bin/sh -c '%s'" % _cleared(fabric),
        "Restart=always",
        "RestartSec=1",
        "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_IPC_LOCK CAP_SETPCAP",
        "NoNewPrivileges=yes",
        "",
    ])


def _cleared(fabric):
    """What it takes with it unless it is killed: its next start would not know of these sessions and let packets go into them until they expire.

    Policies go first, so that packets have the kernel ask for no session while nobody is there to answer.
    """
    conf, port = place(fabric, "ike.conf"), fabric["options"]["port"]
    policies = 'sed -n "s/^ *remote_addrs = //p" %s | while read peer; do for end in src dst; do ip xfrm policy deleteall $$end $$peer/32 proto udp ' \
        'sport %d dport %d; done; done' % (conf, port, port)
    return policies + '; sed -n "s/^ *reqid = //p" %s | while read reqid; do ip xfrm state deleteall proto esp reqid $$reqid; done' % conf


def _oneshot(fabric, description, command):
    return "\n".join(["[Unit]", "Description=" + description % fabric["name"], "After=" + _unit_name(fabric), "", "[Service]", "Type=oneshot",
                      "Environment=STRONGSWAN_CONF=%s SWANCTL_DIR=%s" % (place(fabric, "strongswan.conf"), place(fabric, "")),
                      "ExecStart=" + command, ""])


def _peers(fabric):
    return _oneshot(fabric, "Peers and password of fabric %s", _load(fabric))


def _watch(fabric):
    return watch("Have peers of fabric %s told" % fabric["name"], [place(fabric, "ike.conf"), place(fabric, "ike.secrets")], _unit_name(fabric, "-peers"))


def _watch_password(fabric):
    return watch("Have sessions of fabric %s agreed on by another password" % fabric["name"], [place(fabric, "ike.secrets")],
                 _unit_name(fabric, "-password", "timer"))


def _all_told(fabric):
    return "\n".join(["[Unit]", "Description=Until all nodes of fabric %s have the other password" % fabric["name"], "PartOf=" + _unit_name(fabric), "",
                      "[Timer]", "OnActiveSec=%d" % ALL_TOLD, "AccuracySec=1", "RemainAfterElapse=no", ""])


def _again(fabric):
    script = 'sed -n "/^ *to-/s/[ {]//gp" %s | while read name; do %s || true; done' % (
        place(fabric, "ike.conf"), _swanctl(fabric, "--rekey --reauth --ike $$name"))
    return _oneshot(fabric, "Sessions of fabric %s by another password", "/bin/sh -c '%s'" % script)
