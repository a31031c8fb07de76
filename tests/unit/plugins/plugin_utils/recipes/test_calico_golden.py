# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fabric of IPv4 alone puts on a node and into the lease file, to the letter: as it was before there was IPv6.

What changes on purpose is written anew with CLUSTERNET_GOLDEN=write, and is seen in the diff.
"""

from __future__ import annotations

import json
import os
import pathlib

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import leases, pods, recipes, verify

FOLDER = pathlib.Path(__file__).parent / "golden"
PEER = {"name": "rack", "address": "192.0.2.1", "as_number": 65000, "password": "rack", "filters": ["edge"], "summarize": True, "hops": 1}
VARIANTS = {
    "calico-vxlan": {"calico_pools": [{"name": "one", "cidr": "10.244.0.0/20", "vxlan_mode": "Always"}, {"name": "two", "cidr": "10.244.16.0/20"}]},
    "calico-bgp": {
        "calico_bgp": True, "calico_vxlan_mode": "Never", "calico_peers": [PEER, {"name": "rr", "peer_labels": {"rr": "yes"}}],
        "calico_passwords": {"rack": "secret"}, "calico_bfd": True, "calico_advertise": ["10.96.0.0/12"], "calico_borrow": True,
        "calico_filters": [{"name": "edge", "import": [{"action": "accept", "cidr": "203.0.113.0/24"}, {"action": "reject"}]}],
        "calico_communities": [{"cidr": "10.244.0.0/16", "communities": ["64512:100"]}]},
    "calico-ipip": {"calico_bgp": True, "calico_vxlan_mode": "Never", "calico_ipip_mode": "CrossSubnet", "calico_mesh": False,
                    "calico_reflector_cluster_id": "244.0.0.1", "calico_peers": [{"name": "all", "peer_labels": {}}]},
    "calico-wireguard": {"calico_wireguard": True, "calico_vxlan_mode": "Never"},
    "flannel": {"fabric_backend": "flannel"},
    "weave": {"fabric_backend": "weave", "weave_subnets": [{"name": "one", "cidr": "10.244.0.0/20", "block_size": 24}]},
}


def rendered(variant):
    """Everything of it, as lines."""
    nodes = intent.nodes(2, fabric_pods=[{"name": "web"}])
    nodes["node1"]["fabric_labels"] = {"rr": "yes"}
    fabric = intent.fabric(nodes, **dict({"fabric_backend": "calico"}, **VARIANTS[variant]))
    recipe, lines = recipes.get(fabric["backend"]), []
    for section, entries in recipe.document(fabric, "node1").items():
        lines += ["# " + section] + [json.dumps(entry, sort_keys=True) for entry in (entries if isinstance(entries, list) else [entries])]
    daemon = recipe.daemon(fabric, "node1") or {}
    lines += ["# daemon", daemon.get("content", ""), "# bridge", daemon.get("bridge", "")]
    lines += [json.dumps(daemon.get(what)) for what in ("sessions", "networks")]
    lines += ["# verify"] + [json.dumps(probe, sort_keys=True) for probe in verify.targets(fabric, "node1", outside_address="192.0.2.9", outside_port=80)]
    lines += ["# files"] + [json.dumps(file, sort_keys=True) for file in pods.files(fabric, "node1")]
    lines += ["# leases", leases.render("fabric", leases.allot(fabric_pins(fabric), {})[0]), fabric["leases"]]
    return "\n".join(lines) + "\n"


def fabric_pins(fabric):
    """The fabric as it was before leases."""
    nodes = {name: dict(node, subnet=None, blocks=[], pods=[dict(pod, address=None) for pod in node["pods"]]) for name, node in fabric["nodes"].items()}
    return dict(fabric, nodes=nodes)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fabric_of_ipv4_alone_stays_as_it_was(variant):
    file = FOLDER / (variant + ".txt")
    if os.environ.get("CLUSTERNET_GOLDEN") == "write":
        file.write_text(rendered(variant))
    assert rendered(variant) == file.read_text()
