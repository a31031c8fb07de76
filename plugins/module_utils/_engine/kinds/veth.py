# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""veth pairs: one entry, two links, each in its namespace, made by one message."""

from __future__ import annotations

from .. import wire
from ..errors import Conflict
from ..fields import Option
from ._base import OWN_NETNS, place
from ._link import END, Link, end_entry
from ._link_messages import IFLA_NET_NS_FD, flat_words
from ._raw import flat, specific

VETH_INFO_PEER = 1


class Veth(Link):
    name = kind = "veth"
    schema = dict(END, peer=Option("dict", options=END))

    def objects(self, entry, owner, path):
        """Both ends; the first leads: it is the one whose `add` makes the pair."""
        key, lead = self.end(entry, owner)
        lead.update(lead=True, peer=None, twin=None)
        if not entry["peer"]:
            return [(key, lead)]
        other, follower = self.end(entry["peer"], owner)
        lead.update(peer=other, twin=follower)
        follower.update(lead=False, peer=key, twin=None)
        return [(key, lead), (other, follower)]

    def must_replace(self, found, wanted):
        if wanted["peer"] is not None and found.get("peer") != wanted["peer"]:
            return "peer"
        return super().must_replace(found, wanted)

    def check(self, state, key, wanted, owner):
        super().check(state, key, wanted, owner)
        if key not in state["link"] and wanted["peer"] is None:
            raise Conflict("%s does not exist, and without `peer` it cannot be made; name its peer" % self.describe(key))

    def simulate(self, state, operation):
        super().simulate(state, operation)
        if operation.verb == "add":
            twin = operation.after["twin"]
            state["link"][operation.after["peer"]] = dict(self.made(twin), master="", port=None)

    def request_add(self, transaction, operation):
        netns, name = operation.key
        place, peer = operation.after["peer"]
        with transaction.descriptors() as open_namespace:
            other = flat(transaction, place, peer, dict(operation.after["twin"], master=None))
            if place != netns:
                other += wire.u32(IFLA_NET_NS_FD, open_namespace(place))
            body = flat(transaction, netns, name, operation.after) + specific(self.kind, wire.attribute(VETH_INFO_PEER, other))
            transaction.queue(netns, wire.RTM_NEWLINK, wire.NLM_F_CREATE | wire.NLM_F_EXCL, body, makes=True)
            if open_namespace.used:
                transaction.flush()  # while the descriptors in the message are open

    def peer_words(self, wanted):
        netns, name = wanted["peer"]
        words = ["peer", "name", name] + flat_words(wanted["twin"], ("mtu", "mac", "group"))
        return words + (["netns", netns or OWN_NETNS] if netns != wanted["twin"]["peer"][0] else [])

    def entry(self, state, key, item):
        if item["kind"] != self.kind:
            return None
        peer = item.get("peer")
        twin = state["link"].get(peer) if peer else None
        if twin is not None and peer < key:
            return None  # the pair is the entry of its first end
        return dict(end_entry(key, item), peer=end_entry(peer, twin) if twin is not None else None)

    def describe(self, key):
        return "link %s%s" % (key[1], place(key[0]))


def join(links, numbers):
    """Put names to veths' peers and to what links stand on: (netns, number) -> key, or None where that namespace was not read."""
    for link in links.values():
        for field in ("peer", "parent"):
            if link.get(field):
                netns, number = link[field]
                name = numbers.get(netns, {}).get(number) if netns is not None else None
                link[field] = (netns, name) if name else None
