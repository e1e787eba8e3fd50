"""A message shows what was written, and nothing in it mentions, links or formats: with apprise's plugins, over HTTP."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.host.process import free_port
from sentinel.observe.messages.channel import Target
from sentinel.observe.messages.escaping import BREAK, CUT, clean, escaped, fitted, width
from tests.attack_tally import Tries

HOSTILE = (
    "<b>bold</b> & <a href='http'>x</a> @everyone @here <@123456789012345678> <@&9> <#7> </cmd:1> <:e:1> [click](http) "
    "<http|safe> <!channel> <!here> *a* _b_ `c` ~~d~~ ||e|| \\* nonce_gap\n# head\n> quote\n- item"
)
TELEGRAM = "tgram://123456789:ABCdefghijklmnopqrstuvwxyz012345678/42"
DISCORD = "discord://1234/abcd"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/general"
ADDRESSES = [address + form for address in (TELEGRAM, DISCORD, SLACK) for form in ("", "?format=markdown")]


@dataclass
class Services:
    """Telegram, Discord and Slack, as far as their plugins need them."""

    heard: list[dict[str, Any]] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(await request.json())
        return web.Response(text="ok" if "slack" in request.path else '{"ok": true}')

    async def told(self, address: str, text: str, title: str = "Sentinel: a title") -> dict[str, Any]:
        assert await asyncio.to_thread(Target(1, address).send, title, text)
        return self.heard[-1]


@pytest.fixture
async def services(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    found, port = Services(), free_port()
    app = web.Application(client_max_size=2**20)
    app.router.add_post("/{path:.*}", found.hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{port}/telegram/bot")
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{port}/discord")
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{port}/slack")
    monkeypatch.setattr(NotifySlack, "request_rate_per_sec", 0.0)
    yield found
    await runner.cleanup()


def shown(heard: dict[str, Any]) -> str:
    """All text of one message."""
    parts = [heard.get("text", ""), heard.get("content", "")]
    for inner in (*heard.get("attachments", ()), *heard.get("embeds", ())):
        parts += [inner.get(name, "") for name in ("title", "text", "description")]
    return "\n".join(part for part in parts if part)


@pytest.mark.attack("hostile messages", "contained")
@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_mention_and_no_masked_link_is_left(services: Services, address: str, tries: Tries) -> None:
    """Neither in the text nor in the title, whatever form the operator's address asks for."""
    heard = await services.told(address, HOSTILE, HOSTILE.replace("\n", " ")[:90])
    text = html.unescape(shown(heard)).replace("<b>", "", 1)
    for mention in ("@everyone", "@here", "<@", "<#", "<!", "</cmd", "<:e", "](", "<http"):
        assert mention not in text
        tries.contained()
    assert "allow_mentions" not in heard


async def test_telegram_shows_what_was_written(services: Services) -> None:
    """As HTML, of which nothing is ours but the bold title."""
    heard = await services.told(TELEGRAM, HOSTILE)
    assert heard["parse_mode"] == "HTML"
    title, _, text = heard["text"].partition("\r\n")
    assert title == "<b>Sentinel: a title</b>"
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)
    assert html.unescape(text).replace(BREAK, "").replace("\r\n", "\n") == HOSTILE


async def test_discord_shows_what_was_written(services: Services) -> None:
    """Discord takes a backslash before punctuation away, and so renders no markup."""
    heard = await services.told(DISCORD, HOSTILE)
    title, _, text = heard["content"].partition("\r\n")
    assert title == "Sentinel: a title"
    assert re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text).replace(BREAK, "") == HOSTILE
    assert not re.search(r"(?<!\\)[*_`~|\[\]()<>#]", text)


async def test_slack_shows_what_was_written(services: Services) -> None:
    """Its three control characters are entities."""
    heard = await services.told(SLACK, HOSTILE)
    assert html.unescape(heard["attachments"][0]["text"]).replace(BREAK, "") == HOSTILE
    assert not heard["mrkdwn"]


@pytest.mark.parametrize("unit", ["x", "&", "_", "<@1>", "\N{GRINNING FACE}", "a\n"])
@pytest.mark.parametrize(("address", "most"), [(TELEGRAM, 4096), (DISCORD, 2000), (DISCORD + "?format=markdown", 2000)])
async def test_a_long_text_is_cut_to_the_channels_length(
    services: Services, address: str, most: int, unit: str
) -> None:
    """In UTF-16 units, as Telegram counts, and marked; no entity and no escape is cut in two."""
    text = shown(await services.told(address, unit * 9000 + "end"))
    assert len(text.encode("utf-16-le")) // 2 <= most
    assert text.replace("\\", "").endswith(CUT)
    assert "end" not in text


async def test_a_machine_gets_the_text_as_it_is() -> None:
    """A program reads a JSON hook: there nothing mentions anybody."""
    assert escaped(HOSTILE, "json") == HOSTILE


def test_what_cannot_be_seen_is_taken_out() -> None:
    """Control characters, and those that turn the direction of writing."""
    assert clean("a\u202eb\x1b[0m\tc\nd\u200b") == "ab[0m c\nd"
    assert clean("a\n\n\n\nb") == "a\n\nb"


@given(st.text(max_size=200), st.integers(0, 120), st.sampled_from(["tgram", "discord", "json"]))
def test_what_is_fitted_fits(text: str, room: int, scheme: str) -> None:
    """And a text that fits is whole."""
    cut = fitted(text, scheme, room)
    assert width(cut) <= room
    if width(escaped(text, scheme)) <= room:
        assert cut == escaped(text, scheme)
