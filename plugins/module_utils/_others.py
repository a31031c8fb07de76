# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other software on a node that has to do with its network, and what it does to a fabric's packets or objects."""

from __future__ import annotations

import os
import re

UNITS = ("docker.service", "firewalld.service", "nftables.service", "systemd-networkd.service", "NetworkManager.service")
UFW, NFTABLES, NETWORKD = "/etc/ufw/ufw.conf", "/etc/nftables.conf", "/etc/systemd/networkd.conf"


def active(run):
    """Those of UNITS that run. C(run(argv)): exit code and output."""
    # 3: not all of them are active; a line for each, in order.
    lines = run(["systemctl", "is-active", "--"] + list(UNITS))[1].split()
    return {unit.partition(".")[0] for unit, state in zip(UNITS, lines) if state == "active"}


def forward_policy(run):
    """Of the node's iptables, C(ACCEPT) or C(DROP); None where there are none."""
    # Of all tables: asked for one, the legacy tool would load it.
    code, output = run(["iptables-save"])
    found = re.search(r"^\*filter$[^*]*?^:FORWARD (\w+)", output, re.M)
    return found.group(1) if not code and found else None


def notes(running, policy, kinds, root="/"):
    """What is to be known, as a list of texts.

    running  names of units, as C(active) returns them
    policy   as C(forward_policy) returns it
    kinds    the kinds of what differs from what the fabric wants, C({verb: {kind: number}})
    """
    lost = set(kinds.get("add", {}))
    found = []
    if policy == "DROP":
        setter = "Docker sets that when it starts" if "docker" in running else "ufw does that" if _ufw(root) else "a firewall does that"
        found.append("the policy of FORWARD is DROP (%s): packets pass by the fabric's own rule in it alone%s" % (
            setter, ", and that is missing" if lost & {"iptables_chain", "iptables_rule"} else ""))
    if _ufw(root):
        found.append("ufw is enabled: it drops what comes from other nodes unless a rule allows the tunnel's port or protocol")
    if "firewalld" in running:
        found.append("firewalld is active: it rejects what its zones do not let through, forwarded packets too, whatever iptables accepts" + (
            ", and each start and reload of it takes everybody's rules" if lost & {"iptables_chain", "iptables_rule"} else ""))
    if "nftables" in running and lost & {"iptables_chain", "iptables_rule"} and "flush ruleset" in _words(root, NFTABLES):
        found.append("nftables.service is active, and %s begins by flushing everybody's rules: each reload takes the fabric's" % NFTABLES)
    if "systemd-networkd" in running and "route" in lost:
        found.append("systemd-networkd is active and " + (
            # As of systemd 252: it takes the address away for a moment, and the kernel the routes with it.
            "takes routes from the devices whose addresses it sets when it starts; KeepConfiguration=static in their .network files keeps them"
            if _leaves_routes(root) else "removes routes that are not its own (ManageForeignRoutes of networkd.conf)"))
    return found


def _words(root, path):
    """A file's text without comments and indents; empty where there is none."""
    try:
        with open(os.path.join(root, path.lstrip("/")), encoding="utf-8", errors="replace") as file:
            return "\n".join(line.split("#")[0].strip() for line in file)
    except OSError:
        return ""


def _ufw(root):
    return "ENABLED=yes" in _words(root, UFW)


def _leaves_routes(root):
    """Whether networkd is told to leave routes of others; the last file that says so counts."""
    folder = os.path.join(root, NETWORKD.lstrip("/") + ".d")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    said = re.findall(r"^ManageForeignRoutes=(\w+)", "\n".join(_words(root, path) for path in [NETWORKD] + [NETWORKD + ".d/" + name for name in names]), re.M)
    return bool(said) and said[-1] in ("no", "false", "0", "off")
