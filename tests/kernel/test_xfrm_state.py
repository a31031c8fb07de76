# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPsec states: what the kernel holds, keys that nobody is told, and what is somebody else's."""

import json
import os
import pathlib

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict, FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect
from engine_documents import state

pytestmark = [pytest.mark.kernel, pytest.mark.needs("xfrm_state")]

HERE, THERE = "198.18.0.11", "198.18.0.12"
DOCUMENT = {"xfrm_state": [state(HERE, THERE, 0x1000), state(THERE, HERE, 0x1001, key=2, esn=False, replay_window=0)]}
ESP = "proto esp spi 0x1000"


def test_it_is_what_ip_xfrm_makes(node):
    node.apply(DOCUMENT)
    by_engine = node.sh("ip xfrm state")
    node.apply({})
    node.sh("""
    ip xfrm state add src %s dst %s proto esp spi 0x1001 mode transport aead 'rfc4106(gcm(aes))' $(cat /run/keys/esp2) 128
    ip xfrm state add src %s dst %s %s mode transport replay-window 128 flag esn aead 'rfc4106(gcm(aes))' $(cat /run/keys/esp1) 128
    """ % (THERE, HERE, HERE, THERE, ESP))
    assert sorted(node.sh("ip xfrm state").split("src ")) == sorted(by_engine.split("src "))


def test_no_key_is_told(node):
    secrets = [bytes([number] * 36).hex() for number in (1, 2, 3)]
    told = []
    for document in (DOCUMENT, {"xfrm_state": [state(HERE, THERE, 0x1000, key=3)]}, {}):
        for options in ({"check": True}, {}):
            outcome = node.apply(document, **options)
            told += [outcome.commands(), outcome.before, outcome.after, [repr(one.after) + repr(one.before) for one in outcome.operations]]
        told.append(inspect().document)
        told += [path.read_text() for folder, dummy, names in os.walk("/run/clusternet") for path in [pathlib.Path(folder, name) for name in names]]
    text = json.dumps(told)
    assert "/run/keys/esp1" in text and not [secret for secret in secrets if secret in text.lower()]


def test_another_key_in_the_file_is_another_state(node):
    node.apply(DOCUMENT)
    file = pathlib.Path("/run/keys/esp1")
    file.chmod(0o600)
    file.write_text("0x" + "09" * 36)
    outcome = node.apply(DOCUMENT)
    assert outcome.counts() == {"change": {"xfrm_state": 1}} and "0x" + "09" * 36 in node.sh("ip xfrm state get dst %s %s" % (THERE, ESP))
    node.settled(DOCUMENT)


@pytest.mark.parametrize("content", ["123", "0x0"])
def test_a_file_with_something_else(node, content):
    file = pathlib.Path("/run/keys/esp1")
    file.unlink()
    file.write_text(content)
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(FabricError, match="/run/keys/esp1: expected a key in hexadecimal after 0x.*: it holds something else"):
            node.apply(DOCUMENT, check=check)
    node.same(start)


def test_a_file_that_is_not_there(node):
    pathlib.Path("/run/keys/esp1").unlink()
    start = node.snapshot()
    assert node.apply(DOCUMENT, check=True).missing == ["/run/keys/esp1"]  # which the run may write before
    with pytest.raises(FabricError, match="/run/keys/esp1: expected a key in hexadecimal after 0x.*: there is no such file"):
        node.apply(DOCUMENT)
    node.same(start)


def test_a_key_of_the_wrong_length_is_refused_with_nothing_changed(node):
    pathlib.Path("/run/keys/esp2").unlink()
    pathlib.Path("/run/keys/esp2").write_text("0x0102")
    start = node.snapshot()
    with pytest.raises(FabricError, match="add xfrm state to 198.18.0.11 with SPI 0x00001001: .*Nothing is changed"):
        node.apply(DOCUMENT)
    node.same(start)


def test_without_a_key_there_is_none_to_make(node):
    without = {"xfrm_state": [dict(entry, key_file=None) for entry in DOCUMENT["xfrm_state"]]}
    with pytest.raises(Conflict, match="xfrm state to 198.18.0.12 with SPI 0x00001000: there is none yet, and to make one takes key_file"):
        node.apply(without)
    node.apply(DOCUMENT)
    node.settled(without)


def test_somebodys_state_in_the_way(node):
    node.sh("ip xfrm state add src %s dst %s %s mode tunnel aead 'rfc4106(gcm(aes))' 0x%s 128" % (HERE, THERE, ESP, "0a" * 36))
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict, match="xfrm state to 198.18.0.12 with SPI 0x00001000: there is already such a state, not made by this fabric"):
            node.apply(DOCUMENT, check=check)
    node.same(start)


def test_states_of_others_are_left_alone(node):
    node.sh("ip xfrm state add src %s dst %s proto esp spi 0x2000 mode tunnel enc 'cbc(aes)' 0x%s auth 'hmac(sha256)' 0x%s"
            % (HERE, THERE, "0b" * 16, "0c" * 32))
    node.sh("ip xfrm state add src %s dst %s %s mark 5 mask 0xff mode tunnel aead 'rfc4106(gcm(aes))' 0x%s 128" % (HERE, THERE, ESP, "0d" * 36))
    start = node.snapshot()
    node.apply(DOCUMENT)
    node.settled(DOCUMENT)
    node.apply({})
    node.same(start)
