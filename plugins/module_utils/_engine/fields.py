# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a kind: their types and bounds, checked before anything is touched.

A schema is {option: Option}. One schema serves the module's argument spec (`argument_spec`), the sections of a document and the
text of the errors, so that `vxlan[0].vni: 99999999: expected ...` reads the same wherever the value came from.
"""

from __future__ import annotations

import difflib
import functools
import ipaddress
import re
import socket

from .errors import Invalid

AUTO = "auto"
_NOT_IN_A_NAME = re.compile(r"[\s/:%\0]")


class Option:
    """One option. `check(value, path)` returns the normal form or raises Invalid."""

    __slots__ = ("type", "default", "required", "choices", "check", "options", "elements", "_left_out")

    def __init__(self, type_, default=None, required=False, choices=None, check=None, options=None, elements=None):
        self.type, self.default, self.required = type_, default, required
        self.choices, self.check, self.options, self.elements = choices, check, options, elements
        self._left_out = None

    def normal(self, value, path):
        """A value in normal form. Raises Invalid."""
        value = _TYPES[self.type](value, path)
        if self.choices and value not in self.choices:
            raise Invalid(path, value, "one of %s" % ", ".join(map(str, self.choices)))
        if self.options:
            value = ([_validate(self.options, one, path and "%s[%d]" % (path, position)) for position, one in enumerate(value)]
                     if self.type == "list" else _validate(self.options, value, path))
        return self.check(value, path) if self.check else value

    def left_out(self):
        """The normal form of the default; one for all where nobody can alter it."""
        if self.default is None:
            return None
        if self.type in ("list", "dict", "raw"):
            return self.normal(self.default, "")
        if self._left_out is None:
            self._left_out = self.normal(self.default, "")
        return self._left_out

    def optional(self):
        return Option(self.type, self.default, False, self.choices, self.check, self.options, self.elements)

    def argument_spec(self):
        spec = {"type": self.type, "no_log": False}  # nothing that a kind takes is a secret
        if self.required:
            spec["required"] = True
        elif self.default is not None:
            spec["default"] = self.default
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.elements:
            spec["elements"] = self.elements
        if self.options:
            spec["options"] = argument_spec(self.options)
        return spec


def argument_spec(schema):
    """The schema as AnsibleModule takes it."""
    return {name: option.argument_spec() for name, option in schema.items()}


def naming(schema, identity):
    """The schema of an entry that names an object: of its required options only those of the identity are."""
    return {name: option if name in identity else option.optional() for name, option in schema.items()}


def validate(schema, entry, path):
    """`entry` in normal form: every option present, defaults filled in. Raises Invalid with the field's path."""
    try:
        return _validate(schema, entry, "")
    except Invalid:
        return _validate(schema, entry, path)  # once more, to say where


def _validate(schema, entry, path):
    """With an empty path no path is put together: thousands of entries have four times as many fields."""
    if not isinstance(entry, dict):
        raise Invalid(path, entry, "a mapping with the options %s" % ", ".join(schema))
    for name in entry:
        if name not in schema:
            raise Invalid("%s.%s" % (path, name), entry[name], unknown(name, schema, "option"))
    normal = {}
    for name, option in schema.items():
        value = entry.get(name)
        if value is None:
            if option.required:
                raise Invalid("%s.%s" % (path, name), value, "a value: the option is required")
            if not option.options:
                normal[name] = option.left_out()
                continue
            value = option.default
        normal[name] = value if value is None else option.normal(value, path and "%s.%s" % (path, name))
    return normal


def unknown(name, known, what):
    """What was expected where an unknown name stands, with the nearest known one."""
    near = difflib.get_close_matches(str(name), known, 1)
    return "a known %s (%s)%s" % (what, ", ".join(sorted(known)), "; did you mean %r?" % near[0] if near else "")


def _string(value, path):
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (dict, list)):
        raise Invalid(path, value, "a string")
    if isinstance(value, bool):
        raise Invalid(path, value, "a string", "in YAML, quote it")
    return str(value)


def _integer(value, path):
    try:
        if isinstance(value, bool) or isinstance(value, float) and value != int(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise Invalid(path, value, "an integer") from None


_BOOLEANS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def _boolean(value, path):
    try:
        return value if value is True or value is False else _BOOLEANS[str(value).lower()]
    except KeyError:
        raise Invalid(path, value, "true or false") from None


def _list(value, path):
    if not isinstance(value, (list, tuple)):
        raise Invalid(path, value, "a list")
    return list(value)


def _dict(value, path):
    if not isinstance(value, dict):
        raise Invalid(path, value, "a mapping")
    return value


def _raw(value, path):
    return value


_TYPES = {"str": _string, "int": _integer, "bool": _boolean, "list": _list, "dict": _dict, "raw": _raw}


# --- checks ------------------------------------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def _plain(value):
    """Whether it is a device name that nothing speaks against; asked of few names in many entries."""
    return 1 <= len(value.encode()) <= 15 and value not in (".", "..", "all", "default") and not _NOT_IN_A_NAME.search(value)


def interface(value, path):
    """A device name as the kernel takes it: 1 to 15 bytes, no slash, colon or white space (dev_valid_name)."""
    if _plain(value):
        return value
    if not 1 <= len(value.encode()) <= 15:
        raise Invalid(path, value, "an interface name of 1 to 15 characters, not %d" % len(value.encode()), "shorten it")
    if value in (".", "..") or _NOT_IN_A_NAME.search(value):
        raise Invalid(path, value, "an interface name without white space, '/', ':' or '%'")  # the kernel numbers names with a %
    if value in ("all", "default"):
        raise Invalid(path, value, "an interface name other than 'all' and 'default', which have a meaning among sysctls")
    return value


def own_interface(value, path):
    """The name of a device that is to be made."""
    if value == "lo":
        raise Invalid(path, value, "a device other than lo, which every namespace has by itself")
    return interface(value, path)


def namespace(value, path):
    """A name under /run/netns, or '' for the namespace the module runs in."""
    if len(value.encode()) > 255 or value in (".", "..") or re.search(r"[\s/\0]", value):
        raise Invalid(path, value, "a namespace name of at most 255 characters without white space or '/'")
    return value


def named_namespace(value, path):
    if not value:
        raise Invalid(path, value, "a namespace name")
    return namespace(value, path)


def between(low, high, what="an integer"):
    def check(value, path):
        if not low <= value <= high:
            raise Invalid(path, value, "%s from %d to %d" % (what, low, high))
        return value
    return check


def mtu(value, path):
    if value == AUTO:
        return AUTO
    return between(68, 65535, "'auto' or an MTU in bytes")(_integer(value, path), path)


MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}\Z")


def mac(value, path):
    value = value.lower().replace("-", ":")
    if not MAC.match(value):
        raise Invalid(path, value, "a MAC address such as 02:00:5e:10:00:01")
    return value


def unicast_mac(value, path):
    value = mac(value, path)
    if int(value[:2], 16) & 1 or value == "00:00:00:00:00:00":
        raise Invalid(path, value, "a unicast MAC address (the first byte even, not all zero)")
    return value


def _ipv4(value):
    """Whether it is an IPv4 address as it is written in normal form; one in thirty of the time that `ipaddress` takes."""
    try:
        socket.inet_pton(socket.AF_INET, value)
        return True
    except (OSError, ValueError):
        return False


def ipv4_prefix(value):
    """Whether it is an IPv4 prefix as it is written in normal form."""
    host, dummy, length = value.partition("/")
    try:
        bits = int.from_bytes(socket.inet_pton(socket.AF_INET, host), "big")
        return length in LENGTHS and not bits & LENGTHS[length]
    except (OSError, ValueError):
        return False


LENGTHS = {str(length): (1 << 32 - length) - 1 for length in range(33)}  # {prefix length: the host's bits}


def address(value, path):
    """An address without a prefix length."""
    if _ipv4(value):
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise Invalid(path, value, "an IP address without a prefix length") from None


def interface_address(value, path):
    """An address with its prefix length; a bare address gets the full length."""
    try:
        found = ipaddress.ip_interface(value)
    except ValueError:
        raise Invalid(path, value, "an IP address with its prefix length, such as 192.0.2.1/24") from None
    if found.ip.is_multicast or found.ip.is_unspecified or value.partition("/")[2] == "0":
        raise Invalid(path, value, "a unicast address with its prefix length, such as 192.0.2.1/24")
    return str(found)


def destination(value, path):
    """A route's destination, masked; 'default' stays as it is (its family follows from the gateway)."""
    if value == "default":
        return value
    if ipv4_prefix(value):
        return value
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise Invalid(path, value, "a prefix such as 192.0.2.0/24, or 'default'") from None
    if str(value).partition("/")[0] != str(network.network_address) and "/" in str(value):
        raise Invalid(path, value, "a prefix without host bits", "write %s" % network)
    return str(network)
