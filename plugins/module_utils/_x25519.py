# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public key of a WireGuard key: the function X25519 of RFC 7748 (section 5) with base point 9. A node needs no tool and no library for it.

Not in constant time: it is asked once a run, by root, for a key that is on this machine.
"""

from __future__ import annotations

import base64

PRIME = 2**255 - 19
A24 = 121665
BASE = 9


def public(private):
    """The public key in base64 of a private key in base64. Raises ValueError for what is no key of 32 bytes."""
    raw = base64.b64decode(private, validate=True)
    if len(raw) != 32:
        raise ValueError("%d bytes" % len(raw))
    scalar = bytearray(raw)
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    return base64.b64encode(_multiply(int.from_bytes(scalar, "little"), BASE).to_bytes(32, "little")).decode()


def _multiply(scalar, point):
    """The ladder of Montgomery, with the names of the RFC."""
    x2, z2, x3, z3, swap = 1, 0, point, 1, 0
    for bit in reversed(range(255)):
        now = scalar >> bit & 1
        if swap ^ now:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = now
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % PRIME, b * b % PRIME, d * a % PRIME, c * b % PRIME
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % PRIME, point * (da - cb) ** 2 % PRIME
        x2, z2 = aa * bb % PRIME, e * (aa + A24 * e) % PRIME
    if swap:
        x2, z2 = x3, z3
    return x2 * pow(z2, PRIME - 2, PRIME) % PRIME
