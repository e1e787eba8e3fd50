"""What an operator does through the page: the operations of the control socket, by a token, each asked again.

A request must come from a page of this server (Origin and Sec-Fetch-Site, which no script of another site can set), and
carry the token in a header, which no form can send. An operation that changes something is carried out by the second
of two equal requests: the first is answered with what would be done and with a code that the second must bring.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic_core import from_json

from sentinel.config.credentials import only_secret
from sentinel.config.settings import Settings
from sentinel.core.errors import SentinelError, SettingsError
from sentinel.core.network import Network
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.operator.control import Answer, Operations, carried_out, clean_reason
from sentinel.daemon.operator.operations import Operator
from sentinel.observe import redaction
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import Log
from sentinel.observe.web.guard import is_same_origin
from sentinel.orders.language.reading import render
from sentinel.orders.playing.envelope import order_hash

MIN_TOKEN = 32  # characters
ASKED_FOR = 120.0  # seconds that a code is good for
MAX_ASKED = 16  # codes at once; an older one is forgotten
SETTING = "SENTINEL_WEB__CONTROL_TOKEN_FILE"
READ = "read_order"  # changes nothing, so it is carried out at once

QUESTIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "pause": lambda body: f"Pause trading, with the reason “{clean_reason(body.get('reason'))}”? Nothing new is sent.",
    "resume": lambda body: "Resume trading? This releases the halt, whatever set it, and ends a flatten.",
    "flatten": lambda body: "Sell every token for the quote token, and then halt? Each sale passes the same limits.",
    "approve_order": lambda body: (
        "Approve this order in place of the one in force?\n"
        f"{body.get('reading')}"
        + ("\nWhat it has judged is judged by the student alone." if body.get("accept_judgement") is True else "")
    ),
    "cancel_order": lambda body: "Cancel the order? Nothing more is traded for it.",
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """An operation that waits for its second request."""

    name: str
    body: str  # canonical
    until: float  # by the clock of WebControls


@dataclass(slots=True)
class WebControls:
    operations: Operations
    network: Network
    token: str = field(repr=False)
    errors: InternalErrors
    log: Log
    clock: Callable[[], float] = time.monotonic
    _asked: dict[str, _Asked] = field(default_factory=dict, repr=False)  # by code

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a POST to /control/NAME with one JSON object, as the control socket does."""
        name = request.match_info["name"]
        if not is_same_origin(request):
            return _refused(403, "this request does not come from a page of this server")
        if not self._is_token(request.headers.get("Authorization", "")):
            self.log.warning("web.control_refused", operation=name, why="wrong token")
            return _refused(401, f"the token is not the one in {SETTING}")
        if request.content_type != "application/json":
            return _refused(415, "a request is one JSON object")
        if name not in QUESTIONS and name != READ:
            return _refused(404, f"known operations: {', '.join([*QUESTIONS, READ])}")
        try:
            body = from_json(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _refused(400, "a request is one JSON object")
        return await self._carry_out(name, body)

    async def _carry_out(self, name: str, body: dict[str, Any]) -> web.Response:
        code = body.pop("confirm", None)
        try:
            if name == READ:
                return web.json_response(await self._read(str(body.get("words", ""))))
            if code is None:
                return web.json_response({"ok": True, **self._ask(name, body)})
            if not self._was_asked(str(code), name, body):
                return _refused(409, "this was not asked, or too long ago: ask again")
            self.log.warning("web.control", operation=name)
            return web.json_response(await carried_out(self.operations, name, body))
        except SentinelError as error:
            return _refused(409, str(error))
        except Exception as error:
            return _refused(500, self.errors.report("web_control", error))

    def _is_token(self, header: str) -> bool:
        kind, _, given = header.partition(" ")
        return kind == "Bearer" and hmac.compare_digest(given.encode(), self.token.encode())

    def _ask(self, name: str, body: Mapping[str, Any]) -> Answer:
        """What the operation would do, and the code that confirms it."""
        while len(self._asked) >= MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        code = secrets.token_urlsafe(16)
        self._asked[code] = _Asked(name, _canonical(body), self.clock() + ASKED_FOR)
        return {"ask": QUESTIONS[name](body), "confirm": code}

    def _was_asked(self, code: str, name: str, body: Mapping[str, Any]) -> bool:
        """Whether exactly this was asked under this code; a code is good once."""
        asked = self._asked.pop(code, None)
        if asked is None or self.clock() > asked.until:
            return False
        return (asked.name, asked.body) == (name, _canonical(body))

    async def _read(self, words: str) -> Answer:
        """What the words mean: a reading is read without a model, other words by the student."""
        try:
            order = read_order(words, self.network, "")
        except SettingsError:
            return await carried_out(self.operations, READ, {"words": words})
        group = {"reading": render(order), "hash": order_hash(order), "judgements": list(order.judgements)}
        return {"ok": True, "readings": {"words": "", "answer": render(order), "can_approve": True, "groups": [group]}}


def web_controls(operator: Operator, errors: InternalErrors, log: Log) -> WebControls | None:
    """None if the page is read-only. Raises SettingsError as `control_token` does."""
    token = control_token(operator.parts.settings)
    return None if token is None else WebControls(operator, operator.parts.network, token, errors, log)


def control_token(settings: Settings) -> str | None:
    """None if no file is set. Raises SettingsError if the file cannot be used."""
    path = settings.web.control_token_file
    if path is None:
        return None
    try:
        token = only_secret(path)
    except ValueError as error:
        raise SettingsError(f"{SETTING}: {error}") from error
    redaction.remember(token)
    if len(token) < MIN_TOKEN or not token.isascii():
        raise SettingsError(f"{SETTING}: {path} holds {len(token)} characters; it needs {MIN_TOKEN} or more, all ASCII")
    return token


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"ok": False, "error": why}, status=status)
