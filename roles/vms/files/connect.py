# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""connect.py NAMESPACE PORT: a connection to a port on a network namespace's 127.0.0.1, for ssh.

ssh runs it as ProxyCommand with ProxyUseFdpass: the open connection itself is handed over, and nothing stays between.
"""

import os
import socket
import sys


def main():
    path, port = sys.argv[1], int(sys.argv[2])
    if os.environ.get('CLUSTERNET_INSIDE') != path:
        # Python can enter a namespace by itself only from 3.12 on.
        arguments = ['nsenter', '--net=' + path, '--', sys.executable, os.path.abspath(__file__), path, str(port)]
        os.execvpe(arguments[0], arguments, dict(os.environ, CLUSTERNET_INSIDE=path))
    connection = socket.create_connection(('127.0.0.1', port), timeout=10)
    connection.setblocking(True)
    with socket.socket(fileno=os.dup(1)) as ssh:
        socket.send_fds(ssh, [b'\0'], [connection.fileno()])


if __name__ == '__main__':
    try:
        main()
    except OSError as exc:
        sys.exit('vm connection: %s' % exc)
