# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values held against the options of a role's C(meta/argument_specs.yml), every problem with its path.

Ansible's own validator stops at the first wrong value, leaves list positions out of its messages and turns a mapping given for a
name into text; the intent of a cluster deserves better, so this walks the same specification.
"""

from __future__ import annotations

from ansible.module_utils.common.validation import check_type_bool, check_type_int


class Problem:
    """One thing that is wrong with the intent: where, what stands there, and what to do about it.

    C(host) is empty where the matter concerns the cluster rather than one node. C(value) may be left out where there is none.
    """

    MISSING = object()

    def __init__(self, host, field, expected, value=MISSING):
        self.host, self.field, self.expected, self.value = host, field, expected, value

    def __str__(self):
        parts = [self.host] if self.host else []
        parts.append(self.field)
        if self.value is not self.MISSING:
            parts.append(shown(self.value))
        return ": ".join(parts + [self.expected])

    __repr__ = __str__


def shown(value):
    """A value for a message: as typed, on one line and not endless."""
    text = value if isinstance(value, str) and value.strip() == value and value else repr(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= 72 else text[:69] + "..."


def conform(value, option, host, field, problems):
    """The value in the option's type, defaults of sub-options filled in; what is wrong is appended to C(problems).

    A value that does not conform comes back as C(None): whoever goes on looks at C(problems) first.
    """
    kind = option.get("type", "str")
    before = len(problems)
    result = _TYPES[kind](value, option, host, field, problems)
    choices = option.get("choices")
    if len(problems) == before and choices and result not in choices:
        problems.append(Problem(host, field, "expected one of " + ", ".join(str(choice) for choice in choices), value))
    return result if len(problems) == before else None


def conform_all(values, options, host, prefix, problems):
    """All of a mapping's options: required ones present, unknown ones named, defaults filled in."""
    result = {}
    for name in values:
        if name not in options:
            known = ", ".join(sorted(options))
            problems.append(Problem(host, prefix + str(name), "unknown option; expected one of " + known))
    for name, option in options.items():
        if values.get(name) is not None:
            result[name] = conform(values[name], option, host, prefix + name, problems)
        elif option.get("required"):
            problems.append(Problem(host, prefix + name, "not set, and it is required: " + first_sentence(option)))
        else:
            result[name] = option.get("default")
    return result


def first_sentence(option):
    """What an option is, in the words of its own documentation."""
    description = option.get("description", "")
    return description if isinstance(description, str) else description[0]


def _text(value, option, host, field, problems):
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    hint = "expected text; put it in quotes" if isinstance(value, bool) else "expected text"
    problems.append(Problem(host, field, hint, value))
    return None


def _integer(value, option, host, field, problems):
    try:
        if isinstance(value, bool):
            raise TypeError
        return int(check_type_int(value))
    except (TypeError, ValueError):
        problems.append(Problem(host, field, "expected a whole number", value))
    return None


def _boolean(value, option, host, field, problems):
    try:
        return check_type_bool(value)
    except TypeError:
        problems.append(Problem(host, field, "expected true or false", value))
    return None


def _mapping(value, option, host, field, problems):
    if not isinstance(value, dict):
        problems.append(Problem(host, field, "expected a mapping", value))
        return None
    if option.get("options"):
        return conform_all(value, option["options"], host, field + ".", problems)
    return {str(key): _plain(entry) for key, entry in value.items()}


def _list(value, option, host, field, problems):
    if not isinstance(value, (list, tuple)):
        problems.append(Problem(host, field, "expected a list", value))
        return None
    element = dict(option, type=option.get("elements", "str"))
    return [conform(entry, element, host, "%s[%d]" % (field, index), problems) for index, entry in enumerate(value)]


def _plain(value):
    """Without the templating engine's wrappers, which would cost on every later access."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, str) else value


_TYPES = {"str": _text, "path": _text, "int": _integer, "bool": _boolean, "dict": _mapping, "list": _list}
