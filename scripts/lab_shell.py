# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell, or one command, in a lab node or in a namespace of the lab's underlay.

    scripts/lab-shell node1
    scripts/lab-shell node1 -- ip route
    scripts/lab-shell --netns switch -- tcpdump -ni node1
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'plugins' / 'module_utils'))

import _lab  # noqa: E402


def command_line(args):
    """What to execute. Raises NotRunning."""
    command = args.command[1:] if args.command[:1] == ['--'] else args.command
    if args.netns:
        path = _lab.netns_path(args.lab, args.target)
        if not os.path.exists(path):
            raise _lab.NotRunning('namespace "%s" of lab "%s" does not exist (%s): run playbooks/lab_up.yml' % (
                args.target, args.lab, path))
        return ['nsenter', '--net=' + path, '--'] + (command or ['bash'])
    return _lab.enter(_lab.leader(args.lab, args.target), command or ['bash', '--login'])


def main():
    parser = argparse.ArgumentParser(prog='lab-shell', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--lab', default=os.environ.get('CLUSTERNET_LAB_NAME') or 'lab',
                        help='name of the lab (default: %(default)s)')
    parser.add_argument('--netns', action='store_true',
                        help='the target is a network namespace: switch, router, outside or a node')
    parser.add_argument('target', help='the node')
    parser.add_argument('command', nargs=argparse.REMAINDER, help='instead of a shell')
    args = parser.parse_args()
    if os.geteuid() != 0:
        return 'lab-shell: entering a node needs root'
    # A command in a namespace of the underlay uses the host's files, and so the caller's environment.
    environment = dict(os.environ) if args.netns else dict(_lab.ENVIRONMENT, TERM=os.environ.get('TERM', 'dumb'))
    try:
        command = command_line(args)
        sys.stdout.flush()
        os.execvpe(command[0], command, environment)
    except (_lab.NotRunning, OSError) as exc:
        return 'lab-shell: %s' % exc


if __name__ == '__main__':
    sys.exit(main())
