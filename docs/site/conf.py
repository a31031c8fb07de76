# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as a site (`make docs`): the pages of docs/ and what the plugins, modules and roles say of themselves."""

project = "clusternet.fabric"
author = "clusternet.fabric contributors"
copyright = "2026, clusternet.fabric contributors"  # pylint: disable=redefined-builtin
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 4
html_theme = "sphinx_ansible_theme"
html_theme_options = {"vcs_pageview_mode": "raw", "documentation_home_url": "", "topbar_links": {}}
html_show_sourcelink = False

# Labels of Ansible's own documentation, which is not looked up here: these are shown as text. Any other without a target is an error.
ELSEWHERE = ("ansible_collections.ansible.", "ansible_collections.community.", "common_return_values", "action_plugins", "ansible_configuration_settings")


def setup(app):
    """Called by Sphinx."""
    app.connect("missing-reference", lambda app, env, node, text: text if node.get("reftarget", "").startswith(ELSEWHERE) else None)
