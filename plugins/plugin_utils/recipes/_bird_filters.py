# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which routes BIRD tells of, believes and puts into the kernel: the filters in a node's configuration (see C(_bird))."""

from __future__ import annotations

from .. import families
from . import _bgp

# tunl0 is made by the kernel, which a fabric must not take for its own.
IPIP_DEVICE = "ipip.calico"
# The protocol whose routes stand in for others'. Filters know it at all times, so that it comes and goes without a change of theirs.
STAND_INS = "clusternet_bridge"
# The one of pools as a whole.
SUMMARIES = "clusternet_summaries"
# IPv6's bear the family's suffix, as do the names of its filters: BIRD has both in one configuration, where Calico has a daemon for each.
OPERATORS = {"in": "net ~ [ %s+ ]", "not_in": "net !~ [ %s+ ]", "equal": "net = %s", "not_equal": "net != %s"}


def export_filter(fabric, node):
    """In functions, as a filter cannot use another: what goes with a route, and which routes."""
    family = fabric["family"]
    lines = ["function calico_communities%s()" % family.suffix, "{"]
    for entry in families.only(fabric["options"]["communities"], family, "cidr"):
        lines.append("  if net ~ [ %s+ ] then {" % entry["cidr"])
        for community in entry["communities"]:
            numbers = community.split(":")
            kind = "bgp_community" if len(numbers) == 2 else "bgp_large_community"
            lines.append("    %s.add((%s));" % (kind, ", ".join(numbers)))
        lines.append("  }")
    lines += ["}", "", "function calico_routes%s()" % family.suffix, "{"]
    lines += ["  if net ~ [ %s+ ] then reject;" % pool["cidr"] for pool in fabric["pools"] if not pool["bgp_export"]]
    lines.append("  # Of the node's own the blocks, and nothing beneath them.")
    for block in node["blocks"]:
        lines += ["  if net = %s then accept;" % block, "  if net ~ [ %s+ ] then reject;" % block]
    lines += ["  if net = %s then accept;" % network for network in families.only(fabric["options"]["advertise"], family)]
    lines += ["  if net ~ [ %s+ ] then accept;" % pool["cidr"] for pool in fabric["pools"] if pool["bgp_export"]]
    lines += ["  reject;", "}", ""]
    lines += ["filter calico_export_to_bgp_peers%s {" % family.suffix, '  if proto ~ "clusternet_*" then reject;',
              "  calico_communities%s();" % family.suffix, "  calico_routes%s();" % family.suffix, "}"]
    return "\n".join(lines)


def named_filter(entry, family):
    """One of calico_filters, as two functions: the first rule that fits decides, and where none does the next filter."""
    lines = []
    for way in ("import", "export"):
        lines += ["function %s_%s()" % (way, entry["name"] + family.suffix), "{"]
        for rule in families.only(entry[way], family, "cidr"):
            condition = "if %s then " % (OPERATORS[rule["match"]] % rule["cidr"]) if rule["cidr"] else ""
            lines.append("  %s%s;" % (condition, rule["action"]))
        lines += ["}", ""]
    return "\n".join(lines[:-1])


def kernel(fabric):
    """What becomes of routes in the kernel: only what BGP tells of goes there, and how depends on the pool."""
    family = fabric["family"]
    lines = ["filter calico_kernel_programming%s {" % family.suffix, '  if source != RTS_BGP && proto != "%s" then reject;' % (STAND_INS + family.suffix)]
    for pool in fabric["pools"]:
        if _bgp.is_static(fabric, pool):
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
        "  %s {" % family.channel,
        "    # For next hops; what is inside the fabric others tell.",
        "    import where !(net ~ [ %s+ ]);" % fabric["pod_cidr"],
        "    export filter calico_kernel_programming%s;" % family.suffix,
        "  };",
        "}",
    ]
    return "\n".join(lines)


def channel(fabric, session):
    """What of a session's channel differs from the template: next hops, and filters before those that hold for all peers."""
    suffix = fabric["family"].suffix
    lines, filters = [], [name + suffix for name in session["filters"] or []]
    if session["keep_next_hop"] and session["as_number"] != session["own_as"]:
        lines.append("next hop keep")
    told = [pool["cidr"] for pool in fabric["pools"] if pool["bgp_export"]] if session["summarize"] else []
    # Who is told of a pool as a whole may tell others of it, and it must not come back here as the way to what is in no block.
    refused = ["if net = %s then reject" % cidr for cidr in told]
    if filters or refused:
        lines.append("import filter { %s }" % " ".join(line + ";" for line in refused + ["import_%s()" % name for name in filters] + ["accept"]))
        rules = ['if proto = "%s" then reject' % (STAND_INS + suffix), "calico_communities%s()" % suffix] + ["export_%s()" % name for name in filters]
        rules.append('if proto = "%s" then %s' % (SUMMARIES + suffix, "accept" if told else "reject"))
        rules += ["if net ~ [ %s+ ] then reject" % cidr for cidr in told] + ["calico_routes%s()" % suffix]
        lines.append("export filter { %s }" % " ".join(rule + ";" for rule in rules))
    return lines
