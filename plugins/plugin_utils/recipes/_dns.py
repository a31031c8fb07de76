# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of pods by dnsmasq: on each node one that knows all pods of the cluster, and asks others for all else.

A name is all addresses of its pod, and one that pods on several nodes have is all of theirs, in another order each time.
"""

from __future__ import annotations

from .. import pod_addresses
from ..written import HEAD, place, revision

PACKAGES = {"dnsmasq": "dnsmasq-base"}


def unit_name(fabric):
    """The unit that runs it."""
    return "clusternet-dns@%s.service" % fabric["name"]


def files(fabric, domain, address):
    """The configuration of a server that answers at C(address), the names, and the unit."""
    made = {
        place(fabric, "dnsmasq.conf"): _config(fabric, domain, address),
        place(fabric, "names"): _names(fabric, domain),
        "/etc/systemd/system/" + unit_name(fabric): _unit(fabric),
    }
    return [{"path": path, "content": content} for path, content in made.items()]


def units(fabric, domain, address):
    """What runs of it. It is started anew for every other set of names, which takes less than a second and leaves no old one in a cache."""
    text = "\0".join(entry["content"] for entry in files(fabric, domain, address))
    return [{"name": unit_name(fabric), "revision": revision(text)}]


def _names(fabric, domain):
    lines = ["%s %s.%s" % (address, pod["name"], domain)
             for node in fabric["nodes"].values() for pod in node["pods"] for address in pod_addresses.every(pod)]
    return HEAD + "".join(line + "\n" for line in lines)


def _config(fabric, domain, address):
    lines = [
        "listen-address=" + address,
        # Nothing of the node's other addresses, where others may answer.
        "bind-interfaces",
        "no-hosts",
        "addn-hosts=" + place(fabric, "names"),
        # What is not in it, nobody else knows either.
        "local=/%s/" % domain,
        "rev-server=" + fabric["pod_cidr"],
    ]
    if fabric["nameservers"]:
        lines += ["no-resolv"] + ["server=" + server for server in fabric["nameservers"]]
    return HEAD + "".join(line + "\n" for line in lines)


def _unit(fabric):
    lines = [
        "[Unit]",
        "Description=Names of fabric %s" % fabric["name"],
        "After=network.target clusternet@%s.service" % fabric["name"],
        "",
        "[Service]",
        "ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file=%s --pid-file= --log-facility=-" % place(fabric, "dnsmasq.conf"),
        "Restart=on-failure",
        "RestartSec=1",
        "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID",
        "NoNewPrivileges=yes",
    ]
    return HEAD + "\n".join(lines) + "\n"
