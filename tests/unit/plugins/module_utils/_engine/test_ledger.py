# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down, and that nothing is left of it when nobody needs it."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.ledger import LISTS, Ledger

KEY = ("", "net/ipv4/ip_forward")
NOTHING = {part: [] for part in LISTS}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clusternet" / "ledger.json"


def test_the_first_value_found_stays(path):
    Ledger(str(path)).claim("blue", {KEY: ("0", "1", {})}, NOTHING)
    Ledger(str(path)).claim("green", {KEY: ("1", "1", {"x": "1"})}, NOTHING)
    item = Ledger(str(path)).sysctl(KEY)
    assert item == {"found": "0", "wanted_by": {"blue": "1", "green": "1"}, "below": {}}


def test_it_goes_with_the_last(path):
    ledger = Ledger(str(path))
    for fabric in ("blue", "green"):
        ledger.claim(fabric, {KEY: ("0", "1", {})}, dict(NOTHING, netns=[("a",)], number=[(160,)]))
    ledger.release("blue", set(), NOTHING)
    assert Ledger(str(path)).sysctls_of("blue") == [] and Ledger(str(path)).sysctls_of("green") == [KEY]
    assert Ledger(str(path)).numbers() == {"green": 160}
    ledger.release("green", set(), NOTHING)
    assert not path.parent.exists()


def test_what_a_killed_run_was_writing_goes_as_well(path):
    ledger = Ledger(str(path))
    ledger.claim("blue", {KEY: ("0", "1", {})}, NOTHING)
    path.with_name("ledger.json.new").write_text("{", encoding="ascii")
    ledger.release("blue", set(), NOTHING)
    assert not path.parent.exists()


def test_it_can_be_put_back(path):
    Ledger(str(path)).claim("blue", {}, dict(NOTHING, address=[("", "eth0", "192.0.2.1/32")]))
    ledger = Ledger(str(path))
    ledger.claim("blue", {KEY: ("0", "1", {})}, dict(NOTHING, address=[("", "eth0", "192.0.2.2/32")]))
    ledger.put_back()
    again = Ledger(str(path))
    assert again.sysctl(KEY) is None and again.fabric_of("address", ("", "eth0", "192.0.2.1/32")) == "blue"
    assert again.fabric_of("address", ("", "eth0", "192.0.2.2/32")) is None


def test_one_that_cannot_be_read_is_an_error(path):
    path.parent.mkdir()
    path.write_text("{", encoding="ascii")
    with pytest.raises(FabricError, match="ledger.json cannot be read"):
        Ledger(str(path))
