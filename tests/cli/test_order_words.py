"""`sentinel order set` with an order in words. A stand-in for the student's server gives the readings, right and wrong:
a test double for the model, which speaks the serving API over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sentinel.__main__ import app
from sentinel.cli import order_commands

WORDS = "unload 0.4 btc at 81k or more, only once, gas under 40"
RIGHT = "If the price of WBTC is at least 81k USDC, sell 0.4 WBTC, once. Only while the gas price is below 40 gwei."
OTHER = RIGHT.replace("below", "at most")
CANONICAL = (
    "If the price of WBTC is at least 81,000 USDC, sell 0.4 WBTC, once. Only while the gas price is below 40 gwei."
)


class StandIn(ThreadingHTTPServer):
    """Serves the model `sentinel-student`, and answers with `texts`."""

    texts: tuple[str, ...] = ()
    asked: list[dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        choices = [
            {"index": index, "message": {"content": text}, "finish_reason": "stop", "token_ids": [1]}
            for index, text in enumerate(self.server.texts)
        ]
        body = json.dumps({"model": "sentinel-student", "choices": choices, "usage": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def student() -> Iterator[StandIn]:
    server = StandIn(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def approved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The readings that the command approves, instead of a daemon that trades them."""
    found: list[str] = []
    monkeypatch.setattr(order_commands, "_approve", lambda settings, reading, digest: found.append(reading))
    monkeypatch.setattr(order_commands, "_at_terminal", lambda: True)
    monkeypatch.chdir(tmp_path)
    return found


def order_set(student: StandIn, *texts: str, answer: str = "", options: tuple[str, ...] = ()) -> Result:
    student.texts = texts
    url = f"http://127.0.0.1:{student.server_address[1]}/v1"
    sets = {
        "model.url": url,
        "model.trades": "orders",
        "reading.samples": len(texts),
        "state_dir": "state",
        "rpc.url": "http://127.0.0.1:9",
    }
    arguments = [f"--set={name}={value}" for name, value in sets.items()]
    return CliRunner().invoke(app, ["order", "set", WORDS, *arguments, *options], input=answer)


def test_the_operator_approves_one_reading_by_its_number(student: StandIn, approved: list[str]) -> None:
    """All groups are shown with their votes, and how they differ; what is approved is the canonical reading."""
    result = order_set(student, RIGHT, OTHER, RIGHT, RIGHT.replace("0.4", "4"), answer="1\n")
    assert result.exit_code == 0, result.output
    assert approved == [CANONICAL]
    for line in (
        "reading 1 2 of 4 mean this",
        "reading 2 1 of 4 mean this",
        "differs   the first: nothing (the gas price (40.00 gwei) is not below 40 gwei",
        "dropped   1 of 4: not grounded: the words do not say 4 WBTC",
        "If the price of WBTC is at least 81,000 USDC, sell 0.4 WBTC, once.",
    ):
        assert line in result.output
    assert result.output.splitlines()[-1] == "approved"
    (request,) = student.asked
    assert request["messages"][-1] == {"role": "user", "content": WORDS}
    assert (request["n"], request["temperature"], request["top_p"]) == (4, 0.7, 0.95)


@pytest.mark.parametrize("answer", ["\n", "3\n", "yes\n", "0\n"])
def test_without_a_number_nothing_is_approved(student: StandIn, approved: list[str], answer: str) -> None:
    """However many agree."""
    result = order_set(student, RIGHT, RIGHT, RIGHT, answer=answer)
    assert result.exit_code == 0, result.output
    assert "3 of 3 mean this" in result.output
    assert result.output.splitlines()[-1] == "not approved: nothing has changed"
    assert approved == []


def test_agreement_alone_approves_nothing(student: StandIn, approved: list[str]) -> None:
    """--yes is for readings; and without a terminal the words are only read back."""
    result = order_set(student, RIGHT, RIGHT, options=("--yes",))
    assert result.exit_code == 1
    assert "--yes approves no words" in str(result.exception)
    result = order_set(student, RIGHT, RIGHT, options=("--json",))
    facts = json.loads(result.output)
    assert (facts["approved"], facts["answer"], facts["groups"][0]["votes"]) == (False, CANONICAL, 2)
    assert approved == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ask: at which price, change or level?", "at which price, change or level? Say it in other words"),
        ("Refuse: there is no leverage and no borrowing", "the order is refused, there is no leverage"),
    ],
)
def test_a_question_or_refusal_that_is_agreed_on_ends_it(
    student: StandIn, approved: list[str], text: str, said: str
) -> None:
    """One reading that would trade beside it cannot be approved."""
    result = order_set(student, text, text, text, RIGHT, answer="2\n")
    assert result.exit_code == 1
    assert said in str(result.exception)
    assert "Approve which" not in result.output
    assert approved == []


def test_little_agreement_is_said_and_left_to_the_operator(student: StandIn, approved: list[str]) -> None:
    """Below the minimum the answer is a question; the operator may still know which reading is meant."""
    result = order_set(student, RIGHT, "junk", "junk", answer="1\n")
    assert "answer    Ask: what does that mean in numbers?" in result.output
    assert approved == [CANONICAL]


def test_a_reading_needs_no_model_and_words_say_that_they_do(student: StandIn, approved: list[str]) -> None:
    """A canonical text is parsed as ever. If no student answers, the error has the parser's reason and the address."""
    offline = ("--set=model.url=http://127.0.0.1:9/v1", "--set=rpc.url=http://127.0.0.1:9")
    reads = (*offline, "--set=model.trades=orders")
    result = CliRunner().invoke(app, ["order", "set", CANONICAL, *offline], input="y\n")
    assert (result.exit_code, approved) == (0, [CANONICAL])
    result = CliRunner().invoke(app, ["order", "set", WORDS, *offline])  # a student of playbooks reads no words
    assert "this is no order: at 'unload 0.4 btc" in str(result.exception)
    result = CliRunner().invoke(app, ["order", "set", WORDS, *reads])
    assert result.exit_code == 1
    assert "this is no order: at 'unload 0.4 btc" in str(result.exception)
    assert "no student answers at http://127.0.0.1:9/v1" in str(result.exception)
    assert student.asked == []
