"""HTML from the templates of this folder: every value is escaped, and what cannot be seen is made visible.

A symbol, a thought or a revert reason may hold characters that turn the direction of writing or take no room. They
would let a text pose as another one, so each is printed as its number: ⟦U+202E⟧.
"""

from __future__ import annotations

import time
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode categories
LAYOUT = "\n\t"


def visible(text: str) -> str:
    """`text` with each character that is not seen as its number."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟦U+{ord(c):04X}⟧" if c not in LAYOUT and unicodedata.category(c) in HIDDEN else c for c in text)


def render(name: str, **values: object) -> str:
    """The page of a template. A missing value is an error."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": format,  # {{ equity | number(",.2f") }}
        "utc": _utc,
        "iso": lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "percent": lambda share, spec="+.2f": f"{format(100 * share, spec)} %",
        "seconds": _seconds,
    }
    return environment


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def _seconds(duration: float) -> str:
    return f"{1000 * duration:.0f} ms" if duration < 1 else f"{duration:.2f} s"
