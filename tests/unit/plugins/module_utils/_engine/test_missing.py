# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with keys that a run writes before the engine is asked: in check mode they are yet to come."""

import engine_model
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.document import parse
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.missing import prerequisites, to_provide
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner

PEER = {"public_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="}


def wanted(path):
    document = {
        "wireguard": [{"name": "wg0", "private_key_file": str(path / "made"), "peers": [dict(PEER, preshared_key_file=str(path / "coming"))]}],
        "xfrm_state": [{"src": "192.0.2.1", "dst": "192.0.2.2", "spi": 4096, "key_file": str(path / "coming")}],
    }
    return parse(document, Owner("blue", 160))


def checked(found):
    for name in ("wireguard", "xfrm_state"):
        for key, item in found[name].items():
            KINDS[name].check(engine_model.bare(), key, item, Owner("blue", 160))


def test_a_file_that_is_to_come_is_listed_once_and_no_error(tmp_path):
    found = wanted(tmp_path)
    assert prerequisites(found, check=True) == [str(tmp_path / "coming")]
    checked(found)


def test_without_check_mode_it_is_an_error(tmp_path):
    found = wanted(tmp_path)
    assert prerequisites(found, check=False) == []
    with pytest.raises(FabricError, match="coming: expected .*there is no such file"):
        checked(found)


def test_one_that_holds_something_else_is_an_error_in_check_mode_too(tmp_path):
    (tmp_path / "coming").write_text("something else")
    found = wanted(tmp_path)
    assert prerequisites(found, check=True) == []
    with pytest.raises(FabricError, match="it holds something else"):
        checked(found)


def test_a_file_is_told_beside_packages():
    assert to_provide(["pyroute2", "/etc/clusternet/fabric/wireguard.key"]) == ["python3-pyroute2", "/etc/clusternet/fabric/wireguard.key"]
