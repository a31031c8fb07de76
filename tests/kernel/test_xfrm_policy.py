# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPsec policies: whose they are, and what is left alone."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict
from engine_documents import policy, tunnel

pytestmark = [pytest.mark.kernel, pytest.mark.needs("xfrm_policy")]

OUT = "src 10.244.1.0/24 dst 10.244.2.0/24 dir out"
TEMPLATE = "tmpl src 198.18.0.11 dst 198.18.0.12 proto esp reqid 11 mode tunnel"
DOCUMENT = {"xfrm_policy": tunnel()}


def test_it_is_what_ip_xfrm_makes(node):
    node.apply(DOCUMENT)
    by_engine = node.sh("ip xfrm policy")
    node.apply({})
    node.sh("""
    ip xfrm policy add %s %s
    ip xfrm policy add src 10.244.2.0/24 dst 10.244.1.0/24 dir in tmpl src 198.18.0.12 dst 198.18.0.11 proto esp reqid 11 mode tunnel
    ip xfrm policy add src 10.244.2.0/24 dst 10.244.1.0/24 dir fwd tmpl src 198.18.0.12 dst 198.18.0.11 proto esp reqid 11 mode tunnel
    """ % (OUT, TEMPLATE))
    assert node.sh("ip xfrm policy") == by_engine


def test_somebodys_policy_in_the_way(node):
    node.sh("ip xfrm policy add %s action block" % OUT)
    start = node.snapshot()
    for check in (True, False):
        with pytest.raises(Conflict, match="xfrm policy out from 10.244.1.0/24 to 10.244.2.0/24: there is already such a policy, not made by this"):
            node.apply(DOCUMENT, check=check)
    node.same(start)


def test_somebodys_policy_that_is_as_wanted_is_used_and_stays(node):
    node.sh("ip xfrm policy add %s %s" % (OUT, TEMPLATE))
    start = node.snapshot()
    assert node.apply(DOCUMENT).counts() == {"add": {"xfrm_policy": 2}}
    node.settled(DOCUMENT)
    node.apply({})
    node.same(start)


def test_another_fabrics_policy(node):
    node.apply(DOCUMENT, "green", 161)
    start = node.snapshot()
    with pytest.raises(Conflict, match="there is already such a policy, which belongs to fabric green; delete it first"):
        node.apply(DOCUMENT)
    node.apply({})
    node.same(start)


@pytest.mark.parametrize("narrowed", ["proto tcp dport 80", "proto udp"])
def test_policies_that_are_narrowed_are_left_alone(node, narrowed):
    node.sh("ip xfrm policy add src 10.244.1.0/24 dst 10.244.2.0/24 %s dir out" % narrowed)
    node.sh("ip xfrm policy add %s mark 5 mask 0xff action block" % OUT)
    start = node.snapshot()
    node.apply(DOCUMENT)
    node.settled(DOCUMENT)
    node.apply({})
    node.same(start)


def test_drift_is_mended(node):
    node.apply(DOCUMENT)
    node.sh("ip xfrm policy update %s action block; ip xfrm policy delete src 10.244.2.0/24 dst 10.244.1.0/24 dir fwd" % OUT)
    assert node.apply(DOCUMENT).counts() == {"change": {"xfrm_policy": 1}, "add": {"xfrm_policy": 1}}
    node.settled(DOCUMENT)


def test_many(node):
    start = node.snapshot(sysctls=False)
    document = {"xfrm_policy": [policy("out", "10.0.0.0/24", "10.%d.%d.0/24" % (1 + n // 256, n % 256)) for n in range(1000)]}
    node.apply(document)
    node.settled(document)
    node.apply({})
    node.same(start, sysctls=False)
