"""No secret leaves by the log, whoever writes the line and however it is rendered."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from sentinel.agent.model import StudentModel
from sentinel.chain.rpc import plain
from sentinel.config.settings import Settings
from sentinel.observe import logs, redaction
from sentinel.signing.process.secret_files import read_password

KEY = "c0ffee" * 10 + "d00d"  # worth nothing anywhere
FORMS = pytest.mark.parametrize("form", ["json", "console"])


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has read nothing yet; logging as it was, afterwards."""
    monkeypatch.setattr(redaction, "_known", set())
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@FORMS
def test_a_field_that_is_named_as_a_secret_is_hidden(form: str) -> None:
    """By its name alone, at any depth; a hash of the same form under another name is shown."""
    out = io.StringIO()
    log = logs.configure(style=form, stream=out)
    log.info("x.y", private_key=KEY, tx="0x" + "ab" * 32, deep={"headers": [{"Authorization": "Bearer abcdef"}]})
    assert KEY not in out.getvalue()
    assert "abcdef" not in out.getvalue()
    assert "0x" + "ab" * 32 in out.getvalue()


@FORMS
def test_of_an_address_only_the_host_is_shown(form: str) -> None:
    """User, path and query go, in our lines and in those of libraries; a messenger's address goes whole."""
    out = io.StringIO()
    log = logs.configure(style=form, stream=out)
    log.info("x.y", error="no reply from https://me:pw-me@node.example:8443/v2/KEY-IN-PATH?apikey=KEY-IN-QUERY, sorry")
    logging.getLogger("aiohttp.client").warning("closed wss://node.example/ws/KEY-IN-PATH")
    log.info("x.z", target="tgram://1234:TOKEN/CHAT")
    said = out.getvalue()
    assert "https://node.example:8443 sorry" in said  # a comma may belong to an address
    assert [word for word in ("pw-me", "KEY-IN", "1234", "TOKEN") if word in said] == []


@FORMS
def test_a_traceback_shows_neither_variables_nor_what_was_read(form: str, tmp_path: Path) -> None:
    """Of ours and of a library's record: the secret stands in a local variable and in the error's own words."""
    out = io.StringIO()
    log = logs.configure(style=form, stream=out)
    file = tmp_path / "password"
    file.write_text("correct-horse\n")
    password = read_password(file)
    unread = "local-variable-canary"
    for write in (log.exception, logging.getLogger("asyncio").exception):
        try:
            raise ValueError(f"{password} does not open it; {len(unread)}")
        except ValueError:
            write("x.failed")
    said = out.getvalue()
    assert said.count("ValueError") >= 2
    assert said.count(redaction.HIDDEN) >= 2
    assert [secret for secret in (password, unread) if secret in said] == []


@FORMS
def test_what_nobody_foresaw_is_told_without_secrets(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that ends the process goes through the same nets, as one line that is named."""
    out = io.StringIO()
    logs.configure(style=form, stream=out)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("threading.excepthook", None)
    logs.tell_uncaught()
    redaction.remember("from-a-secret-file")
    try:
        raise RuntimeError("from-a-secret-file")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert "process.failed" in out.getvalue()
    assert "from-a-secret-file" not in out.getvalue()
    if form == "json":
        assert json.loads(out.getvalue())["exception"][0]["exc_type"] == "RuntimeError"


def test_what_a_server_echoes_is_cut_out(tmp_path: Path) -> None:
    """Keys of addresses and of key files, without their address around them; short parts of a path are words."""
    settings = Settings(rpc={"url": "https://node.example/v2/abcdefghijkl1234?k=mnopqrstuvwx5678"})
    redaction.remember_addresses(settings)
    key = tmp_path / "key"
    key.write_text("sk-model-canary\n")
    StudentModel("http://127.0.0.1:1/v1", "x", timeout=1.0, api_key_file=key)
    echoed = plain("no such project abcdefghijkl1234, nor mnopqrstuvwx5678, nor sk-model-canary in v2")
    assert echoed == f"no such project {redaction.HIDDEN}, nor {redaction.HIDDEN}, nor {redaction.HIDDEN} in v2"


def test_a_short_word_is_not_cut_out_of_every_line() -> None:
    """Else a password of two letters would eat the log."""
    redaction.remember("on", "")
    assert redaction.text("transaction") == "transaction"
