# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import intent
from ansible_collections.clusternet.fabric.plugins.plugin_utils import pods

UNIT = {"exec_start": "/usr/bin/app --x %i", "user": "nobody", "working_directory": "/srv", "environment": {"GREETING": 'a "b" \\ 5%', "N": 1}}


def made(unit=None, **common):
    return intent.fabric(intent.nodes(1, fabric_pods=[{"name": "web", "unit": unit}]), **common)


def by_path(entries):
    return {entry["path"]: {key: value for key, value in entry.items() if key != "path"} for entry in entries}


def test_names_of_a_pod_without_a_unit():
    fabric = made()
    assert by_path(pods.files(fabric, "node1")) == {
        "/etc/netns/web/hosts": {"content": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.244.1.2 web\n"},
        "/etc/netns/web/resolv.conf": {"copy_of": ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"]},
    }
    assert pods.units(fabric, "node1") == []


def test_name_servers():
    fabric = made(fabric_nameservers=["192.0.2.53", "192.0.2.54"], fabric_search_domains=["example.org", "example.net"])
    content = "nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch example.org example.net\n"
    assert by_path(pods.files(fabric, "node1"))["/etc/netns/web/resolv.conf"] == {"content": content}


def test_the_unit():
    fabric = made(UNIT)
    assert by_path(pods.files(fabric, "node1"))["/etc/systemd/system/clusternet-fabric-web.service"]["content"].splitlines() == [
        "# Made by clusternet.fabric; changes are overwritten.",
        "[Unit]",
        "Description=Pod web of fabric fabric",
        "",
        "[Service]",
        "Type=exec",
        "NetworkNamespacePath=/run/netns/web",
        "BindReadOnlyPaths=/etc/netns/web/hosts:/etc/hosts /etc/netns/web/resolv.conf:/etc/resolv.conf",
        'Environment="GREETING=a \\"b\\" \\\\ 5%%"',
        'Environment="N=1"',
        "User=nobody",
        "WorkingDirectory=/srv",
        "ExecStart=/usr/bin/app --x %i",
        "Restart=on-failure",
    ]
    (unit,) = pods.units(fabric, "node1")
    assert (unit["name"], unit["netns"]) == ("clusternet-fabric-web.service", "web")


def test_a_revision_changes_with_what_the_unit_sees():
    base = {"exec_start": "/bin/a"}
    revisions = [
        pods.units(fabric, "node1")[0]["revision"]
        for fabric in (
            made(base),
            made({"exec_start": "/bin/b"}),
            made(base, fabric_nameservers=["192.0.2.53"]),
            made(base, fabric_pod_cidr="10.1.0.0/16"),
            made(base),
        )
    ]
    assert revisions[0] == revisions[-1]
    assert len(set(revisions)) == 4
