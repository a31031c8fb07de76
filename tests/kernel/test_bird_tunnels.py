# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way BIRD gives a route in the kernel: plain, or into the tunnel. Of the tunnel a device with its name is enough: no kernel here has IPIP."""

import json

import intent
import pytest
from routers import Routers

pytestmark = pytest.mark.kernel

BGP = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never"}


def fabric(**common):
    """node3 is behind a router."""
    nodes = intent.nodes(3)
    nodes["node3"]["fabric_node_ip"] = "192.0.2.3"
    return intent.fabric(nodes, **dict(BGP, **common))


@pytest.fixture(scope="module", name="net")
def fixture_net():
    net = Routers(fabric(), {"router": "198.51.100.254"})
    try:
        net.run("ip -n router address add 192.0.2.254/24 dev eth0; ip netns exec router sysctl -qw net.ipv4.conf.all.send_redirects=0 "
                "net.ipv4.conf.eth0.send_redirects=0")
        for name in net.pods:
            net.run("ip -n %(name)s link add ipip.calico type veth peer name far; ip -n %(name)s link set far up; "
                    "ip -n %(name)s link set ipip.calico up" % {"name": name})
        yield net
    finally:
        net.close()


def ways(net, name):
    """{whose block: (gateway, device, flags)}."""
    routes = {route["dst"]: (route["gateway"], route["dev"], route["flags"]) for route in json.loads(net.run("ip -n %s -4 -j route show proto bird" % name))}
    return {other: routes[block] for other, block in net.blocks.items() if block in routes}


TUNNEL = ("ipip.calico", ["onlink"])


@pytest.mark.parametrize("mode, near, far", [
    ("Always", ("198.51.100.2",) + TUNNEL, ("192.0.2.3",) + TUNNEL),
    ("CrossSubnet", ("198.51.100.2", "eth0", []), ("192.0.2.3",) + TUNNEL),
    # As it is, to the router, which has to know the way.
    ("Never", ("198.51.100.2", "eth0", []), ("198.51.100.254", "eth0", [])),
])
def test_which_way(net, mode, near, far):
    net.build(fabric(calico_ipip_mode=mode))
    net.wait(lambda: ways(net, "node1") == {"node2": near, "node3": far}, 10)
    if mode == "CrossSubnet":
        assert ways(net, "node3") == {"node1": ("198.51.100.1",) + TUNNEL, "node2": ("198.51.100.2",) + TUNNEL}
