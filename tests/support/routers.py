# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of a fabric of Calico's kind in one sandbox, each with the BIRD that the recipe configures, and routers that it does not: BGP on the wire in seconds.

    net = Routers(fabric, {"tor": "198.51.100.100"})
    net.start("node1", net.text(fabric, "node1"))

A node is a network namespace with its address, a /24, on a common segment and one pod, `<node>-pod`, behind it. Where the fabric has IPv6, all of it has,
and what is outside by an address of it.
"""

import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from datetime import datetime

from ansible_collections.clusternet.fabric.plugins.plugin_utils import recipes
from ansible_collections.clusternet.fabric.plugins.plugin_utils.recipes import _bgp, _bird
from module_node import ModuleNode

ROOT = pathlib.Path(__file__).resolve().parents[2]
PINGER = str(ROOT / "tests/support/pinger.py")
RATE = 20

NODE = """
ip netns add {name}
ip -n {name} link set lo up
ip -n {name} link add eth0 type veth peer name {name} netns switch
ip -n switch link set {name} master br0 up
ip -n {name} address add {address}/24 dev eth0
ip -n {name} link set eth0 up
ip -n {name} route add default via {gateway}
"""
POD = """
ip netns exec {name} sysctl -qw net.ipv4.ip_forward=1
ip netns add {name}-pod
ip -n {name} link add cali1 type veth peer name eth0 netns {name}-pod
ip -n {name} address add 169.254.1.1/32 dev cali1
ip -n {name} link set cali1 up
ip -n {name}-pod address add {pod}/32 dev eth0
ip -n {name}-pod link set eth0 up
ip -n {name}-pod route add default via 169.254.1.1 dev eth0 onlink
ip -n {name} route add {pod}/32 dev cali1 proto 160
ip -n {name} route add blackhole {block} proto 160
"""
NODE6 = """
ip netns exec {name} sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n {name} address add {address}/64 dev eth0 nodad
ip -n {name} route add default via fe80::fe dev eth0
"""
POD6 = """
ip -n {name} address add fe80::1/64 dev cali1 nodad
ip -n {name}-pod address add {pod}/128 dev eth0 nodad
ip -n {name}-pod route add default via fe80::1 dev eth0
ip -n {name} route add {pod}/128 dev cali1 proto 160
ip -n {name} route add blackhole {block} proto 160
"""


def gateway(address):
    """The router of a node's subnet."""
    return address.rpartition(".")[0] + ".254"


def beside(address):
    """The IPv6 address of what is outside, beside that of IPv4: 198.51.100.100 is 2001:db8::100 too."""
    return "2001:db8::" + address.rpartition(".")[2]


class Routers(ModuleNode):
    """The nodes of a fabric and the routers beside them, by name and address."""

    def __init__(self, fabric, outside=()):
        script = "ip netns add switch; ip -n switch link add br0 type bridge; ip -n switch link set br0 up"
        self.blocks = {name: node["blocks"][0] for name, node in fabric["nodes"].items()}
        self.pods = {name: block.rpartition(".")[0] + ".2" for name, block in self.blocks.items()}
        for name, node in fabric["nodes"].items():
            pod = POD.format(name=name, pod=self.pods[name], block=self.blocks[name])
            script += NODE.format(name=name, address=node["ip"], gateway=gateway(node["ip"])) + pod
        self.blocks6 = {name: node["blocks6"][0] for name, node in fabric["nodes"].items() if node.get("blocks6")}
        self.pods6 = {name: str(ipaddress.ip_network(block)[2]) for name, block in self.blocks6.items()}
        for name, pod in self.pods6.items():
            node = fabric["nodes"][name]
            script += NODE6.format(name=name, address=node["ip6"]) + POD6.format(name=name, pod=pod, block=node["blocks6"][0])
        for name, address in dict(outside).items():
            script += NODE.format(name=name, address=address, gateway=gateway(address)) + "ip netns exec %s sysctl -qw net.ipv4.ip_forward=1\n" % name
            if self.pods6:
                script += NODE6.format(name=name, address=beside(address))
        super().__init__(script + "mkdir /run/birds")
        self.birds = {}

    # --- BIRD

    @staticmethod
    def config(name):
        return "/run/birds/%s.conf" % name

    @staticmethod
    def socket(name):
        return "/run/birds/%s.ctl" % name

    def write(self, path, text):
        self.run("cat > " + path, text)

    @staticmethod
    def text(fabric, name, bridge=False):
        """A node's configuration, which looks for passwords in the sandbox."""
        return _bird.config(fabric, name, bridge=bridge).replace(_bird.secrets_path(fabric), "/run/birds/%s.passwords" % name)

    def passwords(self, fabric, secrets):
        """Write what the recipe writes of them."""
        for name in fabric["nodes"]:
            for file in recipes.get("calico").secret_files(fabric, name, secrets):
                self.write("/run/birds/%s.passwords" % name, file["content"])

    def start(self, name, text=None):
        if text is not None:
            self.write(self.config(name), text)
        command = self.enter("ip", "netns", "exec", name, "/usr/sbin/bird", "-f", "-R", "-c", self.config(name), "-s", self.socket(name))
        self.birds[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def signal(self, name, number):
        """To the BIRD of a node; nsenter and ip have become it."""
        os.kill(self.birds[name].pid, number)
        if number == signal.SIGKILL:
            self.birds[name].wait()

    def birdc(self, name, command):
        return self.run("birdc -s %s '%s'" % (self.socket(name), command))

    def build(self, fabric, secrets=None):
        """Have all nodes run the fabric's configurations, and wait until they have converged."""
        self.passwords(fabric, secrets or {})
        for name in fabric["nodes"]:
            if name not in self.birds:
                self.start(name, self.text(fabric, name))
            else:
                self.write(self.config(name), self.text(fabric, name))
                self.birdc(name, "configure")
        self.converge(fabric)

    def converge(self, fabric, within=20):
        until = time.monotonic() + within
        for name in fabric["nodes"]:
            wanted = {session["protocol"] for session in _bgp.sessions(fabric, name)}
            told = {block for blocks in _bgp.networks(fabric, name).values() for block in blocks}
            while not (wanted <= self.established(name) and told <= set(self.routes(name))):
                assert time.monotonic() < until, (name, self.birdc(name, "show protocols"), self.routes(name))
                time.sleep(0.1)

    def established(self, name):
        lines = [line.split() for line in self.birdc(name, "show protocols").splitlines()] if self.running(name) else []
        return {words[0] for words in lines if "Established" in words}

    def running(self, name):
        return self.run("test -S %s && birdc -s %s show status >/dev/null 2>&1 && echo yes || true" % (self.socket(name), self.socket(name))) != ""

    # --- the kernel's side

    def routes(self, name, proto="bird"):
        """{network: its next hops} in a node's kernel, of either family."""
        found = [route for option in (4, 6) for route in json.loads(self.run("ip -n %s -%d -j route show proto %s" % (name, option, proto)) or "[]")]
        return {route["dst"]: sorted(hop["gateway"] for hop in route.get("nexthops", [route]) if "gateway" in hop) for route in found}

    def wait(self, there, within):
        """Seconds until something holds."""
        start = time.monotonic()
        while not there():
            assert time.monotonic() < start + within, "not within %s s" % within
            time.sleep(0.02)
        return time.monotonic() - start

    def watch(self, name):
        """`ip monitor route` of a node; end it by `seen`."""
        command = self.enter("ip", "netns", "exec", name, "stdbuf", "-oL", "ip", "-ts", "monitor", "route")
        watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)
        return watching

    @staticmethod
    def seen(watching):
        """[(when, what)] of it."""
        watching.terminate()
        lines = [line.partition("] ") for line in watching.communicate(timeout=10)[0].splitlines() if line.startswith("[")]
        return [(datetime.fromisoformat(when.strip("[")).timestamp(), what) for when, dummy, what in lines]

    def ping(self):
        """Every pod pings every other, at each of its addresses; end it by `lost`."""
        words = ["%s-pod=%s" % (name, ",".join(address for pods in (self.pods, self.pods6) for other, address in pods.items() if other != name))
                 for name in self.pods]
        pinging = subprocess.Popen(self.enter(sys.executable, PINGER, str(1 / RATE), *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert pinging.stdout.readline() == "ready\n"
        return pinging

    @staticmethod
    def lost(pinging):
        """{pair: [when]} of the echoes that did not come back, and how many were sent."""
        pinging.stdin.close()
        counted = json.loads(pinging.stdout.read())
        pinging.wait(timeout=10)
        return {pair: result["lost"] for pair, result in counted.items() if result["lost"]}, sum(result["sent"] for result in counted.values())

    def close(self):
        for bird in self.birds.values():
            bird.kill()
            bird.wait()
        super().close()
