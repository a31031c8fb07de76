# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thousands of entries of one section, validated by columns: what an option has in all of them is looked at together.

Says yes only to what surely is right. Whatever it does not like is validated one by one, which finds words for it (fields.validate).
"""

from __future__ import annotations

import operator
import socket
import struct
from functools import partial

from . import fields
from .errors import Invalid

MANY = 64  # fewer are not worth it

_parse_ipv4 = partial(socket.inet_pton, socket.AF_INET)


def validated(schema, entries):
    """{option: its values in normal form, in the entries' order}, or None."""
    if set(map(type, entries)) != {dict}:
        return None
    given = set().union(*entries)
    if not given <= schema.keys():
        return None
    try:
        return {name: _column(option, [entry.get(name) for entry in entries] if name in given else None, len(entries))
                for name, option in schema.items()}
    except (Invalid, TypeError):  # wrong, or not to be told apart
        return None


def _column(option, values, count):
    missed = option.required or option.options and option.default is not None
    if values is None:
        if missed:
            raise TypeError
        return [option.left_out()] * count
    kinds = set(map(type, values))
    if len(kinds - {type(None)}) > 1:
        raise TypeError  # 1, 1.0 and True are one to a set
    distinct = set(values)
    if None in distinct and missed:
        raise TypeError
    plain = PLAIN.get(option.check) if kinds == {str} and option.type == "str" else None
    if plain is not None and plain(distinct):
        return values
    normal = {value: option.left_out() if value is None else option.normal(value, "") for value in distinct}
    return list(map(normal.__getitem__, values))


# --- whether strings are in normal form already: of the checks that are asked of thousands of different ones ---

def _macs(values):
    return all(map(fields.MAC.match, values))


def _unicast_macs(values):
    return _macs(values) and not any(value[1] in "13579bdf" for value in values) and "00:00:00:00:00:00" not in values


def ipv4s(values):
    try:
        for dummy in map(_parse_ipv4, values):
            pass
        return True
    except (OSError, ValueError):
        return False


def ipv4_prefixes(values):
    parts = [value.partition("/") for value in values]
    try:
        packed = b"".join([_parse_ipv4(host) for host, dummy, dummy in parts])
        hosts = [fields.LENGTHS[length] for dummy, dummy, length in parts]
    except (OSError, ValueError, KeyError):
        return False
    return not any(map(operator.and_, struct.unpack("!%dI" % len(parts), packed), hosts))


PLAIN = {fields.mac: _macs, fields.unicast_mac: _unicast_macs, fields.address: ipv4s, fields.destination: ipv4_prefixes}
