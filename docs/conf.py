"""How Sphinx makes the site of this repository's own pages, where they lie: `make docs`."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.ext.autodoc.mock import _MockObject

project, author, html_title = "rsexplore", "The rsexplore authors", "rsexplore"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns, exclude_patterns = ["*.md", "docs/*.md", "notebooks/*.ipynb"], ["build", ".*"]
suppress_warnings = ["ref.python"]  # a name that stands in two modules
html_theme = "furo"
html_copy_source = html_show_search_summary = False  # the summaries of a search need a server
html_math_renderer = "mathml"  # which browsers draw themselves: no script, and no fonts from elsewhere
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # notebooks are stored as they ran
default_role = "code"  # of names in docstrings
autodoc_member_order = "bysource"
# the signatures of what needs these are read without them
autodoc_mock_imports = ["torch", "safetensors", "tqdm", "ipywidgets", "anywidget", "traitlets", "matplotlib"]
_MockObject.__or__ = _MockObject.__ror__ = lambda self, other: self  # in `Tensor | None`


def _math(display: str):
    def visit(translator, node):
        translator.body.append(convert(node.astext(), display=display))
        raise SkipNode

    return visit, None


def _escaped(app, what, name, obj, options, lines):
    # bars are absolute values here, not substitutions; and of its fields a named tuple says nothing
    lines[:] = [line.replace("|", r"\|") for line in lines if not line.startswith("Alias for field number")]


def _opened(app, page, template, context, doctree):
    # files that lie beside the pages, such as the explorer, are opened
    context["body"] = context.get("body", "").replace(' download=""', "")


def setup(app):
    """Sphinx calls this."""
    app.add_html_math_renderer("mathml", _math("inline"), _math("block"))
    app.connect("autodoc-process-docstring", _escaped, priority=400)  # before napoleon
    app.connect("html-page-context", _opened)
