# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What BIRD 2 runs on a node of a fabric of Calico's kind: from the model to the text of its configuration. Pure.

It reads like Calico's own (projectcalico/confd:etc/calico/confd/templates), with its names of protocols and of the filters C(calico_export_to_bgp_peers)
and C(calico_kernel_programming). What differs: one BIRD 2 in place of BIRD 1's fork, so the tunnel of a route is
its device and not C(krt_tunnel); the blackholes of a node's blocks are in the kernel by the document, and BIRD only tells of them; no C(persist), so
that a teardown leaves nothing (a BIRD that dies leaves its routes all the same, and takes them over when it is back).
"""

from __future__ import annotations

import hashlib

from ..written import HEAD, place
from ..written import revision as revision_of
from . import _bgp
from . import _bird_filters as filters

# What says in the configuration, and so to whoever asks the running BIRD, which one it is; and which passwords it has.
REVISION, SECRETS = "CLUSTERNET_REVISION", "CLUSTERNET_SECRETS"


def config_path(fabric):
    """Where a node has BIRD's configuration of a fabric."""
    return place(fabric, "bird.conf")


def secrets_path(fabric):
    """Where it has the passwords, which the configuration includes."""
    return place(fabric, "bird-passwords.conf")


def socket_path(fabric):
    """Where its BIRD listens for birdc."""
    return "/run/clusternet-bird-%s/bird.ctl" % fabric["name"]


def unit_name(fabric):
    """The unit that runs it."""
    return "clusternet-bird@%s.service" % fabric["name"]


def unit(fabric):
    """The unit's text: BIRD as root, which reads what only root may, with no more than it needs of that."""
    lines = [
        "[Unit]",
        "Description=BGP of fabric %s" % fabric["name"],
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


def files(fabric, name):
    """The configuration, the unit, and what keeps the distribution's own BIRD from starting beside it."""
    return [
        {"path": config_path(fabric), "content": config(fabric, name), "validate": "/usr/sbin/bird -p -c %s"},
        {"path": "/etc/systemd/system/" + unit_name(fabric), "content": unit(fabric)},
        {
            "path": "/etc/systemd/system/bird.service.d/clusternet-%s.conf" % fabric["name"],
            "content": HEAD + "[Unit]\nConditionPathExists=!%s\n" % config_path(fabric),
        },
    ]


def secret_files(fabric, name, secrets):
    """The passwords of a node's sessions, for root alone. BIRD tells by their digest which ones it runs."""
    wanted = _bgp.passwords(_bgp.sessions(fabric, name))
    if not wanted:
        return []
    text = "".join('define %s = "%s";\n' % (_password(password), secrets[password]) for password in wanted)
    return [{"path": secrets_path(fabric), "content": HEAD + text + 'define %s = "%s";\n' % (SECRETS, revision_of(text)), "mode": "0400"}]


def _password(name):
    return "CLUSTERNET_PASSWORD_" + hashlib.sha256(name.encode()).hexdigest()[:8]


def revision(text):
    """The revision that a configuration's text says."""
    return text.partition("define %s = \"" % REVISION)[2].partition('"')[0]


def config(fabric, name, bridge=False, found=None):
    """The text of a node's configuration. It says its own revision.

    With C(bridge) it is for the time in which sessions become others: routes to what the others are known to hold stand in for those that BGP
    tells of, on the same gateways, so that the kernel's stay as they are whatever sessions do meanwhile. C(found) are its sessions, where they are known.
    """
    options, node = fabric["options"], fabric["nodes"][name]
    found = _bgp.sessions(fabric, name) if found is None else found
    parts = [
        "log stderr { info, remote, warning, error, auth, fatal, bug };",
        "router id %s;" % node["ip"],
        "timeformat protocol iso long ms;",
        "graceful restart wait %d;" % options["graceful_restart_time"],
        'include "%s";' % secrets_path(fabric) if _bgp.passwords(found) else "",
        _devices(),
        _told(fabric, node),
        _summaries(fabric, found),
        _bridge(fabric, name) if bridge else "",
        filters.export_filter(fabric, node),
        *[filters.named_filter(entry) for entry in options["filters"] if any(entry["name"] in (session["filters"] or ()) for session in found)],
        filters.kernel(fabric),
        "protocol bfd {\n  interface \"*\" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };\n"
        "  multihop { interval 100 ms; multiplier 3; };\n}" if any(_bfd(fabric, session) for session in found) else "",
        _template(fabric, node),
        *[_protocol(fabric, node, session) for session in found],
    ]
    text = HEAD + "\n\n".join(part for part in parts if part) + "\n"
    return text + '\ndefine %s = "%s";\n' % (REVISION, revision_of(text))


def _devices():
    return "\n".join([
        "protocol device {\n  scan time 2;\n}",
        "",
        "# By what is connected, next hops are found; pods' links are no way to them.",
        'protocol direct {\n  ipv4;\n  interface -"cali*", "*";\n}',
    ])


def _static(name, head, routes):
    return "\n".join(["protocol static%s {" % (" " + name if name else ""), head] + ["  route %s;" % route for route in routes] + ["}"])


def _told(fabric, node):
    """What this node tells of: its blocks, addresses of its pods in others' blocks, and what all tell of."""
    routes = [network + " blackhole" for network in node["blocks"] + node["borrowed"] + fabric["options"]["advertise"]]
    return "# The node's blocks, and what lies behind every node.\n" + _static("", "  ipv4;", routes)


def _summaries(fabric, found):
    """Pools as a whole, for peers that are told of no blocks."""
    if not any(session["summarize"] for session in found):
        return ""
    return _static(filters.SUMMARIES, "  ipv4;", [pool["cidr"] + " blackhole" for pool in fabric["pools"] if pool["bgp_export"]])


def _bridge(fabric, name):
    """Less preferred than BGP's, and told to nobody."""
    return _static(filters.STAND_INS, "  ipv4 { preference 50; };", [
        "%s recursive %s { bgp_next_hop = %s; }" % (block, fabric["nodes"][other]["ip"], fabric["nodes"][other]["ip"])
        for other, told in _bgp.networks(fabric, name).items() for block in told])


def _template(fabric, node):
    options = fabric["options"]
    lines = [
        "template bgp bgp_template {",
        "  local%s as %d;" % (_port(node["options"]["bgp_port"]), node["options"]["as_number"]),
        "  hold time %d;" % options["hold_time"],
        "  connect delay time 2;",
        "  connect retry time 5;",
        "  error wait time 5, 30;",
        "  graceful restart on;",
        "  graceful restart time %d;" % options["graceful_restart_time"],
        "  ipv4 {",
        "    import all;",
        "    export filter calico_export_to_bgp_peers;",
        "    gateway recursive;",
        "    add paths on;",
        "  };",
        "}",
    ]
    return "\n".join(lines)


def _bfd(fabric, session):
    return fabric["options"]["bfd"] if session["bfd"] is None else session["bfd"]


def _port(number):
    return " port %d" % number if number != _bgp.PORT else ""


def _protocol(fabric, node, session):
    lines = ["protocol bgp %s from bgp_template {" % session["protocol"]]
    if session["node"]:
        lines.append("  description \"%s\";" % session["node"])
    lines.append("  neighbor %s%s as %d;" % (session["address"], _port(session["port"]), session["as_number"]))
    if session["source_address"] != "any":
        lines.append("  source address %s;" % (node["ip"] if session["source_address"] in (None, "node") else session["source_address"]))
    lines.append("  multihop%s;" % (" %d" % session["hops"] if session["hops"] else ""))
    if session["ttl_security"]:
        lines.append("  ttl security on;")
    if session["passive"]:
        lines.append("  passive on;")
    if session["cluster_id"]:
        lines += ["  rr client;", "  rr cluster id %s;" % session["cluster_id"]]
    for key, line in (("local_preference", "default bgp_local_pref"), ("allow_local_as", "allow local as"), ("graceful_restart_time", "graceful restart time")):
        if session[key] is not None:
            lines.append("  %s %d;" % (line, session[key]))
    if session["password"]:
        lines.append("  password %s;" % _password(session["password"]))
    if _bfd(fabric, session):
        lines.append("  bfd on;")
    channel = filters.channel(fabric, session)
    if channel:
        lines.append("  # With the rest of the channel from the template.")
        lines += ["  ipv4 {"] + ["    %s;" % line for line in channel] + ["  };"]
    return "\n".join(lines + ["}"])
