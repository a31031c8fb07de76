# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the lab, as ansible-inventory reads it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(name="read")
def fixture_read(tmp_path):
    def read(text="", **environment):
        path = tmp_path / "lab.yml"
        path.write_text("plugin: clusternet.fabric.lab\n" + text, encoding="utf-8")
        return read_inventory(path, **environment)

    return read


def read_inventory(path, **environment):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CLUSTERNET_", "ANSIBLE_"))}
    clean.update(environment, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1")
    program = pathlib.Path(sys.executable).parent / "ansible-inventory"
    done = subprocess.run([str(program), "-i", str(path), "--list", "--export"], env=clean, cwd=ROOT, check=False,
                          capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


def text_of(value):
    """Ansible marks what a plugin made as not to be templated."""
    return value["__ansible_unsafe"] if isinstance(value, dict) else value


def test_three_nodes_by_default(read):
    inventory = read()
    assert inventory["fabric"]["hosts"] == ["node1", "node2", "node3"]
    variables = {key: text_of(value) for key, value in inventory["_meta"]["hostvars"]["node3"].items()}
    assert variables == {
        "ansible_connection": "clusternet.fabric.lab",
        "ansible_python_interpreter": "/usr/bin/python3",
        "clusternet_lab_node": "node3",
        "fabric_node_ip": "198.18.16.13",
        "fabric_node_ip6": "fd00:198:18:16::13",
    }
    assert inventory["all"]["vars"] == {"clusternet_lab_name": "lab", "clusternet_lab_nodes": 3, "clusternet_lab_segments": 2}


def test_options(read):
    inventory = read("name: other\nnodes: 20\nsegments: 1\ngroup: machines\n")
    assert len(inventory["machines"]["hosts"]) == 20
    assert inventory["all"]["vars"] == {"clusternet_lab_name": "other", "clusternet_lab_nodes": 20, "clusternet_lab_segments": 1}
    assert text_of(inventory["_meta"]["hostvars"]["node3"]["fabric_node_ip"]) == "198.18.0.13"


@pytest.mark.parametrize(("text", "message"), [
    ("nodes: 0\n", "expected 1 to 1000"),
    ("segments: 3\n", "lab segments: 3 is no usable number: expected 1, all nodes side by side, or 2"),
    ("name: a/b\n", '"a/b" is no usable name'),
])
def test_bad_options_are_named(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_the_environment_chooses_in_the_checkouts_own_inventory():
    inventory = read_inventory(ROOT / "inventory" / "lab", CLUSTERNET_LAB_NODES="2", CLUSTERNET_LAB_NAME="other")
    assert inventory["fabric"]["hosts"] == ["node1", "node2"]
    assert inventory["all"]["vars"]["clusternet_lab_name"] == "other"
