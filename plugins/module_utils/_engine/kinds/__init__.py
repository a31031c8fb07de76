# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of resources. Adding one: its file here, a line in KINDS, its module, its tests."""

from __future__ import annotations

from .address import Address
from .bridge import Bridge
from .bridge_port import BridgePort
from .bridge_vlan import BridgeVlan
from .dummy import Dummy
from .ipip import Ipip
from .ipset import Ipset
from .iptables import CHAIN, RULE
from .ipvlan import Ipvlan
from .macvlan import Macvlan
from .neighbour import Neighbour
from .netns import Netns
from .proxy_neighbour import ProxyNeighbour
from .route import Route
from .rule import Rule
from .sysctl import Sysctl
from .tuntap import Tuntap
from .veth import Veth
from .vlan import Vlan
from .vxlan import Vxlan
from .vxlan_fdb import VxlanFdb
from .wireguard import Wireguard
from .xfrm_policy import XfrmPolicy
from .xfrm_state import XfrmState

# In the order in which they are built; what is purged goes the other way, links before what stands on them.
KINDS = {kind.name: kind for kind in (
    Netns(), Bridge(), Dummy(), Veth(), Vlan(), Macvlan(), Ipvlan(), Vxlan(), Ipip(), Wireguard(), Tuntap(), BridgePort(), Sysctl(), Ipset(), BridgeVlan(),
    Address(), VxlanFdb(), Neighbour(), ProxyNeighbour(), Route(), Rule(), XfrmState(), XfrmPolicy(), CHAIN, RULE)}
LINKS = {kind.kind: kind for kind in KINDS.values() if kind.table == "link"}
