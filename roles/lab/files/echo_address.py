# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer every TCP connection with the address it came from, as one line: what masquerade shows to the world."""

import socketserver
import sys


class EchoAddress(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self):
        self.request.sendall(('%s\n' % self.client_address[0]).encode('ascii'))


class Server(socketserver.ThreadingTCPServer):
    """A client that stays connected holds up nobody else."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == '__main__':
    with Server(('0.0.0.0', int(sys.argv[1])), EchoAddress) as server:
        server.serve_forever()
