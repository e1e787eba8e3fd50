"""The controls of the page: who may use them, that each is asked again, and that they are the control socket's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sentinel.config.settings import load
from sentinel.core.errors import OperatorError, SettingsError
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.page.controls import QUESTIONS, WebControls, control_token
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import logger
from sentinel.observe.metrics import Metrics
from sentinel.orders.playing.envelope import order_hash
from tests.attack_tally import Tries
from tests.journal import values
from tests.observe import journaled
from tests.observe.journaled import serving

TOKEN = "0123456789abcdef0123456789abcdef"
READING = "If the price of WETH is above 5,000 USDC, sell all of WETH, once."
Reply = tuple[int, dict[str, Any]]


@dataclass
class Operations:
    """Notes what it is asked to do."""

    done: list[tuple[Any, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def note(*arguments: Any) -> None:
            self.done.append((name, *arguments))

        return note

    async def read_order(self, words: str) -> dict[str, Any]:
        raise OperatorError(f"no student answers to read {words}")


@dataclass
class Desk:
    web: str
    operations: Operations
    now: list[float]

    async def post(self, name: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Reply:
        usual = {"Authorization": f"Bearer {TOKEN}", "Origin": self.web, "Content-Type": "application/json"}
        given = {**usual, **{key.replace("_", "-"): one for key, one in headers.items()}}
        sent: dict[str, Any] = {"json": {} if body is None else body} if raw is None else {"data": raw}
        if "json" in sent:
            given.pop("Content-Type") if given["Content-Type"] == usual["Content-Type"] else None
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.web}/control/{name}", headers={k: v for k, v in given.items() if v}, **sent) as reply,
        ):
            if reply.content_type != "application/json":
                return reply.status, {"text": await reply.text()}
            return reply.status, await reply.json()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    path = tmp_path / "journal.sqlite3"
    journaled.write(path)
    operations, now = Operations(), [0.0]
    errors = InternalErrors(Metrics(values.NETWORK), logger())
    controls = WebControls(operations, values.NETWORK, TOKEN, errors, logger(), clock=lambda: now[0])
    async with serving(path, controls=controls) as board:
        yield Desk(str(board.web), operations, now)


@pytest.mark.parametrize(
    ("name", "body", "done"),
    [
        ("pause", {"reason": "lunch\n"}, ("pause", "lunch")),
        ("resume", {}, ("resume",)),
        ("flatten", {}, ("flatten",)),
        ("cancel_order", {"reason": ""}, ("cancel_order", "by the operator")),
        (
            "approve_order",
            {"reading": READING, "hash": "ab", "words": "w", "accept_judgement": True},
            ("approve_order", READING, "ab", "w", True),
        ),
    ],
)
async def test_the_second_of_two_equal_requests_does_it(
    desk: Desk, name: str, body: dict[str, Any], done: tuple[Any, ...]
) -> None:
    """The first says what would be done, and its code is good once, for exactly that, for two minutes."""
    assert name in QUESTIONS
    status, answer = await desk.post(name, body)
    assert (status, answer["ok"], desk.operations.done) == (200, True, [])
    assert answer["ask"].endswith("?") or "?" in answer["ask"]
    code = answer["confirm"]
    assert (await desk.post(name, {**body, "more": 1, "confirm": code}))[0] == 409  # another request
    assert (await desk.post(name, {**body, "confirm": code}))[0] == 409  # and so the code is spent
    code = (await desk.post(name, body))[1]["confirm"]
    desk.now[0] += 121
    assert (await desk.post(name, {**body, "confirm": code}))[0] == 409
    assert desk.operations.done == []
    code = (await desk.post(name, body))[1]["confirm"]
    assert await desk.post(name, {**body, "confirm": code}) == (200, {"ok": True})
    assert desk.operations.done == [done]
    assert (await desk.post(name, {**body, "confirm": code}))[0] == 409


@pytest.mark.attack("foreign pages", "refused")
async def test_no_other_page_and_nobody_without_the_token_is_heard(desk: Desk, tries: Tries) -> None:
    """Neither a form, nor a script of another site, nor a guess; nothing of it is even asked."""
    for headers, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Authorization": ""}, 401),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer \u00e9"}, 401),
        ({"Content_Type": "text/plain"}, 415),
    ):
        raw = b"{}" if "Content_Type" in headers else None
        assert (await desk.post("pause", raw=raw, **headers))[0] == status, headers
        tries.refused()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{desk.web}/control/pause") as reply:
            assert reply.status == 405
        async with session.post(f"{desk.web}/control/pause", data={"reason": "x"}) as reply:
            assert reply.status == 403
    assert desk.operations.done == []


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b'"pause"', b"\xff", b"[" * 10_000])
async def test_what_is_no_request_is_refused(desk: Desk, raw: bytes) -> None:
    assert (await desk.post("pause", raw=raw))[0] == 400


async def test_only_listed_operations_exist(desk: Desk) -> None:
    for name in ("stop", "reload", "give_entry", "status", "__class__"):
        assert (await desk.post(name))[0] == 404
    assert (await desk.post("pause", raw=b" " * 70_000))[0] in (400, 413)
    assert desk.operations.done == []


async def test_a_reading_needs_no_student_and_words_do(desk: Desk) -> None:
    status, answer = await desk.post("read_order", {"words": f"  {READING}\n"})
    (group,) = answer["readings"]["groups"]
    assert (status, group["reading"], group["judgements"]) == (200, READING, [])
    assert group["hash"] == order_hash(read_order(READING, values.NETWORK))
    status, answer = await desk.post("read_order", {"words": "sell high"})
    assert (status, answer) == (409, {"ok": False, "error": "no student answers to read sell high"})


async def test_without_a_token_there_are_no_controls(tmp_path: Path) -> None:
    """Neither on the page nor behind it."""
    path = tmp_path / "journal.sqlite3"
    journaled.write(path)
    async with serving(path) as board, aiohttp.ClientSession() as session:
        async with session.post(f"{board.web}/control/pause", json={}) as reply:
            assert reply.status == 404
        async with session.get(f"{board.web}/") as reply:
            assert "data-control" not in await reply.text()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("short\n", "holds 5 characters"),
        (f"{TOKEN}\n{TOKEN}x\n", "line 2"),
        ("é" * 40, "ASCII"),
        (None, "read"),
    ],
)
def test_a_token_that_anybody_could_guess_is_refused(tmp_path: Path, text: str | None, why: str) -> None:
    """At the start, with the setting's name and without the token."""
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=f"SENTINEL_WEB__CONTROL_TOKEN_FILE: .*{why}") as caught:
        control_token(load(None, web={"control_token_file": path}))
    assert TOKEN not in str(caught.value)


def test_the_token_is_the_files_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert control_token(load(None, web={"control_token_file": path})) == TOKEN
    assert control_token(load(None)) is None
    controls = WebControls(
        Operations(), values.NETWORK, TOKEN, InternalErrors(Metrics(values.NETWORK), logger()), logger()
    )
    assert TOKEN not in repr(controls)
