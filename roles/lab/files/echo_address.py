# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer every TCP connection with the address it came from, as one line: what masquerade shows to the world."""

import ipaddress
import socket
import socketserver
import sys


class EchoAddress(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self):
        address = ipaddress.ip_address(self.client_address[0])
        # IPv4 comes to a socket of IPv6 in a form of its own.
        self.request.sendall(('%s\n' % (getattr(address, 'ipv4_mapped', None) or address)).encode('ascii'))


class Server(socketserver.ThreadingTCPServer):
    """A client that stays connected holds up nobody else."""

    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


if __name__ == '__main__':
    with Server(('::', int(sys.argv[1])), EchoAddress) as server:
        server.serve_forever()
