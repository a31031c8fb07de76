# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipes: what each backend puts on a node, by the backend's name.

A recipe is a module of pure functions:

- C(check(options)): what is wrong with the backend's own variables, as C((variable, value, expectation));
- C(kernel_modules(fabric)): what the kernel of every node has to have;
- C(document(fabric, node)): all that the fabric wants on that node, for the C(network) module;
- C(files(fabric, node, mtu)): the files that belong to the backend, for the C(file_set) module;

and of what else there is in C(_defaults), with what most backends have: pools of addresses, variables that each node says for itself, packages,
services, what verify measures.

C(options) are the backend's variables without their prefix, C(fabric) is one fabric of the model (see C(cluster)), C(mtu) the number of
bytes that C(network) found for C(auto).
"""

from __future__ import annotations

from . import _defaults, calico, flannel, weave


class Recipe:
    """A backend's recipe, and where it has nothing of its own the defaults."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module if hasattr(self._module, name) else _defaults, name)


_RECIPES = {"calico": Recipe(calico), "flannel": Recipe(flannel), "weave": Recipe(weave)}


def names():
    """The backends there are."""
    return sorted(_RECIPES)


def get(backend):
    """The recipe of a backend."""
    return _RECIPES[backend]
