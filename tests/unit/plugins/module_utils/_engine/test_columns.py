# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken in by columns is what is taken in one by one, errors and their places included."""

import sys

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import columns, document, wire
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Invalid
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._bulk import Bulk
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner

BLUE, NOBODY = Owner("blue", 160), Owner()
COUNT = 2 * columns.MANY


def fdb(n):
    entry = {"dev": "vx", "mac": "02:00:00:00:00:%02x" % n, "dst": "192.0.2.%d" % (n % 7 + 1)}
    return [entry, dict(entry, mac="00:00:00:00:00:00", dst="198.18.0.%d" % n), dict(entry, mac=entry["mac"].upper().replace(":", "-"), port=4789),
            dict(entry, dst="2001:DB8::%x" % n, vni=7), dict(entry, mac="01:00:5e:00:00:%02x" % n)][n % 5]


def route(n):
    entry = {"dst": "10.%d.0.0/16" % n, "via": "192.0.2.1", "dev": "eth0", "onlink": True}
    return [entry, {"dst": "10.%d.1.0/24" % n, "dev": "eth0", "metric": 5}, {"dst": "2001:db8:%x::/48" % n, "via": "fe80::1", "dev": "eth0"},
            {"dst": "10.%d.2.0/24" % n, "type": "blackhole", "table": n + 1}, {"dst": "default", "via": "192.0.2.1", "metric": n}][n % 5]


def neighbour(n):
    return {"netns": "pod", "dev": "eth%d" % (n % 3), "mac": "02:00:00:00:00:%02x" % n,
            "address": "192.0.2.%d" % n if n % 2 else "2001:db8::%x" % n}


SECTIONS = {"vxlan_fdb": fdb, "route": route, "neighbour": neighbour}
# Each of them alone makes the whole section one to be taken in one by one.
WRONG = {
    "vxlan_fdb": [{"mac": "02:00:00:00:00"}, {"dst": "192.0.2.256"}, {"dst": None}, {"port": 0}, {"port": True}, {"colour": 1}, {"mac": ["x"]}],
    "route": [{"dst": "10.0.0.1/8"}, {"via": "nowhere"}, {"dev": None, "via": None}, {"metric": -1}, {"onlink": "perhaps"}, {"protocol": 99}],
    "neighbour": [{"mac": "01:00:00:00:00:01"}, {"mac": "00:00:00:00:00:00"}, {"address": "192.0.2.1/24"}, {"dev": "a/b"}, {"protocol": 161}],
}


def one_by_one(monkeypatch, section, entries, owner):
    with monkeypatch.context() as patched:
        patched.setattr(document, "MANY", len(entries) + 1)
        return document.parse({section: entries}, owner)


def test_every_bulk_kind_is_here():
    assert set(SECTIONS) == {name for name, kind in KINDS.items() if isinstance(kind, Bulk)}


@pytest.mark.parametrize("owner", [BLUE, NOBODY], ids=["fabric", "module"])
@pytest.mark.parametrize("section", SECTIONS)
def test_the_same_objects(monkeypatch, section, owner):
    entries = [SECTIONS[section](n) for n in range(COUNT)]
    assert document.add_all(document.Wanted(), section, entries, owner, section), "not taken in by columns"
    whole, single = document.parse({section: entries}, owner), one_by_one(monkeypatch, section, entries, owner)
    assert whole == single and list(whole[section]) == list(single[section])
    table = KINDS[section].table
    assert [whole.paths[table, key] for key in whole[section]] == [single.paths[table, key] for key in single[section]]


@pytest.mark.parametrize("section,wrong", [(section, wrong) for section, each in WRONG.items() for wrong in each])
def test_the_same_errors(monkeypatch, section, wrong):
    entries = [SECTIONS[section](n) for n in range(COUNT)]
    entries[50] = dict(entries[50], **wrong)
    said = []
    for parse in (lambda: document.parse({section: entries}, BLUE), lambda: one_by_one(monkeypatch, section, entries, BLUE)):
        with pytest.raises(Invalid) as caught:
            parse()
        said.append(str(caught.value))
    assert said[0] == said[1] and "%s[50]" % section in said[0]


def test_an_entry_that_is_there_twice():
    entries = [fdb(5 * n) for n in range(COUNT // 5)] * 6
    with pytest.raises(Invalid, match=r"vxlan_fdb\[%d\].*also at document.vxlan_fdb\[0\]" % (COUNT // 5)):
        document.parse({"vxlan_fdb": entries}, BLUE)


def test_one_and_true_are_not_the_same():
    assert columns.validated(KINDS["route"].schema, [dict(route(0), metric=value) for value in (1, True)]) is None


def test_messages_by_their_shape(monkeypatch):
    def message(number, *attributes):
        body = number.to_bytes(4, "big") + b"".join(wire.attribute(kind, payload) for kind, payload in attributes)
        return 16 + len(body), (16 + len(body)).to_bytes(4, sys.byteorder) + bytes(12) + body

    messages = [message(1, (2, b"abcdef"), (3, b"wxyz")), message(2, (3, b"wxyz"), (2, b"abcdef")), message(3, (2, b"ghijkl"), (3, b"stuv")),
                message(4, (2, b"abcdef")), message(5)]
    few = sorted(([head[3] for head in headers], columns_) for headers, columns_ in wire.shapes(messages, 4))
    assert [number for (number,), dummy in few] == [1, 2, 3, 4, 5] and few[2][1] == {2: (b"ghijkl",), 3: (b"stuv",)} and few[4][1] == {}
    monkeypatch.setattr(wire, "FEW", 0)
    found = wire.shapes(messages, 4)
    assert sorted(([head[3] for head in headers], columns_) for headers, columns_ in found) == [
        ([1, 3], {2: (b"abcdef", b"ghijkl"), 3: (b"wxyz", b"stuv")}), ([2], {3: (b"wxyz",), 2: (b"abcdef",)}), ([4], {2: (b"abcdef",)}), ([5], {})]
