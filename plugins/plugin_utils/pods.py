# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod's files and unit on its node: name resolution under /etc/netns and, where something runs in it, a systemd unit."""

from __future__ import annotations

from . import pod_addresses, recipes
from .written import HEAD, revision

# The copy that systemd-resolved keeps with the real servers: its stub on loopback does not answer inside a pod.
NODE_RESOLV_CONF = ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"]


def files(fabric, name):
    """The files of a node's pods, for the C(file_set) module."""
    result, resolver = [], _resolv_conf(fabric, name)
    for pod in fabric["nodes"][name]["pods"]:
        folder = "/etc/netns/%s/" % pod["name"]
        result.append({"path": folder + "hosts", "content": _hosts(pod)})
        result.append(dict({"path": folder + "resolv.conf"}, **({"content": resolver} if resolver else {"copy_of": NODE_RESOLV_CONF})))
        if pod["unit"]:
            result.append({"path": "/etc/systemd/system/" + unit_name(fabric, pod), "content": _unit(fabric, pod)})
    return result


def units(fabric, name):
    """The units of a node's pods, for the C(unit_set) module: the revision changes with whatever a unit has to be restarted for."""
    result, resolver = [], _resolv_conf(fabric, name)
    for pod in fabric["nodes"][name]["pods"]:
        if pod["unit"]:
            text = "\0".join([_unit(fabric, pod), _hosts(pod), resolver])
            result.append({"name": unit_name(fabric, pod), "revision": revision(text), "netns": pod["name"]})
    return result


def unit_name(fabric, pod):
    """The unit that runs in a pod; the prefix keeps it from shadowing one of the distribution's."""
    return "clusternet-%s-%s.service" % (fabric["name"], pod["name"])


def _hosts(pod):
    own = "".join("%s %s\n" % (address, pod["name"]) for address in (*pod_addresses.every(pod), pod.get("address6")) if address)
    return "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" + own


def _resolv_conf(fabric, name):
    """Empty where there is no server to name: then the node's own counts."""
    servers, domains = recipes.get(fabric["backend"]).resolver(fabric, name)
    lines = ["nameserver " + server for server in servers]
    if servers and domains:
        lines.append("search " + " ".join(domains))
    return "".join(line + "\n" for line in lines)


def _unit(fabric, pod):
    unit, name = pod["unit"], pod["name"]
    folder = "/etc/netns/" + name
    lines = [
        "[Unit]",
        "Description=Pod %s of fabric %s" % (name, fabric["name"]),
        "",
        "[Service]",
        # Not started until it runs: a program that is not there is an error at once.
        "Type=exec",
        "NetworkNamespacePath=/run/netns/" + name,
        # As `ip netns exec` does it.
        "BindReadOnlyPaths=%s/hosts:/etc/hosts %s/resolv.conf:/etc/resolv.conf" % (folder, folder),
    ]
    lines += ["Environment=" + _quoted("%s=%s" % pair) for pair in (unit["environment"] or {}).items()]
    for key, directive in (("user", "User"), ("working_directory", "WorkingDirectory")):
        if unit[key]:
            lines.append("%s=%s" % (directive, unit[key]))
    lines += ["ExecStart=" + unit["exec_start"], "Restart=" + unit["restart"]]
    return HEAD + "\n".join(lines) + "\n"


def _quoted(text):
    """One word of a unit file, taken literally (systemd.syntax(7), systemd.unit(5) for the percent sign)."""
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
