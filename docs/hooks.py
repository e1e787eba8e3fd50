"""Hooks of mkdocs.yml: pages that live elsewhere in the checkout, and links that lead out of docs/.

The pages are read in the checkout too, so their links are relative to it. A link to a page of the site is rewritten to
that page. A link to any other file becomes the file's path, since the site has no source.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ELSEWHERE = {  # page of the site: file of the checkout
    "readme.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
    "examples.md": "examples/README.md",
}
PAGES = {(ROOT / source).resolve(): page for page, source in ELSEWHERE.items()}
FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
log = logging.getLogger("mkdocs.hooks.docs")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """`FOLDER/*` in the navigation stands for all pages of the folder, in order."""
    config.nav = _expanded(config.nav)
    return config


def _expanded(nav: Any) -> Any:
    if isinstance(nav, list):
        return [_expanded(item) for item in nav]
    if isinstance(nav, dict):
        return {title: _expanded(inner) for title, inner in nav.items()}
    if isinstance(nav, str) and nav.endswith("/*"):
        return [f"{nav[:-1]}{path.name}" for path in sorted((DOCS / nav[:-2]).glob("*.md"))]
    return nav


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    here = page.file.src_uri
    source = ROOT / ELSEWHERE[here] if here in ELSEWHERE else DOCS / here
    parts = FENCE.split(markdown)  # every second one is code
    parts[::2] = [LINK.sub(lambda link: _rewritten(link, source, here), part) for part in parts[::2]]
    return "".join(parts)


def _rewritten(link: re.Match[str], source: Path, here: str) -> str:
    picture, text, target, anchor = link.group(1), link.group(2), link.group(3), link.group(4) or ""
    if not target or "://" in target or target.startswith("mailto:"):
        return link.group(0)
    path = (source.parent / target).resolve()
    if path in PAGES:
        place = PAGES[path]
    elif path.is_relative_to(DOCS):
        if path.is_dir():  # its first page stands for it: the navigation shows the others beside it
            path = min(path.glob("*.md"))
        place = path.relative_to(DOCS).as_posix()
    else:
        if not path.exists():
            log.warning("%s: %s is not in the checkout", here, target)
        shown = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else target
        return text if text.strip("`") == shown else f"{text} (`{shown}`)"
    return f"{picture}[{text}]({os.path.relpath(place, Path(here).parent)}{anchor})"
