#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bird_info
short_description: The BGP sessions or Babel's neighbours of a running BIRD, and what it has put into the kernel
version_added: 0.1.0
description:
  - Tells the state of every BGP session of a BIRD 2, or of all neighbours of one that speaks Babel, and which networks its routes in the kernel lead to.
  - Given what is expected it can wait for that, and tells how long the protocol took to converge.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  socket:
    description: Path of BIRD's control socket.
    type: path
    required: true
  protocol:
    description: What it speaks. The others are not asked for.
    type: str
    choices: [bgp, babel]
    default: bgp
  neighbours:
    description: Neighbours that Babel may have.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: Link-local address of the neighbour.
        type: str
        required: true
      to:
        description: What it is called in RV(results) and RV(neighbours).
        type: str
        required: true
      required:
        description: Whether it should be reached. Otherwise it is in RV(neighbours) alone.
        type: bool
        default: true
  sessions:
    description: Sessions that should be established.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: Name of the protocol in BIRD.
        type: str
        required: true
      to:
        description: What the peer is called in RV(results).
        type: str
        required: true
  networks:
    description: Networks that BIRD should have routes to in the kernel.
    type: list
    elements: dict
    default: []
    suboptions:
      cidr:
        description: The network.
        type: str
        required: true
      to:
        description: What it is called in RV(results) where it is.
        type: str
        required: true
  name:
    description: What this node is called in RV(results).
    type: str
    default: ""
  wait:
    description: Seconds to wait at most for what is expected. V(0) looks once.
    type: int
    default: 0
notes:
  - A BIRD whose configuration has C(timeformat protocol iso long ms) tells RV(sessions[].since) with its date.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, when in diff mode.
    support: none
seealso:
  - module: clusternet.fabric.bird
"""

EXAMPLES = r"""
- name: Who does not talk to whom
  clusternet.fabric.bird_info:
    socket: /run/clusternet-bird-fabric/bird.ctl
  register: found
  failed_when: found.sessions | rejectattr('state', 'equalto', 'Established') | list | length > 0
"""

RETURN = r"""
running:
  description: Whether a BIRD runs there. Where none does, there is nothing else to tell but RV(results).
  type: bool
  returned: success
version:
  description: Its version.
  type: str
  returned: success
router_id:
  description: Its router id.
  type: str
  returned: success
started:
  description: When it was started.
  type: str
  returned: success
configured:
  description: When it took its configuration.
  type: str
  returned: success
sessions:
  description: Its BGP sessions.
  type: list
  elements: dict
  returned: success
  contains:
    protocol:
      description: Name of the protocol.
      type: str
    address:
      description: Address of the peer.
      type: str
    as_number:
      description: AS of the peer.
      type: int
    state:
      description: State of the session, V(Established) for one that is up.
      type: str
    since:
      description: Since when it is in that state.
      type: str
    imported:
      description: Number of routes that came in by it.
      type: int
    exported:
      description: Number of routes that went out.
      type: int
    last_error:
      description: Why it went down last.
      type: str
neighbours:
  description: Babel's neighbours, those of O(neighbours) that it has not among them, too.
  type: list
  elements: dict
  returned: success
  contains:
    to:
      description: What it is called in O(neighbours), none for one that is not there.
      type: str
    address:
      description: Its link-local address.
      type: str
    device:
      description: Where it is, none where it is not.
      type: str
    up:
      description: Whether packets pass both ways.
      type: bool
    metric:
      description: Cost of the way there, V(65535) where there is none.
      type: int
    routes:
      description: Number of routes that it tells of.
      type: int
    hellos:
      description: How many of its last sixteen hellos came.
      type: int
networks:
  description: Networks that BGP or Babel tells of and that routes of BIRD's in the kernel lead to.
  type: list
  elements: str
  returned: success
converged_after:
  description: Seconds between BIRD's taking its configuration and all that is expected being there; none where it was there before anybody looked.
  type: float
  returned: success
results:
  description: What is expected, item by item, in the form of the results of M(clusternet.fabric.probe).
  type: list
  elements: dict
  returned: success
  sample: [{kind: bgp, check: bgp, from: node1, to: node2, ok: true, detail: Established, rtt_ms: null}]
"""

import json
import time
from datetime import datetime

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.clusternet.fabric.plugins.module_utils import _bird

NOTHING = {"running": False, "version": None, "router_id": None, "started": None, "configured": None, "sessions": [], "neighbours": [],
           "networks": []}


def look(module):
    """What there is now."""
    path, protocol = module.params["socket"], module.params["protocol"]
    try:
        found = dict(NOTHING, **_bird.status(path))
        found.update(running=True, sessions=_bird.sessions(path) if protocol == "bgp" else [])
        found["neighbours"] = neighbours(module.params["neighbours"], _bird.neighbours(path) if protocol == "babel" else {})
    except OSError:
        return dict(NOTHING, neighbours=neighbours(module.params["neighbours"], {}))
    there = set()
    for option, length in (("-4", 32), ("-6", 128)):
        routes = module.run_command([module.get_bin_path("ip", required=True), option, "-j", "route", "show", "proto", "bird"], check_rc=True)[1]
        # One address alone is without its length there.
        there |= {route["dst"] if "/" in route["dst"] else "%s/%d" % (route["dst"], length) for route in json.loads(routes or "[]")
                  if route.get("type", "unicast") == "unicast"}
    found["networks"] = sorted(there & _bird.learned(path, protocol))
    return found


def neighbours(expected, found):
    """Those that should be there, and those that are."""
    nothing = {"device": None, "up": False, "metric": _bird.BABEL_INFINITY, "routes": 0, "hellos": 0}
    named = {entry["address"]: entry["to"] for entry in expected}
    return [dict(dict(nothing, address=address), to=named.get(address), **found.get(address, {})) for address in list(named) + sorted(set(found) - set(named))]


def results(params, found):
    """What is expected against what there is."""
    by_name, rows = {session["protocol"]: session for session in found["sessions"]}, []
    by_address, protocol = {neighbour["address"]: neighbour for neighbour in found["neighbours"]}, params["protocol"]

    def row(check, to, ok, detail):
        rows.append({"kind": protocol, "check": check, "from": params["name"], "to": to, "ok": ok, "detail": detail, "rtt_ms": None})

    for expected in params["sessions"]:
        session = by_name.get(expected["protocol"])
        if session is None:
            row("bgp", expected["to"], False, "no session %s" % expected["protocol"] if found["running"] else "BIRD does not run")
            continue
        why = ", " + session["last_error"] if session["last_error"] and session["state"] != "Established" else ""
        row("bgp", expected["to"], session["state"] == "Established", "%s since %s%s" % (session["state"], session["since"], why))
    for expected in params["neighbours"]:
        if expected["required"]:
            neighbour = by_address[expected["address"]]
            why = "%d of 16 hellos came" % neighbour["hellos"] if neighbour["device"] else "no hello came" if found["running"] else "BIRD does not run"
            row(protocol, expected["to"], neighbour["up"], "metric %d" % neighbour["metric"] if neighbour["up"] else why)
    for expected in params["networks"]:
        there = expected["cidr"] in found["networks"]
        row(protocol + "_routes", expected["to"], there, "%s %s" % (expected["cidr"], "in the kernel" if there else "not in the kernel"))
    return rows


def since(found):
    """Seconds since BIRD took its configuration."""
    try:
        return time.time() - datetime.fromisoformat(found["configured"]).timestamp()
    except (TypeError, ValueError):
        return None


def main():
    expected = {"type": "list", "elements": "dict", "default": []}
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "sessions": dict(expected, options={"protocol": {"type": "str", "required": True}, "to": {"type": "str", "required": True}}),
            "protocol": {"type": "str", "choices": ["bgp", "babel"], "default": "bgp"},
            "neighbours": dict(expected, options={
                "address": {"type": "str", "required": True}, "to": {"type": "str", "required": True}, "required": {"type": "bool", "default": True}}),
            "networks": dict(expected, options={"cidr": {"type": "str", "required": True}, "to": {"type": "str", "required": True}}),
            "name": {"type": "str", "default": ""},
            "wait": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    until, waited, converged = time.monotonic() + module.params["wait"], False, None
    try:
        while True:
            found = look(module)
            rows = results(module.params, found)
            if all(row["ok"] for row in rows):
                converged = since(found) if waited else None
                break
            if time.monotonic() > until:
                break
            waited = True
            time.sleep(0.2)
    except _bird.BirdError as error:
        module.fail_json(msg="%s: %s" % (module.params["socket"], error))
    module.exit_json(changed=False, results=rows, converged_after=converged and round(converged, 1), **found)


if __name__ == "__main__":
    main()
