"""How Sphinx builds the documentation: `make docs`."""

from importlib.metadata import version as installed_version

project = "podwire"
author = "the podwire authors"
project_copyright = "2026, the podwire authors"
version = release = installed_version("podwire")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"

html_theme = "furo"
html_title = "podwire"
