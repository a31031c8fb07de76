#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r'''
module: lab
short_description: Boot and stop the nodes of a lab on this machine
version_added: 0.1.0
description:
  - Boots any number of nodes at once. Each is this machine's own root file system under an overlay in memory, with a
    systemd of its own, in a network namespace C(<lab>-<node>) that exists already.
  - Also keeps plain processes running in namespaces of the lab.
  - What a killed run left behind (dead nodes, live mounts, processes nobody wrote down) is recognised and cleared.
  - State is kept under C(/run/clusternet-lab/<lab>). Nothing outside it is written, save
    C(fs.inotify.max_user_instances), which is raised where the nodes need it and put back when they are gone.
  - Where the kernel has C(br_netfilter) as a module that is not loaded, it is loaded for the nodes and switched off for this
    machine's own bridges. With the last lab it goes, unless somebody else has come to use it.
author:
  - clusternet.fabric contributors (@clusternet)
options:
  name:
    description: Name of the lab. Several labs live side by side.
    type: str
    default: lab
  state:
    description:
      - V(present) makes the lab run exactly O(nodes) and O(processes); others of the same lab end.
      - V(absent) ends everything of the lab and leaves no process, mount or file of it. Its network namespaces are not
        touched; remove them before, and with the last lab C(/run/netns) goes too when it is empty.
    type: str
    choices: [present, absent]
    default: present
  nodes:
    description: Names of the nodes.
    type: list
    elements: str
    default: []
  processes:
    description: Plain processes to keep running.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the process in the lab. No node may have it.
        type: str
        required: true
      netns:
        description: Its network namespace, without the name of the lab.
        type: str
        required: true
      command:
        description: Program and arguments.
        type: list
        elements: str
        required: true
  timeout:
    description: Seconds that a node may take from its start until it is up.
    type: int
    default: 60
  at_once:
    description: How many nodes boot at the same time. V(0) takes four for each processor.
    type: int
    default: 0
requirements:
  - systemd-nspawn and util-linux, root
attributes:
  check_mode:
    description: Can run in check mode and return what it would do.
    support: full
  diff_mode:
    description: Returns the names that run before and after.
    support: full
seealso:
  - plugin: clusternet.fabric.lab
    plugin_type: connection
'''

EXAMPLES = r'''
- name: Two nodes in namespaces that exist
  clusternet.fabric.lab:
    name: demo
    nodes: [node1, node2]

- name: Nothing is left of them
  clusternet.fabric.lab:
    name: demo
    state: absent
'''

RETURN = r'''
started:
  description: Names of nodes and processes that were started.
  returned: success
  type: list
  elements: str
stopped:
  description: Names of nodes and processes that were ended, or whose remains were cleared.
  returned: success
  type: list
  elements: str
nodes:
  description: The process id of each node's PID 1, as this machine sees it.
  returned: success
  type: dict
  sample: {node1: 4711}
failures:
  description: The last lines on the console of each node that did not come up.
  returned: failure
  type: dict
'''

import os
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.clusternet.fabric.plugins.module_utils import _lab, _lab_host, _lab_launch, _lab_node


def check_names(module):
    names = module.params['nodes'] + [item['name'] for item in module.params['processes']]
    labelled = [('name', module.params['name'])] + [('nodes', node) for node in module.params['nodes']]
    labelled += [('processes.name', item['name']) for item in module.params['processes']]
    for field, value in labelled:
        if not _lab.NAME_PATTERN.match(value):
            module.fail_json(msg='%s: "%s" is no usable name: %s' % (field, value, _lab.NAME_EXPECTED))
    for name in names:
        if names.count(name) > 1 or name == 'fs':
            reason = 'reserved' if name == 'fs' else 'used twice'
            module.fail_json(msg='nodes, processes: "%s" is %s: choose another name' % (name, reason))


def check_host(module):
    if os.geteuid() != 0:
        module.fail_json(msg='a lab mounts, boots and enters namespaces: run as root')
    module.get_bin_path('systemd-nspawn', required=True)
    separate = _lab_node.separate_mounts()
    if separate:
        module.fail_json(msg='%s on a file system of its own: a node, whose root is an overlay of /, would see it empty; '
                         'use a machine with one root file system' % ', '.join(separate))
    for node in module.params['nodes']:
        path = _lab.netns_path(module.params['name'], node)
        if not os.path.exists(path) and not module.check_mode:
            module.fail_json(msg='nodes: "%s" has no namespace %s: apply the underlay document first' % (node, path))


def bring_up(module, lab, plan):
    nodes = module.params['nodes']
    _lab_host.settle_inotify(lab.name, len(nodes))
    if nodes:
        _lab_host.lend_bridge_filter()
    lab.stop(plan['stop'])
    at_once = module.params['at_once'] or 4 * (os.cpu_count() or 1)
    failures = _lab_node.boot(lab.starter, lab.name, plan['boot'], module.params['timeout'], at_once)
    if failures:
        first = failures[sorted(failures)[0]]
        module.fail_json(msg='not up: %s. %s' % (', '.join(sorted(failures)), ' | '.join(first)), failures=failures)
    for item in plan['start']:
        lab.start_process(item)


def lines(names):
    return ''.join(name + '\n' for name in names)


def run(module):
    present = module.params['state'] == 'present'
    lab = _lab_host.Lab(module.params['name'])
    nodes, processes = (module.params['nodes'], module.params['processes']) if present else ([], [])
    existed = os.path.isdir(lab.folder)
    before = sorted(name for name in lab.present() if _lab.read_record(lab.name, name))
    plan = lab.plan(nodes, processes)
    started = plan['boot'] + [item['name'] for item in plan['start']]
    result = {'started': started, 'stopped': plan['stop']}
    result['changed'] = bool(plan['stop'] or started or (existed and not present))
    if module._diff:
        after = sorted(nodes + [item['name'] for item in processes])
        result['diff'] = {'before': lines(before), 'after': lines(after)}
    if not module.check_mode and (result['changed'] or nodes or processes):
        with _lab_host.locked(lab.folder):
            plan = lab.plan(nodes, processes)  # again: another run may have just ended
            if present:
                bring_up(module, lab, plan)
            else:
                lab.stop(plan['stop'])
                lab.clear()
        if not present:
            _lab_host.leave_host()
    result['nodes'] = dict((node, (_lab.read_record(lab.name, node) or {}).get('pid')) for node in nodes)
    return result


def main():
    process = {
        'name': {'type': 'str', 'required': True},
        'netns': {'type': 'str', 'required': True},
        'command': {'type': 'list', 'elements': 'str', 'required': True},
    }
    module = AnsibleModule(
        argument_spec={
            'name': {'type': 'str', 'default': 'lab'},
            'state': {'type': 'str', 'choices': ['present', 'absent'], 'default': 'present'},
            'nodes': {'type': 'list', 'elements': 'str', 'default': []},
            'processes': {'type': 'list', 'elements': 'dict', 'default': [], 'options': process},
            'timeout': {'type': 'int', 'default': 60},
            'at_once': {'type': 'int', 'default': 0},
        },
        supports_check_mode=True,
    )
    check_names(module)
    if module.params['state'] == 'present':
        check_host(module)
    try:
        module.exit_json(**run(module))
    except (_lab_launch.StartError, _lab.NotRunning, OSError) as exc:
        module.fail_json(msg='lab %s: %s' % (module.params['name'], exc), exception=traceback.format_exc())


if __name__ == '__main__':
    main()
