# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has a node build its part of the network again by itself: the files around the command C(clusternet-fabric).

The command and the document come with the C(network) module (_engine/package.py, store.py). Here is what runs it: a unit at the start of the
machine, and where it is wanted a timer. Names of these units have an @, which those of pods' units never have.
"""

from __future__ import annotations

from . import pods, recipes
from .written import HEAD, revision

COMMAND = "/usr/local/sbin/clusternet-fabric"
UNITS = "/etc/systemd/system/"
# How long the node's address may take to be there, by DHCP for example.
WAIT_SECONDS = 300
# What loads its own rules at the start, and empties tables for it.
FIREWALLS = ["nftables", "netfilter-persistent", "firewalld", "ufw", "docker"]


def files(fabric, name):
    """The files of a node, for the C(file_set) module."""
    if not fabric["persist"]:
        return []
    unit = "clusternet@%s.service" % fabric["name"]
    wants = [unit] + [timer["name"] for timer in units(fabric, name)]
    result = [
        {"path": UNITS + unit, "content": _unit(fabric, name)},
        # A part of the target's own file in place of a symbolic link below it: a file like the others, with the same effect.
        {"path": UNITS + "multi-user.target.d/clusternet-%s.conf" % fabric["name"], "content": HEAD + "[Unit]\nWants=%s\n" % " ".join(wants)},
    ]
    if fabric["self_heal"]:
        result.append({"path": UNITS + _heal(fabric, "service"), "content": _heal_service(fabric)})
        result.append({"path": UNITS + _heal(fabric, "timer"), "content": _heal_timer(fabric)})
    return result


def units(fabric, dummy):
    """What runs of it between restarts, for the C(unit_set) module."""
    if not fabric["persist"] or not fabric["self_heal"]:
        return []
    text = _heal_service(fabric) + _heal_timer(fabric)
    return [{"name": _heal(fabric, "timer"), "revision": revision(text)}]


def run_files(fabric, made):
    """The file by which systemd makes files again that do not outlive a restart, because they are below /run (tmpfiles.d(5))."""
    volatile = [entry for entry in made if entry["path"].startswith("/run/")]
    if not fabric["persist"] or not volatile:
        return []
    folders = sorted({entry["path"].rpartition("/")[0] for entry in volatile})
    lines = ["d %s 0755 root root -" % folder for folder in folders]
    lines += ["f %s %s root root - %s" % (entry["path"], entry.get("mode", "0644"), _argument(entry["content"])) for entry in volatile]
    return [{"path": "/etc/tmpfiles.d/clusternet-%s.conf" % fabric["name"], "content": HEAD + "\n".join(lines) + "\n"}]


def _argument(content):
    """A file's content on one line: C-style escapes, and percent signs taken literally."""
    return content.replace("\\", "\\\\").replace("\n", "\\n").replace("%", "%%")


def _unit(fabric, name):
    own = [unit["name"] for unit in pods.units(fabric, name) + recipes.get(fabric["backend"]).units(fabric, name)]
    modules = recipes.get(fabric["backend"]).kernel_modules(fabric)
    lines = [
        "[Unit]",
        "Description=Network of fabric %s, as the last run left it" % fabric["name"],
        # Whether the node's address is there the command sees itself: network-online.target waits for every device that there is.
        "After=network.target " + " ".join(unit + ".service" for unit in FIREWALLS),
        "ConditionPathExists=/var/lib/clusternet/%s/document.json" % fabric["name"],
        # Only now are their namespaces there.
        *["OnSuccess=" + unit for unit in own],
        "",
        "[Service]",
        "Type=oneshot",
        # What is built in, or comes by itself, needs none of it.
        *["ExecStartPre=-modprobe -aq " + " ".join(modules) for dummy in modules[:1]],
        "ExecStart=%s apply --fabric %s --wait %d" % (COMMAND, fabric["name"], WAIT_SECONDS),
    ]
    return HEAD + "\n".join(lines) + "\n"


def _heal(fabric, kind):
    return "clusternet-heal@%s.%s" % (fabric["name"], kind)


def _heal_service(fabric):
    lines = [
        "[Unit]",
        "Description=Mend what differs from the last run of fabric %s" % fabric["name"],
        # The start of the machine has its own, which waits for the node's address.
        "After=clusternet@%s.service" % fabric["name"],
        "ConditionPathExists=/var/lib/clusternet/%s/document.json" % fabric["name"],
        "",
        "[Service]",
        "Type=oneshot",
        "ExecStart=%s apply --fabric %s" % (COMMAND, fabric["name"]),
        # A run is under way: the next time will do.
        "SuccessExitStatus=75",
        # The journal gets what was mended, and not each look of systemd's.
        "SyslogLevel=notice",
        "LogLevelMax=notice",
    ]
    return HEAD + "\n".join(lines) + "\n"


def _heal_timer(fabric):
    lines = [
        "[Unit]",
        "Description=Look every %d seconds whether fabric %s is as the last run left it" % (fabric["self_heal"], fabric["name"]),
        "",
        "[Timer]",
        "OnActiveSec=%d" % fabric["self_heal"],
        "OnUnitInactiveSec=%d" % fabric["self_heal"],
        "AccuracySec=1",
    ]
    return HEAD + "\n".join(lines) + "\n"
