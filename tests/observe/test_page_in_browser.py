"""The pages in a real browser: of a daemon that trades on a local market, and of a journal full of hostile text."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.valuation import whole, whole_quote
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal
from sentinel.journal.performance import steps
from sentinel.journal.reports import Trade
from sentinel.observe.web.html import visible
from tests.attack_tally import Tries
from tests.observe import journaled
from tests.observe.browser import SCHEMES, WIDTHS, chromium, faults, look, opened_page
from tests.observe.journaled import HOSTILE, serving
from tests.observe.page_site import SAMPLES, Site, funded, settings, trading

TOKEN = "a token that only this test knows, 1234"
DRAWN = "#chart-price .u-legend"  # is there once both charts are drawn
PICTURES = os.environ.get("PAGE_PICTURES", "")  # a folder that keeps the pictures


async def test_a_trading_daemon_from_its_page(tmp_path: Path) -> None:
    """Drawn numbers are the journal's, links are permanent, events keep the page live, controls ask, and a restart
    loses nothing; at both widths, light and dark, without a serious fault of use."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    pictures = Path(PICTURES) if PICTURES else tmp_path
    async with chromium() as browser, funded() as devnet:
        given = settings(devnet, tmp_path, token=token)
        async with trading(devnet, tmp_path, given) as site:
            await site.until(lambda: site.confirmed >= 2)
            async with opened_page(browser, expected="status of 401") as page:  # without the token
                await page.goto(site.web)
                await page.wait_for_selector(DRAWN)
                await drawn_numbers_are_the_journals(page, site, tmp_path)
                await it_is_live(page, site)
                address, words = await a_decision(page, site, tmp_path)
                await controls_ask(page, site)
            for width in WIDTHS:
                for scheme in SCHEMES:
                    await pictured(browser, site.web, address, pictures, width, scheme)
            before = await series_of(browser, site.web)
        async with trading(devnet, tmp_path, given) as again, opened_page(browser) as page:
            await page.goto(f"{again.web}{address}")
            assert await page.locator(".verdict .words").inner_text() == words
            after = await series_of(browser, again.web)
            for name in ("at", "block", "equity", "hold", "cash", "marks"):
                assert len(before[name]) >= 2
                assert before[name] == after[name][: len(before[name])], name


async def drawn_numbers_are_the_journals(page: Any, site: Site, folder: Path) -> None:
    journal = Journal.open(folder / "state" / JOURNAL, site.devnet.network, None, None, read_only=True)
    with contextlib.closing(journal):
        recorded = steps(journal.equity.points(), journal.equity.own(), site.devnet.network)
        swaps = [trade for trade in journal.trades(100) if trade.kind == "swap" and trade.settled is not None]
    times, equity, hold, cash = await page.evaluate("document.getElementById('chart-equity').uplot.data")
    drawn = set(zip(times, equity, hold, strict=True))
    for step in recorded[: len(recorded) - 1]:  # the last one may be newer than the drawing
        assert (step.at, *(whole_quote(value, site.devnet.network) for value in (step.equity, step.hold))) in drawn
    assert set(cash) == {equity[0]}
    marks = await page.evaluate("document.getElementById('chart-price').marks")
    assert [mark["price"] for mark in marks] == pytest.approx([price(trade, site) for trade in reversed(swaps)])
    assert len(marks) >= 2
    ink = "(() => { const c = document.querySelector('#chart-equity canvas'); const d = c.getContext('2d')"
    ink += ".getImageData(0, 0, c.width, c.height).data; return new Set(new Uint32Array(d.buffer)).size })()"
    assert await page.evaluate(ink) > 3  # something is painted


def price(trade: Trade, site: Site) -> float:
    assert trade.settled is not None
    coins, money = (
        abs(whole(trade.settled.realised[symbol], symbol, site.devnet.network)) for symbol in ("WETH", "USDC")
    )
    return money / coins


async def it_is_live(page: Any, site: Site) -> None:
    """A new block appears without a reload, by itself."""
    await page.evaluate("window.kept = true")
    for _ in range(2):
        await site.block()
    newest = site.records[-1].head.number
    await page.wait_for_selector(f"#live-decisions a:text-is('block {newest}')")
    assert await page.inner_text("#head") == str(newest)
    assert await page.inner_text("#link-text") == "live"
    assert await page.evaluate("window.kept")


async def a_decision(page: Any, site: Site, folder: Path) -> tuple[str, str]:
    """Follow the oldest confirmed trade to its decision. Returns its permanent link and its words."""
    journal = Journal.open(folder / "state" / JOURNAL, site.devnet.network, None, None, read_only=True)
    with contextlib.closing(journal):
        first = [trade for trade in journal.trades(100) if trade.kind == "swap" and trade.settled is not None][-1]
        record = journal.get_cycle(first.intent_id)
        assert first.settled is not None
        realised = first.settled.realised
    await page.locator("#live-trades td.words a").last.click()
    await page.wait_for_selector("#h-stages")
    link = page.locator(".verdict a")
    address = await link.get_attribute("href")
    await link.click()
    await page.wait_for_url(f"**{address}")
    for symbol in ("WETH", "USDC"):
        cells = await page.locator(f"[data-effect='{symbol}'] td").all_inner_texts()
        simulated = first.simulated[symbol]
        shown = [f"{whole(amount, symbol, site.devnet.network):+,.8g}" for amount in (simulated, realised[symbol])]
        assert cells[:2] == shown
    for axis in await page.locator("figure.scale svg").all():
        counts = {
            fate: sum(
                [int(await dot.get_attribute("data-count")) for dot in await axis.locator(f"circle.{fate}").all()]
            )
            for fate in ("agrees", "outside", "refused")
        }
        assert counts == {"agrees": record.decision.votes, "outside": 0, "refused": 1}
    assert await page.locator("#h-fates ~ div tbody tr").count() == SAMPLES
    rules = await page.locator("[aria-label='Verdicts on the final bytes'] tbody th").all_inner_texts()
    assert rules == [verdict.rule for verdict in record.verdicts]
    groups = await page.locator(".sample > p:first-child > .tag:first-child").all_inner_texts()
    assert groups[0].split() == [str(SAMPLES - 3), "\N{MULTIPLICATION SIGN}"]
    return str(address), str(await page.locator(".verdict .words").inner_text())


async def controls_ask(page: Any, site: Site) -> None:
    """Nothing is done by the first click, nor without the token; a confirmed pause is in the journal."""
    journal = site.app.parts.journal
    await page.goto(site.web)
    await page.click("[data-control=pause]")
    await page.wait_for_selector("#control-result.bad:has-text('SENTINEL_WEB__CONTROL_TOKEN_FILE')")
    await page.fill("#token", TOKEN)
    await page.fill("#reason", "lunch")
    await page.click("[data-control=pause]")
    await page.wait_for_selector("dialog[open]:has-text('lunch')")
    assert journal.halt_reason is None
    await page.click("#ask-no")
    await page.wait_for_selector("#control-result:has-text('Nothing was done.')")
    assert journal.halt_reason is None
    await page.click("[data-control=pause]")
    await page.click("#ask-yes")
    await page.wait_for_selector("#control-result:has-text('Done: pause.')")
    assert journal.halt_reason == "lunch"
    await page.reload()
    await page.wait_for_selector("#live-halt:has-text('lunch')")
    await page.fill("#token", TOKEN)
    await page.click("[data-control=resume]")
    await page.click("#ask-yes")
    await page.wait_for_selector("#control-result:has-text('Done: resume.')")
    assert journal.halt_reason is None


async def pictured(browser: Any, web: str, address: str, folder: Path, width: int, scheme: Any) -> None:
    audit = (width, scheme) in zip(WIDTHS, SCHEMES, strict=True)  # each width and each scheme once
    async with opened_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        await page.goto(web)
        await page.wait_for_selector(DRAWN)
        await look(page, f"status-{width}-{scheme}", folder, audit=audit)
        for name, path in (("decision", address), *([("decisions", "/decisions")] if audit else [])):
            await page.goto(f"{web}{path}")
            await look(page, f"{name}-{width}-{scheme}", folder, audit=audit)


async def series_of(browser: Any, web: str) -> Any:
    async with opened_page(browser) as page:
        await page.goto(f"{web}/decisions")
        return await page.evaluate("fetch('/series/all.json').then(answer => answer.json())")


@pytest.mark.attack("hostile text in a browser", "contained")
async def test_hostile_text_is_inert_in_a_browser(tmp_path: Path, tries: Tries) -> None:
    """Even without the policy that forbids foreign scripts: no script runs, no element of it exists, no writing
    direction turns."""
    path, network = tmp_path / "journal.sqlite3", journaled.hostile_network()
    seqs = journaled.write(path, network)
    order = {
        "reading": HOSTILE, "words": HOSTILE + " ", "judgements": [HOSTILE], "status": HOSTILE, "by": HOSTILE,
        "approved_at": 1, "trades": 1, "reason": HOSTILE, "now": HOSTILE,
    }  # fmt: skip
    status = {"order": order, "paused": HOSTILE, "proposer": HOSTILE, "state": HOSTILE}
    async with (
        chromium() as browser,
        serving(path, network, status=status) as board,
        opened_page(browser, bypass_csp=True) as page,
    ):
        for address in ("/", "/decisions", *(f"/decisions/{seq}" for seq in seqs)):
            await page.goto(f"{board.web}{address}")
            if address == "/":
                await page.wait_for_selector(DRAWN)
                await page.click("#coins button >> nth=0")
            await page.mouse.move(200, 300)
            assert await page.evaluate("window.pwned === undefined"), address
            assert (
                await page.evaluate(
                    "document.querySelectorAll('main script, img, [onload], [onerror], b[onclick]').length"
                )
                == 0
            )
            text = await page.inner_text("body")
            assert "\u202e" not in text
            tries.contained()
        assert visible(HOSTILE) in " ".join((await page.inner_text("#h-policy ~ div")).split("\t"))
        assert await faults(page) == []
