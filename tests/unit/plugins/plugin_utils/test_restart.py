# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import cluster, recipes, restart


def fabric(**common):
    pods = [{"name": "web", "unit": {"exec_start": "/bin/true"}}, {"name": "db"}]
    return intent.fabric({"node1": {"fabric_node_ip": "198.51.100.1", "fabric_pods": pods}}, **common)


def contents(entries):
    return {entry["path"]: entry["content"] for entry in entries}


def test_the_unit_at_the_start_of_the_machine():
    found = contents(restart.files(fabric(), "node1"))
    unit = found["/etc/systemd/system/clusternet@fabric.service"]
    assert "ExecStart=/usr/local/sbin/clusternet-fabric apply --fabric fabric --wait 300\n" in unit
    assert "ConditionPathExists=/var/lib/clusternet/fabric/document.json\n" in unit
    # The pod in which something runs; after the network, and only where there is one.
    assert [line for line in unit.splitlines() if "clusternet-fabric-" in line] == ["OnSuccess=clusternet-fabric-web.service"]
    assert "ExecStartPre=-modprobe -aq bridge br_netfilter veth vxlan\n" in unit
    assert "Wants=clusternet@fabric.service\n" in found["/etc/systemd/system/multi-user.target.d/clusternet-fabric.conf"]
    assert len(found) == 2
    assert restart.units(fabric(), "node1") == []


def test_the_timer():
    model = fabric(fabric_self_heal=60)
    found = contents(restart.files(model, "node1"))
    timer, service = (found["/etc/systemd/system/clusternet-heal@fabric." + kind] for kind in ("timer", "service"))
    assert "OnUnitInactiveSec=60\n" in timer
    assert "ExecStart=/usr/local/sbin/clusternet-fabric apply --fabric fabric\n" in service
    assert "Wants=clusternet@fabric.service clusternet-heal@fabric.timer\n" in found["/etc/systemd/system/multi-user.target.d/clusternet-fabric.conf"]
    units = restart.units(model, "node1")
    assert [unit["name"] for unit in units] == ["clusternet-heal@fabric.timer"]
    assert units != restart.units(fabric(fabric_self_heal=61), "node1")


def test_files_below_run_are_made_again():
    model = fabric()
    made = recipes.get("flannel").files(model, "node1", 1450)
    (entry,) = restart.run_files(model, made)
    assert entry["path"] == "/etc/tmpfiles.d/clusternet-fabric.conf"
    lines = entry["content"].splitlines()
    assert lines[1] == "d /run/flannel 0755 root root -"
    assert lines[2].startswith("f /run/flannel/subnet.env 0644 root root - FLANNEL_NETWORK=10.244.0.0/16\\nFLANNEL_SUBNET=")
    assert restart.run_files(model, [{"path": "/etc/other", "content": ""}]) == []
    (entry,) = restart.run_files(model, [{"path": "/run/x/y", "content": "50%\\\n", "mode": "0600"}])
    assert entry["content"].splitlines()[2] == "f /run/x/y 0600 root root - 50%%\\\\\\n"


def test_nothing_of_it_where_nothing_is_kept():
    model = fabric(fabric_persist=False)
    assert restart.files(model, "node1") == restart.units(model, "node1") == []
    assert restart.run_files(model, [{"path": "/run/x", "content": ""}]) == []


@pytest.mark.parametrize("variable", ["fabric_self_heal", "fabric_confirm"])
def test_bad_values(variable):
    with pytest.raises(cluster.InvalidCluster, match="%s: 2: expected 0, or a number of seconds from 5 to" % variable):
        fabric(**{variable: 2})
    with pytest.raises(cluster.InvalidCluster, match="%s: 60: expected fabric_persist: true with it" % variable):
        fabric(**{variable: 60, "fabric_persist": False})
