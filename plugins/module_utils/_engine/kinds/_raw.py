# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links whose data is encoded here: of some kinds pyroute2 has no tables, of others they lack attributes (0.7.2 to 0.9)."""

from __future__ import annotations

from .. import wire
from ._link import IFLA_IFNAME, IFLA_LINKINFO, INFO_DATA, INFO_KIND, Link, header, set_link


class RawLink(Link):
    """`encode` of its data gives an attribute's payload."""

    def request_add(self, transaction, operation):
        netns, name = operation.key
        transaction.queue(netns, wire.RTM_NEWLINK, wire.NLM_F_CREATE | wire.NLM_F_EXCL,
                          self.born(transaction, netns, name, operation.after), links=True)

    def born(self, transaction, netns, name, wanted):
        """The body of the message that makes it."""
        flat = {field: wanted[field] for field in ("mtu", "mac", "group") if wanted[field]}
        master = transaction.index(netns, wanted["master"]) if wanted["master"] else None
        body = set_link(name, flat, master) or header() + wire.text(IFLA_IFNAME, name)
        return body + self.info(transaction, netns, wanted)

    def info(self, transaction, netns, fields):
        data = b"".join(wire.attribute(item.number, item.encode(fields[field], transaction, netns))
                        for field, item in self.data.items() if fields.get(field) not in (None, ""))
        return wire.attribute(IFLA_LINKINFO, wire.text(INFO_KIND, self.kind) + wire.attribute(INFO_DATA, data))

    def request_data(self, transaction, netns, name, changed):
        transaction.queue(netns, wire.RTM_NEWLINK, 0, header() + wire.text(IFLA_IFNAME, name) + self.info(transaction, netns, changed), links=True)
