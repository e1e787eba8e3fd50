"""Secrets do not reach a log, whatever shape the line has."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest

from sentinel.secrets import known
from sentinel.settings import load
from sentinel.telemetry import logs
from sentinel.telemetry.redaction import INSTEAD, Redaction, of_address

KEY, TOKEN, API = "k3y-of-the-node-0123456789", "t0ken-of-the-hook", "api-key-of-the-student"


@pytest.fixture
def secrets(tmp_path: Path) -> list[str]:
    (tmp_path / "api").write_text(API + "\n")
    (tmp_path / "people").write_text(f"json://127.0.0.1:9/{TOKEN}\n")
    found = load(
        env_file=None,
        rpc={"url": f"https://node.example/v3/{KEY}", "ws_url": f"wss://user:{KEY}2@node.example?auth={KEY}3"},
        model={"api_key_file": tmp_path / "api"},
        notify={"urls_file": tmp_path / "people"},
    )
    return known(found)


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_line_has_a_secret(secrets: list[str], style: str) -> None:
    """In messages, fields, nested values, objects' texts, tracebacks, and what libraries log themselves."""
    out = io.StringIO()
    log = logs.configure("debug", style, out, secrets=secrets)
    log.info("rpc.failed", url=f"https://node.example/v3/{KEY}", nested={"a": [f"x{TOKEN}y", (API,)]})
    log.error("a message with " + KEY, error=ValueError(f"no answer of {API}"))
    try:
        raise RuntimeError(f"cannot reach json://127.0.0.1:9/{TOKEN}")
    except RuntimeError as error:
        log.error("failed", exc_info=error)
    logging.getLogger("aiohttp").warning("closed %s", f"wss://user:{KEY}2@node.example?auth={KEY}3")
    text = out.getvalue()
    assert not [secret for secret in (KEY, TOKEN, API) if secret in text]
    assert text.count(INSTEAD) >= 7
    assert "node.example" in text
    if style == "json":
        assert [json.loads(line) for line in text.splitlines()]


def test_words_and_hosts_stay_readable() -> None:
    """Short parts of an address are no secrets, and what is none is left as it was."""
    assert of_address("http://127.0.0.1:8100/v1") == []
    event = {"event": "cycle.done", "votes": 5, "ratio": 0.5, "on": True, "none": None, "names": ["a"]}
    assert Redaction(["a-secret-of-somebody"])(None, "info", event) == event


def test_a_secret_within_another_leaves_nothing_of_either() -> None:
    """The longer one goes first."""
    assert Redaction(["12345678", "1234567890"]).taken_out("<1234567890>") == f"<{INSTEAD}>"
