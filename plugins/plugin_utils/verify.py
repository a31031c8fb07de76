# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to measure in a cluster, what the measurements of all nodes say together, and how a person reads it.

Pure: from the model (see C(cluster)) to the probes of a node (module C(probe)), from their results to a summary, from that to text.
"""

from __future__ import annotations

import re

from . import families, pod_addresses, recipes
from .text import LISTED, listed, natural

# In the order in which they are shown.
CHECKS = {
    "pod_pod": "pod to pod",
    "pod_node": "pod to node",
    "node_pod": "node to pod",
    "outside": "pod to outside, masqueraded",
    "hairpin": "hairpin",
    "mtu": "full-size packets between nodes",
}
# In results those of IPv6 have its suffix.
TITLES = {check + family.suffix: title + (", IPv6" if family == families.V6 else "") for family in families.BOTH for check, title in CHECKS.items()}
# Not by packets: what a routing daemon says.
ROUTING = {"bgp": "BGP sessions", "bgp_routes": "routes to others' blocks", "babel": "connections to other nodes", "babel_routes": "ways to other nodes"}
OUTSIDE = "outside"
# Wider than this a matrix is no longer read: nodes instead of pods, and then numbers alone.
MATRIX = 24


def targets(fabric, node, checks=tuple(CHECKS), max_pairs=1000, outside_address=None, outside_port=None, outside_address6=None, wait=0):
    """The probes that C(node) runs, of each family that pods have. Each node computes its own, and all together they are the same set every time.

    No check has many more than C(max_pairs) probes in the whole cluster: beyond that it takes a sample in which each pod (or node)
    is source and destination about equally often.
    Where nodes agree on keys when the first packet comes, there are C(wait) seconds for it. Raises C(ValueError) for an unknown check.
    """
    unknown = [check for check in checks if check not in CHECKS]
    if unknown:
        raise ValueError("verify_checks: %s: expected some of %s" % (", ".join(unknown), ", ".join(CHECKS)))
    senseless = recipes.get(fabric["backend"]).without_checks(fabric)
    checks, outside, found = [check for check in checks if check not in senseless], {families.V4: outside_address, families.V6: outside_address6}, []
    for view in families.views(fabric):
        family = view["family"]
        probes = _targets(view, node, checks, max_pairs, outside[family], outside_port)
        found += [dict(probe, check=probe["check"] + family.suffix) for probe in probes] if family.suffix else probes
        # That one is of links, and not of addresses.
        checks = [check for check in checks if check != "hairpin"]
    if wait and recipes.get(fabric["backend"]).agrees_on_keys(fabric):
        found = [dict(probe, wait=wait) if probe["kind"] == "ping" and probe.get("expect") is None else probe for probe in found]
    return found


def _targets(fabric, node, checks, max_pairs, outside_address, outside_port):
    """The same of a fabric as one family sees it."""
    recipe = recipes.get(fabric["backend"])
    nodes = list(fabric["nodes"])
    place = nodes.index(node)
    pods, first = [], 0
    for index, name in enumerate(nodes):
        if index == place:
            first = len(pods)
        pods += [(name, pod) for pod in fabric["nodes"][name]["pods"]]
    own = range(first, first + len(fabric["nodes"][node]["pods"]))

    pairs = [
        (index, (index + 1 + offset) % len(pods))
        for index in own
        for offset in offsets(index, len(pods), len(pods) - 1, max_pairs)
    ]
    meetings = [(source, target, address) for source, target in pairs for address in pod_addresses.every(pods[target][1])
                if not all(recipe.apart(fabric, own_address, address) for own_address in pod_addresses.every(pods[source][1]))]
    found = []
    if "pod_pod" in checks:
        found += [_ping("pod_pod", pods[source], *_pod(pods[target], address)) for source, target, address in meetings]
    if "pod_node" in checks:
        for index in own:
            for offset in offsets(index, len(pods), len(nodes), max_pairs):
                name = nodes[(place + offset) % len(nodes)]
                found.append(_ping("pod_node", pods[index], name, fabric["nodes"][name]["ip"]))
    if "node_pod" in checks:
        for offset in offsets(place, len(nodes), len(pods), max_pairs):
            target = pods[(first + offset) % len(pods)]
            for address in pod_addresses.every(target[1]):
                if not recipe.meets(fabric, node, address):
                    continue
                found.append(_ping("node_pod", (node, None), *_pod(target, address)))
                if own:
                    # A node without its own pods has no network yet that it could reach others through.
                    found[-1]["needs"] = pods[first][1]["name"]
    alone = [pods[index] for index in own if list(offsets(index, len(pods), 1, max_pairs))]
    # Without masquerade nobody outside knows the way back to a pod.
    if "outside" in checks and outside_address:
        found += [_outside(pod, outside_address, outside_port, fabric["nodes"][node]["ip"]) for pod in alone
                  if recipe.masquerades(fabric, pod[1]["address"])]
    if "hairpin" in checks:
        found += [dict(_probe("hairpin", "hairpin", pod, _pod(pod)[0])) for pod in alone]
    if "mtu" in checks:
        found += _full_size(pods, meetings)
    return found


def offsets(row, rows, span, limit):
    """Which of C(span) others row number C(row) of C(rows) meets, so that all rows together have about C(limit) meetings."""
    if rows * span <= limit:
        return range(span)
    if rows > limit:
        # Not even one for each row: every so many rows one.
        stride = -(-rows // max(1, limit))
        return [(row // stride) % span] if row % stride == 0 and span else []
    each = limit // rows
    return [(2 * index + 1) * span // (2 * each) for index in range(each)]


def _full_size(pods, meetings):
    """Of the pairs that meet, one to each other node: the largest packet passes whole; one byte more, tried once a pod, is refused."""
    found, reached, refused = [], set(), set()
    for source, target, address in meetings:
        node = pods[target][0]
        if node == pods[source][0] or node in reached:
            continue
        reached.add(node)
        found.append(dict(_ping("mtu", pods[source], *_pod(pods[target], address)), size="mtu"))
        if source not in refused:
            refused.add(source)
            found.append(dict(_ping("mtu", pods[source], *_pod(pods[target], address)), size="mtu+1", expect="refused"))
    return found


def _pod(pod, address=None):
    """A pod's name in results, and its address. Where that is a further one of the pod's, the name has it too."""
    name, first = "%s/%s" % (pod[0], pod[1]["name"]), pod[1]["address"]
    return (name, first) if address in (None, first) else ("%s (%s)" % (name, address), address)


def _probe(kind, check, source, to):
    node, pod = source
    name, netns = ("%s/%s" % (node, pod["name"]), pod["name"]) if pod else (node, "")
    return {"kind": kind, "check": check, "from": name, "to": to, "netns": netns}


def _ping(check, source, to, address):
    return dict(_probe("ping", check, source, to), address=address)


def _outside(pod, address, port, node_ip):
    return dict(_probe("tcp_peer", "outside", pod, OUTSIDE), address=address, port=port, peer=node_ip)


def summary(measured):
    """What was found, from C({node: (name of its fabric, what module probe returned, what bird_info did)}); None for a node that said nothing.

    A dictionary of plain data, made to be queried with JMESPath: C(failed[].from), C(results[?check==`mtu`].detail).
    """
    results, unmeasured, converged = [], [], {}
    for node in sorted(measured, key=natural):
        fabric, returned, routed = (measured[node] + (None,))[:3]
        if not returned or "results" not in returned:
            unmeasured.append(node)
            continue
        found = [dict(result, fabric=fabric) for result in returned["results"]]
        found += _fragmented(fabric, node, found, returned.get("fragments", 0))
        results += [dict(result, fabric=fabric) for result in (routed or {}).get("results") or []] + found
        if (routed or {}).get("converged_after") is not None:
            converged[node] = routed["converged_after"]
    for result in results:
        # A node that this run could not ask may be down: that it does not answer is its fault, and it is named for it.
        result["excused"] = result["ok"] is False and result["to"].split("/")[0] in unmeasured
    failed = [result for result in results if result["ok"] is False and not result["excused"]]
    not_built = sorted({result["from"] for result in results if result["ok"] is None}, key=natural)
    return {
        "ok": not failed and not not_built and not unmeasured,
        "probes": len(results),
        "failed": failed,
        "not_built": not_built,
        "unmeasured": unmeasured,
        "converged_after": converged,
        "results": results,
    }


def _fragmented(fabric, node, results, fragments):
    """Full-size packets that came through in pieces: each makes two fragments at least, so fewer are somebody else's."""
    # Those that the kernel counts are of IPv4; of IPv6 the sender refuses what is too large.
    sent = [result for result in results if result["check"] == "mtu" and result["ok"] and result["rtt_ms"] is not None]
    if not sent or fragments < 2 * len(sent):
        return []
    detail = "%d fragments for %d full-size packets: the pods' MTU is too large for the underlay" % (fragments, len(sent))
    return [
        {"fabric": fabric, "check": "mtu", "from": node, "to": "underlay", "kind": "fragments", "ok": False, "detail": detail, "rtt_ms": None}
    ]


def table(found, only_wrong=False):
    """A summary as text: who reaches whom, the other checks in a line each, and all that is wrong by name."""
    fabrics = [] if only_wrong else sorted({result["fabric"] for result in found["results"]})
    lines = []
    for fabric in fabrics:
        results = [result for result in found["results"] if result["fabric"] == fabric]
        if len(fabrics) > 1:
            lines += ["fabric " + fabric, ""]
        for check in ("pod_pod", "pod_pod6"):
            matrix = _matrix([result for result in results if result["check"] == check], ", IPv6" if check == "pod_pod6" else "")
            lines += matrix + [""] if matrix else []
        lines += _check_lines(results) + [""]
    if found["converged_after"] and not only_wrong:
        lines.append("routing converged %.1f s after its configuration at the latest" % max(found["converged_after"].values()))
    lines += ["not measured: %s (did not answer, or failed before)" % name for name in found["unmeasured"]]
    lines += ["not built yet: %s" % listed(found["not_built"])] if found["not_built"] else []
    lines += ["FAIL  %s  %s -> %s: %s" % (_title(bad), bad["from"], bad["to"], bad["detail"]) for bad in found["failed"][:LISTED]]
    if len(found["failed"]) > LISTED:
        lines.append("FAIL  and %d more" % (len(found["failed"]) - LISTED))
    lines.append(_verdict(found))
    return "\n".join(lines)


def _verdict(found):
    parts = []
    if found["failed"]:
        parts.append("%d of %d probes FAILED" % (len(found["failed"]), found["probes"]))
    if found["not_built"]:
        parts.append("%d sources of probes are not built yet" % len(found["not_built"]))
    if found["unmeasured"]:
        parts.append("%d nodes not measured" % len(found["unmeasured"]))
    return "; ".join(parts) or ("all %d probes ok" % found["probes"] if found["probes"] else "nothing to measure")


def _title(result):
    return TITLES.get(result["check"]) or ROUTING.get(result["check"]) or result["check"] or result["kind"]


def _check_lines(results):
    lines = []
    known = list(ROUTING) + list(TITLES)
    width = max([32] + [len(_title(row)) for row in results])
    for check in known + sorted({result["check"] for result in results} - set(known)):
        rows = [result for result in results if result["check"] == check]
        if not rows:
            continue
        good = [row for row in rows if row["ok"]]
        text = "%-*s %4d of %d ok" % (width, _title(rows[0]), len(good), len(rows))
        excused = sum(row["excused"] for row in rows)
        if excused:
            text += ", %d without an answer from nodes not measured" % excused
        times = [row["rtt_ms"] for row in good if row["rtt_ms"] is not None]
        if times:
            text += ", slowest %s ms" % _milliseconds(max(times))
        if check in ("mtu", "mtu6"):
            text += _sizes(good)
        lines.append(text)
    return lines


def _sizes(results):
    """What was refused, as the sender's kernel put it."""
    limits = sorted({match.group(1) for match in (re.search(r"mtu ?[:=]? ?(\d+)", row["detail"]) for row in results) if match})
    return ", more than %s bytes refused" % " or ".join(limits) if limits else ""


def _matrix(results, family=""):
    """Round-trip times from each row to each column, in ms; for many pods the worst of each pair of nodes. Of several addresses of a pod too."""
    results = [dict(result, to=result["to"].partition(" ")[0]) for result in results]
    names = sorted({result[end] for result in results for end in ("from", "to")}, key=natural)
    what = "pod to pod%s, ms" % family
    if len(names) > MATRIX:
        results = [dict(result, **{end: result[end].split("/")[0] for end in ("from", "to")}) for result in results]
        names = sorted({result[end] for result in results for end in ("from", "to")}, key=natural)
        what = "pods of a node to those of another%s, slowest ms" % family
    if not names or len(names) > MATRIX:
        return []
    cells = {}
    for result in results:
        cells.setdefault((result["from"], result["to"]), []).append(result)
    number = len(str(len(names)))
    rows = [[""] + [str(index) for index in range(1, len(names) + 1)]]
    for index, source in enumerate(names, 1):
        label = "%*d %s" % (number, index, source)
        rows.append([label] + ["-" if source == to and (source, to) not in cells else _cell(cells.get((source, to))) for to in names])
    rows[0][0] = what
    width = max(len(cell) for row in rows for cell in row[1:])
    left = max(len(row[0]) for row in rows)
    return ["%-*s  %s" % (left, row[0], "  ".join("%*s" % (width, cell) for cell in row[1:])) for row in rows]


def _cell(results):
    if not results:
        # Outside the sample, or from a node that was not measured.
        return "."
    if any(result["ok"] is False for result in results):
        return "none" if all(result["excused"] for result in results if result["ok"] is False) else "FAIL"
    if any(result["ok"] is None for result in results):
        return "?"
    times = [result["rtt_ms"] for result in results if result["rtt_ms"] is not None]
    return _milliseconds(max(times)) if times else "ok"


def _milliseconds(value):
    return "%.2f" % value if value < 10 else "%.0f" % value
