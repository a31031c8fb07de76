# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does in passing to the VLANs of a bridge and its ports (net/bridge/br_vlan.c).

Played on the table bridge_vlan, of which kinds/bridge_vlan.py says more. A default PVID of None is a kernel without VLAN filtering.
"""

from __future__ import annotations

FIRST, LAST = 1, 4094  # of the VLAN IDs; the first is a new bridge's default PVID
LACKING = "this kernel has no VLAN filtering of bridges (CONFIG_BRIDGE_VLAN_FILTERING)"


def default_of(state, netns, bridge):
    """A bridge's default PVID, or 0."""
    return (state["link"].get((netns, bridge)) or {}).get("vlan_default_pvid") or 0


def bridge_of(state, device):
    """The bridge that a device is, or is a port of, or ''."""
    link = state["link"].get(device) or {}
    return device[1] if link.get("kind") == "bridge" else link.get("master") or ""


def given(state, device, bridge):
    """A new bridge, or a new port of one, gets the default PVID."""
    default = default_of(state, *bridge)
    if default:
        put(state, device, default, {"pvid": True, "untagged": True})


def put(state, device, vid, fields):
    """Add a VLAN or change its flags: a device has one PVID, and a new one takes the place of the old."""
    if fields.get("pvid"):
        for key, item in on(state, device):
            if item["pvid"] and key[2] != vid:
                state.alter("bridge_vlan", key, pvid=False)
    key = device + (vid,)
    found = state["bridge_vlan"].get(key) or {"dev": device[1], "self": device[1] == bridge_of(state, device), "pvid": False, "untagged": False}
    state["bridge_vlan"][key] = dict(found, **{field: value for field, value in fields.items() if value is not None})


def lost(state, device):
    """A port that leaves its bridge, or a device that goes."""
    state.drop("bridge_vlan", [key for key, dummy in on(state, device)])


def default_changes(state, bridge, old):
    """It moves where it still stands as it was given, and nothing of the new number is in its way (__br_vlan_set_default_pvid)."""
    new = default_of(state, *bridge)
    ports = [key for key, item in state["link"].items() if key[0] == bridge[0] and item["master"] == bridge[1]]
    for device in [bridge] + ports:
        stands = old and is_given(state["bridge_vlan"].get(device + (old,)))
        if new and (old and not stands or device + (new,) in state["bridge_vlan"]):
            continue
        if new:
            put(state, device, new, {"pvid": True, "untagged": True})
        if stands:
            state["bridge_vlan"].pop(device + (old,), None)


def is_given(item):
    return item is not None and item["pvid"] and item["untagged"]


def on(state, device):
    return [(key, item) for key, item in state["bridge_vlan"].items() if key[:2] == device]
