"""What the site needs of Sphinx beyond its extensions: formulas, tables of settings, docstrings.

Formulas become MathML when the site is built, so that no page loads a script from a distant host.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LIMITS = {"low": "≥", "above": ">", "high": "≤", "below": "<"}


def mathml(*, block: bool) -> Callable[[Any, nodes.Element], None]:
    """The visitor that writes a formula; one that cannot be written is a warning."""

    def visit(translator: Any, node: nodes.Element) -> None:
        try:
            translator.body.append(tex2mathml(node.astext(), as_block=block))
        except MathError as error:
            logging.getLogger(__name__).warning("%s: %s", node.astext(), error, location=node)
        raise nodes.SkipNode

    return visit


class SettingsTable(SphinxDirective):
    """The options of a dataclass of `styletransfer.options.option`s, as a table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A row for each: name, default, values and meaning."""
        module, _, name = self.arguments[0].rpartition(".")
        rows = ["| setting | default | values | meaning |", "|---|---|---|---|"]
        for entry in dataclasses.fields(getattr(importlib.import_module(module), name)):
            meaning = entry.metadata["help"].replace("|", r"\|")
            rows.append(
                f"| `{entry.name}` | {_default(entry.default)} | {_values(entry)} | {meaning} |"
            )
        return self.parse_text_to_nodes("\n".join(rows))


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return "" if value is None else f"`{value}`"


def _values(entry: dataclasses.Field) -> str:
    if entry.metadata["choices"]:
        return ", ".join(f"`{each}`" for each in entry.metadata["choices"])
    limits = entry.metadata["limits"].items()
    return ", ".join(f"{LIMITS[name]} {limit:.10g}" for name, limit in limits)


def as_written(*arguments: Any) -> None:
    """Let a docstring mean what it looks like, where reST and napoleon have other uses for it.

    These are |x|, `Name`s, owner/name@commit, and "text: more text" beneath an attribute.
    """
    what, lines = arguments[1], arguments[-1]
    if what in ("attribute", "data", "property"):  # napoleon has taken the text for a type
        for kind in [line for line in lines if line.startswith(":type: ")]:
            lines.remove(kind)
            lines[0] = f"{kind.removeprefix(':type: ')}: {lines[0]}"
    lines[:] = [re.sub(r"\||\b@\b", r"\\\g<0>", line) for line in lines]
    lines[:] = [re.sub(r"`s\b", r"`\\ s", line) for line in lines]


def without_thebe(*arguments: Any) -> None:
    """Leave out the scripts of sphinx-thebe, which load themselves from a distant host."""
    context = arguments[3]
    context["script_files"] = [
        script for script in context["script_files"] if "thebe" not in str(script)
    ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", without_thebe)
    if "sphinx.ext.autodoc" in app.extensions:
        # autodoc writes into the annotations of the classes that it describes; those of the
        # settings are read when these are imported, which must therefore come first.
        importlib.import_module("styletransfer.explorer")
        importlib.import_module("styletransfer.console")
        app.connect("autodoc-process-docstring", as_written)
    app.add_html_math_renderer("mathml", (mathml(block=False), None), (mathml(block=True), None))
    app.add_directive("settings", SettingsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
