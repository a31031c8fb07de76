# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thirty nodes that speak BGP: what a mesh of them takes, and what two reflectors make of it."""

import json
import time

import pytest
import yaml
from runs import SITE, on, stats, succeeded, tasks

COUNT = 30
MANY = tuple("node%d" % number for number in range(1, COUNT + 1))
REFLECTORS = MANY[:2]
CALICO = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never"}
REFLECTED = dict(CALICO, calico_mesh=False, calico_peers=[{"name": "reflectors", "peer_labels": {"reflector": "yes"}}])
# Without a session with one another, each would lack what only the other is told: nodes have both.
OWN = {name: {"fabric_labels": {"reflector": "yes"}, "calico_reflector_cluster_id": "244.0.0.1"} for name in REFLECTORS}
BIRD = "pid=$(systemctl show --property=MainPID --value clusternet-bird@fabric.service); awk '/VmRSS/ { print $2 }' /proc/$pid/status; birdc -s %s %s"
SOCKET = "/run/clusternet-bird-fabric/bird.ctl"


@pytest.fixture(name="thirty")
def fixture_thirty(lab):
    lab.segments = 1
    assert lab.playbook("playbooks/lab_up.yml", nodes=COUNT)["returncode"] == 0
    know_one_another(lab)
    yield lab
    assert lab.playbook("playbooks/lab_down.yml", nodes=COUNT)["returncode"] == 0


def ipv4(link):
    return next(entry["local"] for entry in link["addr_info"] if entry["family"] == "inet")


def know_one_another(lab):
    """Thirty machines have a neighbour table each. These share one kernel's, which 870 neighbours all but fill (gc_thresh3, 1024, counts those of all
    namespaces); permanent ones are not counted."""
    links = {name: json.loads(on(lab, name, "ip -j address show dev eth0"))[0] for name in MANY}
    for name in MANY:
        lines = ["neighbour replace %s lladdr %s nud permanent dev eth0" % (ipv4(link), link["address"])
                 for other, link in links.items() if other != name]
        on(lab, name, "ip -batch - <<'END'\n%s\nEND" % "\n".join(lines))


def birds(lab):
    """Per node its BIRD's memory in KiB and how many of its sessions are established."""
    found = {}
    for name in MANY:
        memory, shown = on(lab, name, BIRD % (SOCKET, "show protocols")).split("\n", 1)
        found[name] = (int(memory), shown.count("Established"))
    return found


def build(lab, variables, inventory):
    started = time.monotonic()
    run = lab.playbook(SITE, "-i", str(inventory), "-e", json.dumps(variables), nodes=COUNT)
    seconds = time.monotonic() - started
    succeeded(run, MANY)
    waits = tasks(run, "Wait for the routing daemon")
    return seconds, max(result["converged_after"] or 0 for result in waits.values())


def routes(lab):
    return {name: on(lab, name, "ip -4 route show proto bird | sort") for name in MANY}


def test_mesh_and_reflectors(thirty, tmp_path):
    inventory = tmp_path / "reflectors.yml"
    inventory.write_text(yaml.safe_dump({"fabric": {"hosts": OWN}}), encoding="utf-8")

    built, converged = build(thirty, CALICO, inventory)
    mesh, learned = birds(thirty), routes(thirty)
    assert {count for dummy, count in mesh.values()} == {COUNT - 1}
    assert {len(lines.splitlines()) for lines in learned.values()} == {COUNT - 1}
    print("mesh: site.yml %.0f s, BGP converged %.1f s after the last node's configuration, BIRD %d to %d KiB" % (
        built, converged, *(f(memory for memory, dummy in mesh.values()) for f in (min, max))))

    built, converged = build(thirty, REFLECTED, inventory)
    reflected = birds(thirty)
    assert {reflected[name][1] for name in REFLECTORS} == {COUNT - 1}
    assert {reflected[name][1] for name in MANY[2:]} == {len(REFLECTORS)}
    assert routes(thirty) == learned
    print("reflectors: site.yml %.0f s, converged %.1f s after, BIRD %d to %d KiB" % (
        built, converged, *(f(memory for memory, dummy in reflected.values()) for f in (min, max))))

    again = thirty.playbook(SITE, "-i", str(inventory), "-e", json.dumps(REFLECTED), "--skip-tags", "verify", nodes=COUNT)
    assert stats(again, "changed", MANY) == dict.fromkeys(MANY, 0)
