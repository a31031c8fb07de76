# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a link, and of a link within another's options, from one text."""

from __future__ import annotations

import textwrap


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description: Name of the device, 1 to 15 characters without white space, C(/) or C(:).
    type: str
    required: true
  mtu:
    description:
      - MTU in bytes, from 68 to 65535.
      - V(auto) is the MTU of the underlay device less the overhead of the tunnel. What the underlay is, a document for
        M(clusternet.fabric.network) says; a tunnel with its own underlay device or local address needs none.
      - Left out, it is not looked at, and a new device gets the kernel's.
    type: str
  mac:
    description:
      - Unicast MAC address.
      - Left out, it is not looked at, and a new device gets one from the kernel.
    type: str
  up:
    description: Whether the device is up.
    type: bool
    default: true
  master:
    description:
      - Bridge that the device is a port of, in the same namespace. It must exist.
      - The empty string takes the device off its bridge. Left out, it is not looked at.
    type: str
  bridge_port:
    description:
      - Settings of the device as a port of its bridge. Those left out are not looked at.
      - A port that leaves its bridge loses them.
    type: dict
    suboptions:
      hairpin:
        description: Whether frames may leave by the port they came in by. A new port does not.
        type: bool
      learning:
        description: Whether source addresses are learned here. A new port does.
        type: bool
      flood:
        description: Whether frames to unknown destinations are sent out here. A new port does.
        type: bool
      multicast_flood:
        description: Whether frames to multicast groups that nobody was heard to want are sent out here. A new port does.
        type: bool
      broadcast_flood:
        description: Whether broadcasts are sent out here. A new port does.
        type: bool
      isolated:
        description: Whether the port is kept from other isolated ports. A new port is not.
        type: bool
      neigh_suppress:
        description:
          - Whether the bridge answers ARP and neighbour solicitations itself, from what it knows, instead of sending them out here.
            It is meant for tunnels. A new port does not.
        type: bool
      fast_leave:
        description: Whether who leaves a multicast group is believed at once, without a question whether others want it. A new port does not.
        type: bool
      guard:
        description: Whether the port is blocked when a BPDU comes in. A new port is not.
        type: bool
      root_block:
        description: Whether the port is kept from being the one towards the root of the spanning tree. A new port is not.
        type: bool
      priority:
        description: The port's priority in the spanning tree, from 0 to 63. A new port has 32.
        type: int
      cost:
        description: The port's path cost in the spanning tree, from 1 to 65535. A new port's goes by its speed.
        type: int
"""


# Set from outside the class: of what is assigned in it, ansible-test wants to see the text.
ModuleDocFragment.PEER = r"""
options:
  peer:
    description:
      - The other end. It is made, moved and removed together with the first.
      - Required where the pair does not exist. If the device exists with another peer, the pair is made anew.
    type: dict
    suboptions:
      netns:
        description: Namespace of this end, as for the first.
        type: str
        default: ''
""" + textwrap.indent(ModuleDocFragment.DOCUMENTATION.partition("options:\n")[2], "    ")


def _without(*left_out):
    """The text without some options."""
    kept, keep = [], True
    for line in ModuleDocFragment.DOCUMENTATION.splitlines():
        if line.startswith("  ") and line[2] != " ":
            keep = line.strip(" :") not in left_out
        if keep:
            kept.append(line)
    return "\n".join(kept) + "\n"


# Links whose MAC is not theirs, and those that have none.
ModuleDocFragment.WITHOUT_MAC = _without("mac")
ModuleDocFragment.DEVICE = _without("mac", "master", "bridge_port")
# What a device is as a port, whoever made it.
ModuleDocFragment.PORT = _without("name", "mtu", "mac", "up", "master")

ModuleDocFragment.PARENT = r"""
options:
  parent:
    description:
      - Link that the device stands on. When it goes, the device goes with it. If the device exists on another one, it is made anew.
      - V(auto) is the underlay device, which a document for M(clusternet.fabric.network) names.
      - Required with O(state=present).
    type: str
  parent_netns:
    description:
      - Network namespace of O(parent), as for O(netns). So a namespace's device can stand on a link of the machine.
      - The empty string is the namespace that the module runs in.
    type: str
    default: ''
"""
