# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a node runs a BIRD 2 of its own for a fabric, whatever protocol that speaks: where its files are, its unit, and by what one tells which
configuration it runs. What the configuration says, the backends know (C(_bird), C(_weave_mesh)). Pure.
"""

from __future__ import annotations

from ..written import HEAD, place
from ..written import revision as revision_of

PACKAGES = {"bird": "bird2"}
# Both take all of the main table's routes of protocol bird for their own.
EXCLUSIVE = {"calico_bgp or weave_mesh=partial": True}
# What says in the configuration, and so to whoever asks the running BIRD, which one it is.
REVISION = "CLUSTERNET_REVISION"


def config_path(fabric):
    """Where a node has BIRD's configuration of a fabric."""
    return place(fabric, "bird.conf")


def socket_path(fabric):
    """Where its BIRD listens for birdc."""
    return "/run/clusternet-bird-%s/bird.ctl" % fabric["name"]


def unit_name(fabric):
    """The unit that runs it."""
    return "clusternet-bird@%s.service" % fabric["name"]


def unit(fabric, protocol):
    """The unit's text: BIRD as root, which reads what only root may, with no more than it needs of that."""
    lines = [
        "[Unit]",
        "Description=%s of fabric %s" % (protocol, fabric["name"]),
        "After=network.target clusternet@%s.service" % fabric["name"],
        "",
        "[Service]",
        "RuntimeDirectory=clusternet-bird-%s" % fabric["name"],
        "ExecStartPre=/usr/sbin/bird -p -c %s" % config_path(fabric),
        # -R: what it had told others before it died, they still have.
        "ExecStart=/usr/sbin/bird -f -R -c %s -s %s" % (config_path(fabric), socket_path(fabric)),
        "ExecReload=/usr/sbin/birdc -s %s configure" % socket_path(fabric),
        "Restart=on-failure",
        "RestartSec=1",
        "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW",
        "NoNewPrivileges=yes",
    ]
    return HEAD + "\n".join(lines) + "\n"


def units(fabric, protocol):
    """What runs, for the C(unit_set) module: started anew only where the unit has changed; a configuration BIRD takes as it runs."""
    return [{"name": unit_name(fabric), "revision": revision_of(unit(fabric, protocol))}]


def files(fabric, protocol, config):
    """The configuration, the unit, and what keeps the distribution's own BIRD from starting beside it."""
    return [
        {"path": config_path(fabric), "content": config, "validate": "/usr/sbin/bird -p -c %s"},
        {"path": "/etc/systemd/system/" + unit_name(fabric), "content": unit(fabric, protocol)},
        {
            "path": "/etc/systemd/system/bird.service.d/clusternet-%s.conf" % fabric["name"],
            "content": HEAD + "[Unit]\nConditionPathExists=!%s\n" % config_path(fabric),
        },
    ]


def config(parts):
    """The text of a configuration from its parts, empty ones left out. It says its own revision."""
    text = HEAD + "\n\n".join(part for part in parts if part) + "\n"
    return text + '\ndefine %s = "%s";\n' % (REVISION, revision_of(text))


def head(node, graceful_restart):
    """What every configuration begins with; seconds of C(graceful_restart) for others to tell again what this BIRD had put into the kernel."""
    return "\n\n".join([
        "log stderr { info, remote, warning, error, auth, fatal, bug };",
        "router id %s;" % node["ip"],
        "timeformat protocol iso long ms;",
        "graceful restart wait %d;" % graceful_restart,
    ])


def revision(text):
    """The revision that a configuration's text says."""
    return text.partition("define %s = \"" % REVISION)[2].partition('"')[0]
