# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine promises of any document, and of any change from one to another, on a real kernel."""

import engine_node
import pytest
from engine_documents import CHANGES

pytestmark = pytest.mark.kernel

FIXED = ("66:00:00:", "0a:58:0a:", "02:00:00:")


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_from_one_document_to_another(node, name):
    before, after = CHANGES[name]
    start = node.snapshot()
    node.apply(before)

    found = node.snapshot()
    foretold = node.apply(after, check=True)
    node.same(found)

    done = node.apply(after)
    assert done.changed
    assert foretold.commands() == done.commands()
    assert foretold.counts() == done.counts()
    assert foretold.after == done.after
    assert foretold.before == done.before

    # Again there is nothing to do, and what it then tells is what was told before.
    again = node.settled(after)
    assert again.before == again.after == done.after

    # What is told is a document, and changes nothing.
    fed_back = dict(done.after)
    assert not node.apply(fed_back, check=True).commands()

    # The empty document gives the start back.
    node.apply({})
    node.same(start)
    node.settled({})


@pytest.mark.parametrize("name", CHANGES)
def test_the_commands_by_hand_give_the_same(node, name):
    before, after = CHANGES[name]
    node.apply(before)
    commands = node.apply(after, check=True).commands()
    node.apply(after)
    by_engine = node.snapshot()

    with engine_node.node():
        node.apply(before)
        node.replay(commands)
        by_hand = node.snapshot()
        # What is under /run is the engine's own note of what it found, and the marks of a fabric are in the kernel.
        by_hand["run"] = by_engine["run"]
        assert not differences_but_random(by_engine, by_hand)


def differences_but_random(before, after):
    """The kernel's own choice of a MAC differs from one node to the next."""
    for side in (before, after):
        for namespace in side["namespaces"].values():
            for part in ("links", "addresses"):
                namespace[part] = without_random(namespace[part])
            # With each port's own MAC in it.
            namespace["fdb"] = [entry for entry in namespace["fdb"] if "dst" in entry or entry["mac"].startswith(FIXED)]
    return engine_node.differences(before, after)


def without_random(part):
    found = {}
    for name, record in part.items():
        if isinstance(record, list):
            found[name] = record
        else:
            fixed = record.get("address", "").startswith(FIXED)
            found[name] = record if fixed else {key: value for key, value in record.items() if key != "address"}
    return found
