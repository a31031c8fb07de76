# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module of the engine does around it: argument spec, call, result."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule

from ._engine import engine, fields
from ._engine.document import Wanted, add, named, no_cycles
from ._engine.errors import FabricError
from ._engine.kinds import KINDS
from ._engine.missing import to_provide
from ._engine.owner import Owner

STATE = {"type": "str", "default": "present", "choices": ["present", "absent"]}


def granular(name):
    """The whole of a module that makes or removes one resource of a kind."""
    kind = KINDS[name]
    spec, conditions = fields.argument_spec(kind.schema), []
    if kind.identity:
        made_of = [option for option, item in spec.items() if item.get("required") and option not in kind.identity]
        for option in made_of:
            del spec[option]["required"]
        conditions = [("state", "present", made_of)] if made_of else []
        spec["state"] = STATE
    module = AnsibleModule(argument_spec=spec, required_if=conditions, supports_check_mode=True)
    settle(module, name, dict(module.params), name)


def settle(module, name, entry, path):
    """Make or remove the object of kind `name` that an entry names; its `state` says which. Ends the module."""
    state = entry.pop("state", "present")

    def work():
        owner, wanted = Owner(), Wanted()
        if state == "absent":
            return engine.remove(named(name, entry, path), owner, check=module.check_mode)
        add(wanted, name, entry, owner, path)
        no_cycles(wanted)
        return engine.apply(wanted, owner, check=module.check_mode)

    conclude(module, work)


def conclude(module, work):
    """Run the engine and end the module with its outcome, or with its error."""
    try:
        outcome = work()
    except engine.Failed as error:
        module.fail_json(msg=str(error), rolled_back=error.rolled_back)
    except (FabricError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result(module, outcome))


def result(module, outcome):
    replaced = outcome.replaced()
    told = {
        "changed": outcome.changed,
        "operations": outcome.counts(),
    }
    if replaced:
        told["replaced"] = replaced
    if outcome.resolved is not None:
        told.update(resolved=outcome.resolved, pending=outcome.pending, stored=outcome.stored, unconfirmed=outcome.unconfirmed)
    if outcome.missing:
        told.update(missing=to_provide(outcome.missing), prediction="partial")
    if module.check_mode or module._diff or module._verbosity:
        told.update(before=outcome.before, after=outcome.after, commands=outcome.commands())
    if module._diff and outcome.changed:
        told["diff"] = [
            {"before": _text(outcome.before), "after": _text(outcome.after)},
            {"prepared": "".join(line + "\n" for line in ["# made anew: " + words for words in replaced] + outcome.commands()
                                 + outcome.stored * ["# and store it for the next restart"])},
        ]
    return told


def _text(document):
    """One object a line, so that a diff of thousands stays readable."""
    return "".join("%s %s\n" % (section, json.dumps(entry, sort_keys=True))
                   for section, entries in document.items() for entry in entries)
