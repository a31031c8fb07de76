# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import intent
from ansible_collections.clusternet.fabric.plugins.plugin_utils import unmanaged
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _parts


def test_the_links_are_named_and_those_inside_pods_are_not():
    fabric = intent.fabric(intent.nodes(2, fabric_pods=[{"name": "web"}]))
    link = _parts.host_link("fabric", "web")
    network, networkd, manager = unmanaged.files(fabric, "node1")
    assert network["path"] == "/etc/systemd/network/00-clusternet-fabric.network"
    assert network["content"].endswith("[Match]\nName=cni0\nName=flannel.1\nName=%s\n\n[Link]\nUnmanaged=yes\n" % link)
    assert "\nManageForeignRoutes=no\n" in networkd["content"]
    assert manager["content"].endswith("unmanaged-devices+=interface-name:cni0;interface-name:flannel.1;interface-name:%s\n" % link)


def test_a_link_elsewhere_is_none_of_the_node():
    assert unmanaged.links({"bridge": [{"name": "br"}, {"name": "inner", "netns": "web"}], "netns": [{"name": "web"}]}) == ["br"]
