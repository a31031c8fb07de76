# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Against the implementation that ansible-core brings along on the controller."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _x25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st


@given(st.binary(min_size=32, max_size=32))
@example(b"\0" * 32)
@example(b"\xff" * 32)
def test_a_public_key(raw):
    expected = base64.b64encode(X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()).decode()
    assert _x25519.public(base64.b64encode(raw)) == expected


@pytest.mark.parametrize("text", [b"", b"AAAA", b"no key", base64.b64encode(b"x" * 33)])
def test_what_is_no_key(text):
    with pytest.raises(ValueError):
        _x25519.public(text)
