# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What BIRD 2 runs on a node of a fabric of Calico's kind: from the model to the text of its configuration. Pure.

It reads like Calico's own (projectcalico/confd:etc/calico/confd/templates): protocols C(Mesh_<address>), C(Node_<address>) and C(Global_<address>),
filters C(calico_export_to_bgp_peers) and C(calico_kernel_programming). What differs: one BIRD 2 in place of BIRD 1's fork, so the tunnel of a route is
its device and not C(krt_tunnel); the blackholes of a node's blocks are in the kernel by the document, and BIRD only tells of them; no C(persist), so
that a teardown leaves nothing (a BIRD that dies leaves its routes all the same, and takes them over when it is back).
"""

from __future__ import annotations

import hashlib
import ipaddress

from .. import blocks

HEAD = "# Made by clusternet.fabric; changes are overwritten.\n"
# tunl0 is made by the kernel, which a fabric must not take for its own.
IPIP_DEVICE = "ipip.calico"
# What says in the configuration, and so to whoever asks the running BIRD, which one it is.
REVISION = "CLUSTERNET_REVISION"
# The protocol whose routes stand in for others'. Filters know it at all times, so that it comes and goes without a change of theirs.
STAND_INS = "clusternet_bridge"


def config_path(fabric):
    """Where a node has BIRD's configuration of a fabric."""
    return "/etc/clusternet/%s/bird.conf" % fabric["name"]


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


def revision(text):
    """The revision that a configuration's text says."""
    return text.partition("define %s = \"" % REVISION)[2].partition('"')[0]


def sessions(fabric, name):
    """The BGP sessions of a node, each as data: C(protocol), C(address), C(as_number), C(node) (the peer's name, or None), C(passive) and so on."""
    options, node = fabric["options"], fabric["nodes"][name]
    found = {}
    if options["mesh"]:
        for peer, entry in fabric["nodes"].items():
            if peer != name:
                _add(found, _between(fabric, name, peer, "Mesh", {}))
    for peer in options["peers"]:
        ours = _bears(node, peer["node_labels"])
        if peer["address"]:
            if ours and peer["address"] != node["ip"]:
                kind = "Node" if peer["node_labels"] else "Global"
                _add(found, dict(_session(kind, peer["address"], peer["as_number"], peer), node=None, passive=False, own_as=node["options"]["as_number"],
                                 cluster_id=_reflects(node, peer["as_number"], None)))
            continue
        # A session has two ends: whom the labels choose for either side.
        for other, entry in fabric["nodes"].items():
            theirs = _bears(entry, peer["peer_labels"])
            if other != name and (ours and theirs or _bears(entry, peer["node_labels"]) and _bears(node, peer["peer_labels"])):
                _add(found, _between(fabric, name, other, "Node", peer))
    return sorted(found.values(), key=lambda session: (session["kind"], ipaddress.ip_address(session["address"])))


def _add(found, session):
    """One session for one address: the mesh comes first, as long as there is one."""
    found.setdefault(session["address"], session)


def _bears(node, labels):
    return all(str(node["labels"].get(label)) == str(value) for label, value in (labels or {}).items())


def _between(fabric, name, other, kind, peer):
    node, entry = fabric["nodes"][name], fabric["nodes"][other]
    remote = entry["options"]["as_number"]
    # One side connects, or a restart would be taken for a collision. Calico compares the addresses as text.
    return dict(_session(kind, entry["ip"], remote, peer), node=other, passive=entry["ip"] > node["ip"], own_as=node["options"]["as_number"],
                cluster_id=_reflects(node, remote, entry["options"]["reflector_cluster_id"]))


def _reflects(node, remote_as, peer_cluster_id):
    """The cluster id by which a node reflects to that peer, or None: to those of its own AS that are no reflectors of the same cluster."""
    own = node["options"]["reflector_cluster_id"]
    return own if own and remote_as == node["options"]["as_number"] and peer_cluster_id != own else None


def _session(kind, address, as_number, peer):
    port = peer.get("port") or 179
    name = "%s_%s" % (kind, address.replace(".", "_")) + ("_port_%d" % port if port != 179 else "")
    return {"kind": kind, "protocol": name, "address": address, "as_number": as_number, "port": port,
            **{key: peer.get(key) for key in ("keep_next_hop", "hops", "local_preference", "bfd")}}


def networks(fabric, name):
    """C({node: the blocks of others that BIRD is to put into this node's kernel})."""
    return {other: told for other, entry in fabric["nodes"].items() if other != name
            for told in [[block for block in entry["blocks"] if _by_bgp(fabric, block)]] if told}


def _by_bgp(fabric, block):
    pool = blocks.pool_of(fabric["pools"], block)
    return pool["vxlan_mode"] == "Never" and pool["bgp_export"]


def config(fabric, name, bridge=False):
    """The text of a node's configuration. It says its own revision.

    With C(bridge) it is for the time in which sessions become others: routes to what the others are known to hold stand in for those that BGP
    tells of, on the same gateways, so that the kernel's stay as they are whatever sessions do meanwhile.
    """
    options, node = fabric["options"], fabric["nodes"][name]
    found = sessions(fabric, name)
    parts = [
        "log stderr { info, remote, warning, error, auth, fatal, bug };",
        "router id %s;" % node["ip"],
        "timeformat protocol iso long ms;",
        "graceful restart wait %d;" % options["graceful_restart_time"],
        _devices(fabric),
        _told(fabric, node),
        _bridge(fabric, name) if bridge else "",
        _export_filter(fabric, node),
        _kernel(fabric),
        "protocol bfd {\n  interface \"*\" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };\n"
        "  multihop { interval 100 ms; multiplier 3; };\n}" if any(_bfd(fabric, session) for session in found) else "",
        _template(fabric, node),
        *[_protocol(fabric, node, session) for session in found],
    ]
    text = HEAD + "\n\n".join(part for part in parts if part) + "\n"
    return text + '\ndefine %s = "%s";\n' % (REVISION, hashlib.sha256(text.encode()).hexdigest()[:16])


def _devices(dummy):
    return "\n".join([
        "protocol device {\n  scan time 2;\n}",
        "",
        "# By what is connected, next hops are found; pods' links are no way to them.",
        'protocol direct {\n  ipv4;\n  interface -"cali*", "*";\n}',
    ])


def _told(fabric, node):
    """What this node tells of: its blocks, and what all tell of."""
    routes = node["blocks"] + fabric["options"]["advertise"]
    return "# The node's blocks, and what lies behind every node.\nprotocol static {\n  ipv4;\n%s}" % "".join(
        "  route %s blackhole;\n" % route for route in routes)


def _bridge(fabric, name):
    """Less preferred than BGP's, and told to nobody."""
    lines = ["protocol static %s {" % STAND_INS, "  ipv4 { preference 50; };"]
    for other, told in networks(fabric, name).items():
        address = fabric["nodes"][other]["ip"]
        lines += ["  route %s recursive %s { bgp_next_hop = %s; };" % (block, address, address) for block in told]
    return "\n".join(lines + ["}"])


def _export_filter(fabric, node):
    lines = ["filter calico_export_to_bgp_peers {", '  if proto = "%s" then reject;' % STAND_INS]
    for entry in fabric["options"]["communities"]:
        lines.append("  if net ~ [ %s+ ] then {" % entry["cidr"])
        for community in entry["communities"]:
            numbers = community.split(":")
            kind = "bgp_community" if len(numbers) == 2 else "bgp_large_community"
            lines.append("    %s.add((%s));" % (kind, ", ".join(numbers)))
        lines.append("  }")
    private = [pool["cidr"] for pool in fabric["pools"] if not pool["bgp_export"]]
    lines += ["  if net ~ [ %s+ ] then reject;" % cidr for cidr in private]
    lines.append("  # Of the node's own the blocks, and nothing beneath them.")
    for block in node["blocks"]:
        lines += ["  if net = %s then accept;" % block, "  if net ~ [ %s+ ] then reject;" % block]
    lines += ["  if net = %s then accept;" % network for network in fabric["options"]["advertise"]]
    lines += ["  if net ~ [ %s+ ] then accept;" % pool["cidr"] for pool in fabric["pools"] if pool["bgp_export"]]
    return "\n".join(lines + ["  reject;", "}"])


def _kernel(fabric):
    """Only what BGP tells of goes into the kernel, and how depends on the pool."""
    lines = ["filter calico_kernel_programming {", '  if source != RTS_BGP && proto != "%s" then reject;' % STAND_INS]
    for pool in fabric["pools"]:
        if pool["vxlan_mode"] != "Never":
            lines.append("  # Static routes lead there.\n  if net ~ [ %s+ ] then reject;" % pool["cidr"])
        elif pool["ipip_mode"] != "Never":
            tunnel = '{ ifname = "%s"; onlink = true; gw = bgp_next_hop; }' % IPIP_DEVICE
            where = "" if pool["ipip_mode"] == "Always" else " && gw != bgp_next_hop"
            if where:
                lines.append("  # A gateway that is not the next hop is a router between: that one is in another subnet.")
            lines.append("  if net ~ [ %s+ ]%s then %s" % (pool["cidr"], where, tunnel))
    lines += ["  accept;", "}", ""]
    lines += [
        "protocol kernel {",
        "  learn;",
        "  scan time 2;",
        "  graceful restart;",
        "  merge paths on;",
        "  ipv4 {",
        "    # For next hops; what is inside the fabric others tell.",
        "    import where !(net ~ [ %s+ ]);" % fabric["pod_cidr"],
        "    export filter calico_kernel_programming;",
        "  };",
        "}",
    ]
    return "\n".join(lines)


def _template(fabric, node):
    options = fabric["options"]
    lines = [
        "template bgp bgp_template {",
        "  local %s as %d;" % (node["ip"], node["options"]["as_number"]),
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


def _protocol(fabric, node, session):
    lines = ["protocol bgp %s from bgp_template {" % session["protocol"]]
    if session["node"]:
        lines.append("  description \"%s\";" % session["node"])
    port = " port %d" % session["port"] if session["port"] != 179 else ""
    lines.append("  neighbor %s%s as %d;" % (session["address"], port, session["as_number"]))
    lines.append("  multihop%s;" % (" %d" % session["hops"] if session["hops"] else ""))
    if session["passive"]:
        lines.append("  passive on;")
    if session["cluster_id"]:
        lines += ["  rr client;", "  rr cluster id %s;" % session["cluster_id"]]
    if session["local_preference"] is not None:
        lines.append("  default bgp_local_pref %d;" % session["local_preference"])
    if _bfd(fabric, session):
        lines.append("  bfd on;")
    if session["keep_next_hop"] and session["as_number"] != session["own_as"]:
        # With the rest of the channel from the template.
        lines.append("  ipv4 { next hop keep; };")
    return "\n".join(lines + ["}"])
