# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import intent
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.clusternet.fabric.plugins.filter import cluster
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import flannel

FILTERS = cluster.FilterModule().filters()


def model(**common):
    return {"changed": False, "fabrics": {"fabric": intent.fabric(intent.nodes(2), **common)}}


def test_a_document_by_the_backends_recipe():
    found = model()
    assert FILTERS["document"](found, "node2") == flannel.document(found["fabrics"]["fabric"], "node2")
    assert FILTERS["backend"](found, "node2") == "flannel"


@pytest.mark.parametrize("wanted, mtu", [("auto", 1450), (1300, 1300)])
def test_the_mtu_of_the_files(wanted, mtu):
    assert "FLANNEL_MTU=%d\n" % mtu in FILTERS["backend_files"](model(fabric_mtu=wanted), "node1", mtu=1450)[0]["content"]


@pytest.mark.parametrize("name", ["backend", "document", "kernel_modules", "lease_copy", "node_files", "node_units"])
def test_strangers(name):
    with pytest.raises(AnsibleFilterError, match="node9: is in no fabric of the model: expected a host of the group"):
        FILTERS[name](model(), "node9")
    with pytest.raises(AnsibleFilterError, match="expected what clusternet.fabric.cluster returns, with its fabrics"):
        FILTERS[name]({}, "node1")
