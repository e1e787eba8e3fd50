"""Debian's Chromium, driven by Playwright, and what is to be found on no page: errors, overflow, faults of use."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import debian

from sentinel.cli.setup import npm

SERIOUS = ("serious", "critical")  # faults that axe-core names so
WIDTHS = (390, 1440)
SCHEMES: tuple[Any, ...] = ("light", "dark")


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """The browser. Fails with what to install if it is missing."""
    from playwright.async_api import async_playwright

    (program,) = debian.command("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def opened_page(browser: Any, *, expected: str = "nothing", **context: Any) -> AsyncIterator[Any]:
    """A page of its own. What it complains about fails the test, but for what contains `expected`."""
    made = await browser.new_context(**context)
    page, complaints = await made.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await made.close()
    assert [complaint for complaint in complaints if expected not in complaint] == []


async def faults(page: Any) -> list[str]:
    """What axe-core finds serious, each as its rule and the place."""
    (package,) = npm.pinned("page")
    script = (package.folder / "package" / "axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(script)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


async def look(page: Any, name: str, folder: Path, *, audit: bool) -> None:
    """Take the picture, and check that nothing is wider than the screen; by `audit` also that axe-core finds nothing
    serious."""
    await page.screenshot(path=folder / f"{name}.png", full_page=True)
    wide, screen = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= screen, name
    if audit:
        assert await faults(page) == [], name
