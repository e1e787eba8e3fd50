"""Templates: HTML is escaped whatever it is given, Markdown is not, and a name that is missing is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from sentinel.observe.template import render


def test_values_are_escaped_in_html_and_stand_as_they_are_in_markdown(tmp_path: Path) -> None:
    for kind, shown in (("html", "&lt;b&gt; &#34;x&#34; {{ 1 }}"), ("md", '<b> "x" {{ 1 }}')):
        template = tmp_path / f"page.{kind}.j2"
        template.write_text("{{ value }}\n")
        assert render(template, value='<b> "x" {{ 1 }}') == shown + "\n"


def test_numbers_are_written_as_the_template_says(tmp_path: Path) -> None:
    template = tmp_path / "page.md.j2"
    template.write_text('{{ 1234.5 | number(",.2f") }} {{ 0.123 | percent }} {{ 0.5 | percent("+.0f") }}')
    assert render(template) == "1,234.50 12.3 +50"


def test_a_name_that_is_not_given_is_an_error(tmp_path: Path) -> None:
    """Rather than an empty cell that nobody notices."""
    template = tmp_path / "page.md.j2"
    template.write_text("{{ share.low }}")
    missing: list[dict[str, Any]] = [{}, {"share": {}}]
    for values in missing:
        with pytest.raises(UndefinedError):
            render(template, **values)
