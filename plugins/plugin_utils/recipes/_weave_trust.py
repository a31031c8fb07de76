# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every way of Weave's encryption has: whom it may leave out, keys of the password, that nothing passes by it, and that files are watched."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from . import _parts


def plain(fabric, name, peer):
    """Whether packets between two nodes stay as they are: both are in trusted subnets, as with Weave."""
    trusted = [ipaddress.ip_network(cidr) for cidr in fabric["options"]["trusted_subnets"]]
    ends = [ipaddress.ip_address(fabric["nodes"][node]["ip"]) for node in (name, peer)]
    return all(any(end in network for network in trusted) for end in ends)


def distrusted(fabric, name):
    """The peers of a node to which packets do not stay as they are."""
    return [peer for peer in fabric["nodes"] if peer != name and not plain(fabric, name, peer)]


def derived(password, purpose):
    """A key of 32 bytes by HKDF of SHA-256 (RFC 5869), which is also how Weave makes keys of its session key (weaveworks/weave:net/ipsec/ipsec.go)."""
    extracted = hmac.new(b"clusternet.fabric", password.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, purpose.encode() + b"\x01", hashlib.sha256).digest()


def guard(fabric, name, coming, going):
    """VXLAN that comes, or would go, as it is, is dropped, as with Weave (weaveworks/weave:net/ipsec/ipsec.go).

    C(coming) and C(going) are what rules match encrypted packets by; C(%s) in them stands for what matches all.
    """
    packets = "-p udp -m udp --dport %d" % fabric["options"]["port"]
    open_ = [fabric["nodes"][peer]["ip"] for peer in fabric["nodes"] if peer != name and plain(fabric, name, peer)]
    parts = []
    for chain, hook, encrypted, end in (("WEAVE-ENCRYPT-IN", "INPUT", coming, "-s"), ("WEAVE-ENCRYPT-OUT", "OUTPUT", going, "-d")):
        rules = [encrypted % packets + " -j RETURN"]
        rules += ["%s %s/32 %s -j RETURN" % (end, ip, packets) for ip in open_]
        parts.append(_parts.chain("filter", _parts.own(fabric, chain), hook, rules + [packets + " -j DROP"], position="first"))
    return _parts.merge(*parts)


def watch(description, paths, unit):
    """A unit of systemd that starts another whenever one of the files was written."""
    return "\n".join(["[Unit]", "Description=" + description, "", "[Path]", *["PathChanged=" + path for path in paths], "Unit=" + unit, ""])
