# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods on a node, beside the CNI reference plugins: bridge with host-local."""

from __future__ import annotations

import json
import os
import subprocess

from isolated import Case, made_and_unchanged, run

PLUGINS = "/usr/lib/cni"  # where Debian's containernetworking-plugins are
NETWORK = {
    "cniVersion": "1.0.0", "name": "bench", "type": "bridge", "bridge": "cni0", "isDefaultGateway": True,
    "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": "10.244.0.0/22"}]]},
}


def document(count):
    """What the plugins make, as a document."""
    made = {"bridge": [{"name": "cni0"}], "address": [{"dev": "cni0", "address": "10.244.0.1/22"}], "netns": [], "veth": [], "route": []}
    for n in range(count):
        pod = "pod%d" % n
        made["netns"].append({"name": pod})
        made["veth"].append({"name": "veth%d" % n, "master": "cni0", "peer": {"name": "eth0", "netns": pod}})
        made["address"].append({"netns": pod, "dev": "eth0", "address": "10.244.%d.%d/22" % divmod(n + 2, 256)})
        made["route"].append({"netns": pod, "dst": "default", "via": "10.244.0.1"})
    return made


def ours(count):
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)
    return made_and_unchanged(document(count))


def theirs(count):
    """As a container runtime does it: a namespace, then the plugin in it. Namespaces are made in one go, which is the quickest way."""
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)
    pods = ["pod%d" % n for n in range(count)]
    seconds = run(["ip", "-batch", "-"], input="".join("netns add %s\n" % pod for pod in pods), text=True)
    for pod in pods:
        environment = dict(os.environ, CNI_COMMAND="ADD", CNI_CONTAINERID=pod, CNI_NETNS="/run/netns/" + pod, CNI_IFNAME="eth0", CNI_PATH=PLUGINS)
        seconds += run([os.path.join(PLUGINS, "bridge")], input=json.dumps(NETWORK), text=True, env=environment)
    return {"made": seconds}


CASES = [Case("pods", 100, "CNI plugins bridge and host-local", ours, theirs, {"made": 0.2})]
