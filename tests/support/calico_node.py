# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of Calico's scenarios ask of a lab's nodes, with stock tools."""

import hashlib
import json

from lab_host import in_pod, node, run_json


def link(pod, fabric="fabric"):
    """The host end of a pod's veth."""
    return "cali" + hashlib.sha1(("%s/%s" % (fabric, pod)).encode()).hexdigest()[:11]


def blocks(name, family=""):
    """A node's blocks, as its copy of the leases has them; those of IPv6 by the suffix 6."""
    return json.loads(node(name).check_output("cat /var/lib/clusternet/fabric/leases.yml"))["nodes"][name]["blocks" + family]


def check_pods(host, name, mtu):
    """Each pod of the lab's inventory is wired as Calico does it."""
    for pod in ("a", "b"):
        address = run_json(host, in_pod(pod, "ip -4 -j address show dev eth0"))[0]["addr_info"]
        assert [entry["prefixlen"] for entry in address] == [32], name
        address = address[0]["local"]
        near = run_json(host, "ip -j link show dev " + link(pod))[0]
        assert (near["address"], near["mtu"], near.get("master")) == ("ee:ee:ee:ee:ee:ee", mtu, None)
        routes = [(route["dst"], route.get("gateway"), route.get("scope")) for route in run_json(host, in_pod(pod, "ip -4 -j route"))]
        assert sorted(routes) == [("169.254.1.1", None, "link"), ("default", "169.254.1.1", None)]
        assert [(route["dst"], route.get("scope")) for route in run_json(host, "ip -4 -j route show dev " + link(pod))] == [(address, "link")]
        for key, value in {"forwarding": "1", "proxy_arp": "1", "rp_filter": "1", "route_localnet": "1"}.items():
            assert host.file("/proc/sys/net/ipv4/conf/%s/%s" % (link(pod), key)).content_string.strip() == value
        # The gateway that nobody has is answered for.
        host.check_output(in_pod(pod, "ip neigh flush dev eth0; ip netns exec %s ping -n -q -c 1 -W 2 198.18.0.1" % pod))
        assert [entry["lladdr"] for entry in run_json(host, in_pod(pod, "ip -j neigh show 169.254.1.1"))] == ["ee:ee:ee:ee:ee:ee"]
    assert run_json(host, "ip -j link show type bridge") in ([], [{}])


GATEWAY6 = "fe80::ecee:eeff:feee:eeee"


def check_pods6(host, name):
    """Each pod has a /128 as well, and its gateway is the link-local address of the link's other end."""
    for pod in ("a", "b"):
        (address,) = [entry for entry in run_json(host, in_pod(pod, "ip -6 -j address show dev eth0"))[0]["addr_info"] if entry["scope"] == "global"]
        assert address["prefixlen"] == 128, name
        address = address["local"]
        routes = [(route["dst"], route.get("gateway")) for route in run_json(host, in_pod(pod, "ip -6 -j route show default"))]
        assert routes == [("default", GATEWAY6)]
        assert [route["dst"] for route in run_json(host, "ip -6 -j route show proto 160 dev " + link(pod))] == [address]
        assert GATEWAY6 in host.check_output("ip -6 -o address show scope link dev " + link(pod))
        for key, value in {"forwarding": "1", "proxy_ndp": "1", "accept_ra": "0"}.items():
            assert host.file("/proc/sys/net/ipv6/conf/%s/%s" % (link(pod), key)).content_string.strip() == value
        assert host.check_output(in_pod(pod, "cat /etc/hosts")).count("\n%s %s" % (address, pod)) == 1
