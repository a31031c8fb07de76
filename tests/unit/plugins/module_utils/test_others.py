# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else has to do with a node's network is named where it matters, and not where it does not."""

from __future__ import annotations

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _others

RULES = {"add": {"iptables_rule": 1}}
ROUTES = {"add": {"route": 2}}
SAVED = "*nat\n:FORWARD ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [1:9]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n"


def tree(root, **files):
    for name, text in files.items():
        path = root / {"ufw": "etc/ufw/ufw.conf", "nftables": "etc/nftables.conf", "networkd": "etc/systemd/networkd.conf.d/us.conf"}[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


@pytest.mark.parametrize("running, policy, kinds, files, expected", [
    ((), "ACCEPT", RULES, {}, []),
    (("docker",), "ACCEPT", {}, {}, []),
    (("docker",), "DROP", {}, {}, ["the policy of FORWARD is DROP (Docker sets that"]),
    (("docker",), "DROP", RULES, {}, ["the policy of FORWARD is DROP (Docker sets that"]),
    ((), "DROP", {}, {"ufw": "# comment\nENABLED=yes\n"}, ["the policy of FORWARD is DROP (ufw does", "ufw is enabled"]),
    ((), "ACCEPT", {}, {"ufw": "ENABLED=no\n"}, []),
    (("firewalld",), "ACCEPT", {}, {}, ["firewalld is active"]),
    (("nftables",), "ACCEPT", RULES, {"nftables": "#!/usr/sbin/nft -f\nflush ruleset\n"}, ["nftables.service is active"]),
    (("nftables",), "ACCEPT", ROUTES, {"nftables": "flush ruleset\n"}, []),
    (("nftables",), "ACCEPT", RULES, {"nftables": "# flush ruleset\n"}, []),
    (("systemd-networkd",), None, ROUTES, {}, ["systemd-networkd is active and removes routes"]),
    (("systemd-networkd",), None, ROUTES, {"networkd": "[Network]\nManageForeignRoutes=no\n"},
     ["systemd-networkd is active and takes routes from"]),
    (("systemd-networkd",), None, RULES, {}, []),
])
def test_notes(tmp_path, running, policy, kinds, files, expected):
    found = _others.notes(set(running), policy, kinds, tree(tmp_path, **files))
    assert [text[:len(start)] for text, start in zip(found, expected)] == expected and len(found) == len(expected), found


def test_that_the_fabrics_rule_is_missing_is_said(tmp_path):
    assert _others.notes({"docker"}, "DROP", RULES, str(tmp_path))[0].endswith(", and that is missing")
    assert _others.notes({"firewalld"}, "ACCEPT", RULES, str(tmp_path))[0].endswith(", and each start and reload of it takes everybody's rules")


def test_what_the_tools_say():
    assert _others.active(lambda argv: (3, "active\ninactive\nfailed\nactive\nunknown\n")) == {"docker", "systemd-networkd"}
    assert _others.forward_policy(lambda argv: (0, SAVED)) == "DROP"
    assert _others.forward_policy(lambda argv: (1, SAVED)) is None
