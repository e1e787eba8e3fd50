"""The web server, over a real journal and real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import html
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.core.errors import OperatorError
from sentinel.core.valuation import whole_quote
from sentinel.journal.journal import Journal
from sentinel.journal.performance import steps
from sentinel.observe.status_board import Board
from sentinel.observe.web.guard import HEADERS, is_own_name
from sentinel.observe.web.html import visible
from tests.attack_tally import Tries
from tests.journal import values
from tests.observe import journaled
from tests.observe.journaled import HOSTILE, serving

PAGES = ("/", "/decisions", "/status.json", "/series/hours.json", "/series/all.json", "/static/page.js")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
async def board(path: Path) -> AsyncIterator[Board]:
    journaled.write(path)
    async with serving(path) as board:
        yield board


async def get(board: Board, path: str, **headers: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{board.web}{path}", headers={name.replace("_", "-"): one for name, one in headers.items()}
        ) as reply,
    ):
        return reply.status, reply.headers.get("Content-Type", ""), await reply.text()


async def test_the_page_shows_what_the_journal_says(board: Board) -> None:
    status, kind, text = await get(board, "/")
    assert (status, kind.split(";")[0]) == (200, "text/html")
    for shown in ("swap 500 USDC to WETH over a", "confirmed", "+400.00", "trading is halted", "only 3 of 8 agree"):
        assert shown in text, shown
    assert "2,083.33" in text  # the price of the trade: 500 USDC for 0.24 WETH


@pytest.mark.attack("hostile text on pages", "contained")
async def test_hostile_text_stays_text(path: Path, tries: Tries) -> None:
    """Wherever it stands: no tag of it is one, and what cannot be seen is shown by its number."""
    network = journaled.hostile_network()
    seqs = journaled.write(path, network)
    order = {
        "reading": HOSTILE, "words": HOSTILE + " ", "judgements": [HOSTILE], "status": HOSTILE, "by": HOSTILE,
        "approved_at": 1, "trades": 1, "reason": HOSTILE, "now": HOSTILE,
    }  # fmt: skip
    status = {"order": order, "paused": HOSTILE, "proposer": HOSTILE, "state": HOSTILE}
    async with serving(path, network, status=status) as board:
        for page in ("/", "/decisions", f"/decisions?reason={HOSTILE}", *(f"/decisions/{seq}" for seq in seqs)):
            code, _, text = await get(board, page)
            assert code == 200, (page, text[:300])
            for tag in (
                "<script>",
                "<img",
                "<svg onload",
                "<b onclick",
                "\u202e",
                "\u2066",
                "\u200b",
            ):
                assert tag not in text, (page, tag)
                tries.contained()
            if page == f"/decisions/{seqs[-1]}":
                assert (
                    html.escape(visible(HOSTILE), quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
                    in text
                )


async def test_every_decision_has_its_page(board: Board, path: Path) -> None:
    """With its neighbours; a number that is none is not found."""
    with_ids = Journal.open(path, values.NETWORK, None, None, read_only=True)
    ids = [line.id for line in with_ids.cycles(100)]
    with_ids.close()
    for seq in ids:
        code, _, text = await get(board, f"/decisions/{seq}")
        assert (code, f'href="/decisions/{seq}"' in text) == (200, True)
    trade = sorted(ids)[1]
    _, _, text = await get(board, f"/decisions/{trade}")
    assert "+400.00" in text  # bps: 0.24 WETH for a simulated 0.25
    assert f'href="/decisions/{min(ids)}"' in text
    assert (await get(board, "/decisions/999999"))[0] == 404
    assert (await get(board, "/decisions/x"))[0] == 404


async def test_a_decision_that_the_retention_dropped_is_said_to_be(path: Path) -> None:
    """The other pages go on without its content."""
    ids = journaled.write(path)
    with contextlib.closing(Journal.open(path, values.NETWORK, values.GENESIS, values.WALLET)) as journal:
        assert journal.drop_holds(time.time() + 1e9) == 2
    async with serving(path) as board:
        code, _, text = await get(board, f"/decisions/{ids[0]}")
        assert (code, text) == (410, f"the retention dropped the content of cycle {ids[0]}: only its line is left\n")
        _, _, text = await get(board, "/decisions")
        assert text.count("the retention dropped what this cycle held") == 2
        for page in PAGES:
            assert (await get(board, page))[0] == 200, page


async def test_decisions_are_filtered(board: Board) -> None:
    async def blocks(query: str) -> tuple[int, int, int]:
        code, _, text = await get(board, f"/decisions?{query}")
        return code, text.count('<span class="tag act">act</span>'), text.count('<span class="tag hold">hold</span>')

    assert await blocks("") == (200, 1, 2)
    assert await blocks("decision=act") == (200, 1, 0)
    assert await blocks("decision=hold&reason=paused") == (200, 0, 1)
    assert await blocks("shortfall=399") == (200, 1, 0)
    assert await blocks("shortfall=401") == (200, 0, 0)
    for wrong in ("decision=buy", "shortfall=much", "before=x", "shortfall=nan", "before=99999999999999999999"):
        code, _, text = await get(board, f"/decisions?{wrong}")
        assert (code, text.startswith("this filter is not understood: ")) == (400, True), wrong


async def test_the_lines_are_those_of_the_journal(board: Board, path: Path) -> None:
    """Equity and buy-and-hold at each recorded point, as `sentinel pnl` has them; trades at the price that they had."""
    async with aiohttp.ClientSession() as session, session.get(f"{board.web}/series/all.json") as reply:
        series = await reply.json()
    journal = Journal.open(path, values.NETWORK, None, None, read_only=True)
    expected = steps(journal.equity.points(), journal.equity.own(), values.NETWORK)
    journal.close()
    found = dict(zip(series["block"], zip(series["equity"], series["hold"], strict=True), strict=True))
    for step in expected:
        assert found[step.block] == tuple(whole_quote(value, values.NETWORK) for value in (step.equity, step.hold))
    assert series["prices"] == {"WETH": [2000.0] * len(series["at"])}
    (mark,) = series["marks"]
    assert (mark["coin"], mark["buys"], mark["state"], round(mark["price"], 2)) == ("WETH", True, "confirmed", 2083.33)
    assert (await get(board, "/series/years.json"))[0] == 404


async def test_a_restart_loses_nothing(path: Path) -> None:
    """Another server over the same journal shows the same, to the letter."""
    journaled.write(path)
    seen = []
    for _ in range(2):
        async with serving(path) as board:
            seen.append([(await get(board, page))[2] for page in ("/decisions", "/series/all.json", "/")])
    assert seen[0] == seen[1]


async def test_events_reach_an_open_page_and_end_with_the_server(path: Path) -> None:
    journaled.write(path)
    async with aiohttp.ClientSession() as session:
        async with serving(path) as board:
            stream = await session.get(f"{board.web}/events")
            assert await stream.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
            board.head_seen(values.HEAD)
            board.stage_began("market")
            assert await stream.content.readuntil(b"\n\n") == (
                b'event: head\ndata: {"number": 100, "timestamp": 1700000000}\n\n'
            )
            assert await stream.content.readuntil(b"\n\n") == b'event: stage\ndata: {"stage": "market"}\n\n'
            started = asyncio.get_running_loop().time()
        assert await stream.content.read() == b""
        assert asyncio.get_running_loop().time() - started < 2


def test_a_page_that_does_not_read_costs_no_memory() -> None:
    board = Board(values.NETWORK)
    with board.live.subscribed() as queue:
        for number in range(10_000):
            board.head_seen(dataclasses.replace(values.HEAD, number=number))
        assert queue.qsize() <= queue.maxsize
        events = [queue.get_nowait() for _ in range(queue.qsize())]
    assert events[0] == "event: lost\ndata: {}\n\n"
    assert '"number": 9999' in str(events[-1])


async def test_every_answer_forbids_foreign_scripts(board: Board) -> None:
    """Errors too."""
    async with aiohttp.ClientSession() as session:
        for page in (*PAGES, "/nothing", "/decisions/99999"):
            async with session.get(f"{board.web}{page}") as reply:
                assert {name: reply.headers[name] for name in HEADERS} == HEADERS, page
                assert "unsafe" not in reply.headers["Content-Security-Policy"]


@pytest.mark.attack("foreign pages", "refused")
@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "a b"]
)
async def test_a_page_under_a_foreign_name_is_refused(board: Board, name: str, tries: Tries) -> None:
    """DNS rebinding reaches no decision; a scraper may use any name."""
    assert not is_own_name(name, "127.0.0.1")
    if name and " " not in name:
        for page in PAGES:
            assert (await get(board, page, Host=f"{name}:80"))[0] == 403
            tries.refused()
        assert (await get(board, "/metrics", Host=name))[0] == 200


@pytest.mark.parametrize("name", ["localhost:8787", "127.0.0.1", "[::1]:8787", "10.0.0.7:1", "trader.lan"])
def test_own_names(name: str) -> None:
    assert is_own_name(name, "trader.lan")


async def test_only_listed_files_are_served(board: Board) -> None:
    """And again only if they changed."""
    async with aiohttp.ClientSession() as session, session.get(f"{board.web}/static/page.css") as reply:
        assert reply.status == 200
        tag = reply.headers["ETag"]
    assert (await get(board, "/static/page.css", If_None_Match=tag))[0] == 304
    for name in ("../web_server.py", "%2e%2e/web_server.py", "..%2fhtml.py", "page.py", "uplot/../page.css"):
        assert (await get(board, f"/static/{name}"))[0] in (404, 200 if name.endswith("page.css") else 404)
    for name in ("uplot/uPlot.iife.min.js", "uplot/LICENSE", "charts.js", "live.js", "controls.js", "icon.svg"):
        assert (await get(board, f"/static/{name}"))[0] == 200


async def test_metrics_parse(board: Board) -> None:
    """What /metrics gives, Prometheus can read."""
    _, kind, text = await get(board, "/metrics")
    assert kind.startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"sentinel_decisions", "sentinel_head_age_seconds", "sentinel_cycle_seconds"} <= names


async def test_health_answers_with_each_check(board: Board) -> None:
    """Alive and ready are told apart by status, and each check says why."""
    assert (await get(board, "/healthz"))[0] == 200
    status, _, text = await get(board, "/readyz")
    assert status == 503
    assert "no head has been seen yet" in text


async def test_a_taken_port_is_said_plainly(board: Board, path: Path) -> None:
    """The operator learns which setting to change."""
    assert board.web is not None
    other = journaled.server(path, Board(values.NETWORK), port=int(board.web.rsplit(":", 1)[1]))
    with pytest.raises(OperatorError, match="SENTINEL_WEB__PORT"):
        await other.start()
