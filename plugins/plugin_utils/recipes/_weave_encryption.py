# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which way what goes between nodes is encrypted, if at all. Each way is a module with the same functions and names."""

from __future__ import annotations

import ipaddress

from . import _weave_esp, _weave_plain, _weave_sleeve

WAYS = {"sleeve": _weave_sleeve, "esp": _weave_esp}
PASSWORD_LENGTH = (8, 1024)


def way(options):
    """The one that the options choose."""
    return WAYS[options["encryption"]] if options["password"] else _weave_plain


def check(options):
    """What is wrong with the variables, as (variable, value, expectation)."""
    for index, cidr in enumerate(options["trusted_subnets"]):
        try:
            ipaddress.IPv4Network(cidr)
        except ValueError:
            yield "weave_trusted_subnets[%d]" % index, cidr, "expected a range of nodes' addresses without host bits, such as 192.0.2.0/24"
    for option in ("sleeve_port", "ike_port"):
        if not 1 <= options[option] <= 65535 or options[option] == options["port"]:
            yield "weave_" + option, options[option], "expected a UDP port from 1 to 65535 other than weave_port"
    if options["encryption"] == "esp" and not options["password"]:
        yield "weave_encryption", "esp", "expected weave_password with it: keys are agreed on by that"


def check_password(value):
    """What is expected of the password, or None where it will do."""
    least, most = PASSWORD_LENGTH
    if not isinstance(value, str) or value and not (least <= len(value) <= most and value.isprintable()):
        return "expected text of %d to %d printable characters, or none for no encryption" % PASSWORD_LENGTH
    return None
