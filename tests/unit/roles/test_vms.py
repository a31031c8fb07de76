# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the virtual machines can be tested without one."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.clusternet.fabric.plugins.filter import vms_links
from ansible_collections.clusternet.fabric.plugins.plugin_utils import lab_underlay

FILES = pathlib.Path(__file__).resolve().parents[3] / 'roles/vms/files'


@pytest.fixture(name='files')
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(FILES))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, FILES / (name + '.py'))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop('cpio', None)


def test_links_tell_the_segment_by_the_address():
    links = vms_links.vms_links({'node1': '198.18.0.11', 'node3': '198.18.16.13'})
    assert links['node1'] == {'segment': 'a', 'address': '198.18.0.11/20', 'gateway': '198.18.0.1', 'mac': '02:00:c6:12:00:0b', 'port': 22011}
    assert links['node3']['segment'] == 'b' and links['node3']['gateway'] == '198.18.16.1'
    assert links['node3']['port'] != links['node1']['port']


@pytest.mark.parametrize('address', ['198.18.0.1', '198.18.32.2', '10.0.0.1', 'node1'])
def test_an_address_of_no_machine_is_refused(address):
    with pytest.raises(AnsibleFilterError, match='vms_addresses.node1'):
        vms_links.vms_links({'node1': address})


def test_one_address_for_two_is_refused():
    with pytest.raises(AnsibleFilterError, match='node1, node2'):
        vms_links.vms_links({'node1': '198.18.0.11', 'node2': '198.18.0.11'})


def test_the_underlay_is_the_lab_s_without_nodes():
    names = [entry['name'] for entry in lab_underlay.vms_underlay('vm')['document']['netns']]
    assert names == ['vm-switch', 'vm-router', 'vm-outside']


def test_archive_entries_are_aligned_and_carry_their_owner(files):
    archive = files('cpio').Archive()
    archive.file('a/b', b'12345', 0o600, owner=1000)
    data = archive.data()
    names, position = [], 0
    while position < len(data):
        fields = [int(data[position + 6 + 8 * index:position + 14 + 8 * index], 16) for index in range(13)]
        name = data[position + 110:position + 110 + fields[11] - 1].decode()
        names.append((name, oct(fields[1]), fields[2], fields[6]))
        position += (110 + fields[11] + 3) // 4 * 4 + (fields[6] + 3) // 4 * 4
    assert names == [('a', '0o40755', 0, 0), ('a/b', '0o100600', 1000, 5), ('TRAILER!!!', '0o0', 0, 0)]


def test_modules_come_after_those_they_need(files, tmp_path):
    (tmp_path / 'modules.dep').write_text('k/ext4.ko: k/jbd2.ko k/mbcache.ko\nk/jbd2.ko:\nk/mbcache.ko:\nk/virtio-net.ko: k/jbd2.ko\n')
    (tmp_path / 'modules.builtin').write_text('k/virtio_pci.ko\n')
    order = files('image').module_order(tmp_path, ('virtio_pci', 'virtio_net', 'ext4'))
    assert order == ['k/jbd2.ko', 'k/virtio-net.ko', 'k/mbcache.ko', 'k/ext4.ko']
    with pytest.raises(RuntimeError, match='no module nowhere'):
        files('image').module_order(tmp_path, ('nowhere',))
