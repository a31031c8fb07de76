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

from .. import families
from ..written import HEAD, place
from ..written import revision as revision_of
from . import _bgp, _bird_unit
from . import _bird_filters as filters

# What says in the configuration, and so to whoever asks the running BIRD, which passwords it has.
SECRETS = "CLUSTERNET_SECRETS"


def secrets_path(fabric):
    """Where it has the passwords, which the configuration includes."""
    return place(fabric, "bird-passwords.conf")


def secret_files(fabric, name, secrets):
    """The passwords of a node's sessions, for root alone. BIRD tells by their digest which ones it runs."""
    wanted = _bgp.passwords(_bgp.sessions(fabric, name))
    if not wanted:
        return []
    text = "".join('define %s = "%s";\n' % (_password(password), secrets[password]) for password in wanted)
    return [{"path": secrets_path(fabric), "content": HEAD + text + 'define %s = "%s";\n' % (SECRETS, revision_of(text)), "mode": "0400"}]


def _password(name):
    return "CLUSTERNET_PASSWORD_" + hashlib.sha256(name.encode()).hexdigest()[:8]


def config(fabric, name, bridge=False, found=None):
    """The text of a node's configuration. It says its own revision.

    With C(bridge) it is for the time in which sessions become others: routes to what the others are known to hold stand in for those that BGP
    tells of, on the same gateways, so that the kernel's stay as they are whatever sessions do meanwhile. C(found) are its sessions, where they are known.
    """
    options, views = fabric["options"], families.views(fabric)
    found = _bgp.sessions(fabric, name) if found is None else found
    return _bird_unit.config([
        _bird_unit.head(fabric["nodes"][name], options["graceful_restart_time"]),
        'include "%s";' % secrets_path(fabric) if _bgp.passwords(found) else "",
        _devices(views),
        *[part for view in views for part in _routes(view, name, bridge, families.only(found, view["family"], "address"))],
        "protocol bfd {\n  interface \"*\" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };\n"
        "  multihop { interval 100 ms; multiplier 3; };\n}" if any(_bfd(fabric, session) for session in found) else "",
        *[part for view in views for part in _peering(view, name, families.only(found, view["family"], "address"))],
    ])


def _routes(fabric, name, bridge, found):
    """Of one family what is told of, and the filters."""
    node, named = fabric["nodes"][name], {used for session in found for used in session["filters"] or ()}
    return [
        _told(fabric, node),
        _summaries(fabric, found),
        _bridge(fabric, name) if bridge else "",
        filters.export_filter(fabric, node),
        *[filters.named_filter(entry, fabric["family"]) for entry in fabric["options"]["filters"] if entry["name"] in named],
        filters.kernel(fabric),
    ]


def _peering(fabric, name, found):
    """Of one family the sessions, and what they have in common."""
    node = fabric["nodes"][name]
    return [_template(fabric, node)] + [_protocol(fabric, node, session) for session in found]


def _devices(views):
    return "\n".join([
        "protocol device {\n  scan time 2;\n}",
        "",
        "# By what is connected, next hops are found; pods' links are no way to them.",
        'protocol direct {\n%s  interface -"cali*", "*";\n}' % "".join("  %s;\n" % view["family"].channel for view in views),
    ])


def _static(name, family, routes, more=""):
    title = " " + name + family.suffix if name else ""
    return "\n".join(["protocol static%s {" % title, "  %s%s;" % (family.channel, more)] + ["  route %s;" % route for route in routes] + ["}"])


def _told(fabric, node):
    """What this node tells of: its blocks, addresses of its pods in others' blocks, and what all tell of."""
    family = fabric["family"]
    routes = [network + " blackhole" for network in node["blocks"] + node["borrowed"] + families.only(fabric["options"]["advertise"], family)]
    return "# The node's blocks, and what lies behind every node.\n" + _static("", family, routes)


def _summaries(fabric, found):
    """Pools as a whole, for peers that are told of no blocks."""
    if not any(session["summarize"] for session in found):
        return ""
    return _static(filters.SUMMARIES, fabric["family"], [pool["cidr"] + " blackhole" for pool in fabric["pools"] if pool["bgp_export"]])


def _bridge(fabric, name):
    """Less preferred than BGP's, and told to nobody."""
    return _static(filters.STAND_INS, fabric["family"], [
        "%s recursive %s { bgp_next_hop = %s; }" % (block, fabric["nodes"][other]["ip"], fabric["nodes"][other]["ip"])
        for other, told in _bgp.networks_of_family(fabric, name).items() for block in told], more=" { preference 50; }")


def _template(fabric, node):
    options = fabric["options"]
    lines = [
        "template bgp bgp_template%s {" % fabric["family"].suffix,
        "  local%s as %d;" % (_port(node["options"]["bgp_port"]), node["options"]["as_number"]),
        "  hold time %d;" % options["hold_time"],
        "  connect delay time 2;",
        "  connect retry time 5;",
        "  error wait time 5, 30;",
        "  graceful restart on;",
        "  graceful restart time %d;" % options["graceful_restart_time"],
        "  %s {" % fabric["family"].channel,
        "    import all;",
        "    export filter calico_export_to_bgp_peers%s;" % fabric["family"].suffix,
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
    family, source = fabric["family"], session["source_address"]
    lines = ["protocol bgp %s from bgp_template%s {" % (session["protocol"], family.suffix)]
    if session["node"]:
        lines.append("  description \"%s\";" % session["node"])
    lines.append("  neighbor %s%s as %d;" % (session["address"], _port(session["port"]), session["as_number"]))
    if source != "any":
        # A certain one, of peers whose sessions are of both families, is that of its own.
        lines.append("  source address %s;" % (source if source not in (None, "node") and families.of_address(source) == family else node["ip"]))
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
        lines += ["  %s {" % family.channel] + ["    %s;" % line for line in channel] + ["  };"]
    return "\n".join(lines + ["}"])
