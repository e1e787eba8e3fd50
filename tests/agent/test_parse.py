"""Text -> code: strict about the form, silent about everything else."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.action_format import CLOSE, OPEN, STOP, THOUGHT, closed, prefill, render_action
from sentinel.agent.parse import MAX_CODE, parse
from sentinel.core.actions import Discarded

REASONS = {
    "empty",
    "text_after_end",
    "no_thought",
    "no_code",
    "no_fence",
    "unclosed",
    "text_after_code",
    "many_blocks",
    "empty_code",
    "code_too_long",
    "not_ascii",
}
PIECES = [
    THOUGHT,
    OPEN,
    CLOSE,
    STOP,
    "```",
    "```python\n",
    "\nCode:",
    "Code:",
    "\n",
    "x = 1",
    " ",
    "é",
    "\x00",
    "\ud800",
]
ANY_TEXT = st.one_of(
    st.text(), st.text(st.characters(), max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
)
GOOD_CODE = st.text(string.ascii_letters + string.digits + " _()=+-*/.,:\"'<>#\n", min_size=1).filter(
    lambda code: bool(code.strip()) and code == code.strip("\n")
)


@given(ANY_TEXT)
def test_any_string_gives_code_or_a_discard_with_a_known_reason(text: str) -> None:
    """The parser never raises, and its reasons are a bounded set."""
    found = parse(text, 3)
    if isinstance(found, Discarded):
        assert (found.index, found.stage) == (3, "parse")
        assert found.reason in REASONS
    else:
        assert found.strip()
        assert found.isascii()


@given(GOOD_CODE, st.booleans())
def test_what_was_rendered_is_parsed_back(code: str, stripped: bool) -> None:
    """The code comes back as written, whether or not the server stripped the stop string."""
    text = render_action("I look at the market.", code)
    assert parse(text.removesuffix(STOP) if stripped else text) == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t" * 500, "empty"),
        ("Code:\n```py\nx\n```", "no_thought"),
        ("Thought: \nCode:\n```py\nx\n```", "no_thought"),
        ("Thought: I wait.", "no_code"),
        ("Thought: I wait.\nCode:\nhold()", "no_fence"),
        ("Thought: I wait.\nCode:\n```sh\nrm\n```", "no_fence"),
        ("Thought: I wait.\nCode:\n```py\nhold()", "unclosed"),
        ("Thought: I wait.\nCode:\n```py\n\n```", "empty_code"),
        ("Thought: I wait.\nCode:\n```py\nhold()\n``` and then", "text_after_code"),
        ("Thought: I wait.\nCode:\n```py\nhold()\n```\n```py\nhold()\n```", "many_blocks"),
        (render_action("I wait.", "hold()") + " Thought: more", "text_after_end"),
        (render_action("I wait.", "# " + "x" * MAX_CODE), "code_too_long"),
        (render_action("I wait.", "h\u043eld()"), "not_ascii"),  # a Cyrillic o
        (render_action("I wait.", "hold('\x1b[31m')"), "not_ascii"),
    ],
)
def test_each_broken_form_has_its_reason(text: str, reason: str) -> None:
    """One stable reason for each way to miss the form."""
    found = parse(text)
    assert isinstance(found, Discarded)
    assert found.reason == reason


def test_the_parser_is_linear() -> None:
    """A megabyte of openings is judged at once."""
    started = time.perf_counter()
    assert isinstance(parse("Thought: x\nCode:\n```py\n" + "```py\n\nCode:" * 100_000), Discarded)
    assert time.perf_counter() - started < 1


def test_a_turn_ends_with_the_stop_string_once() -> None:
    """What the server stripped is put back; what it left is not doubled."""
    text = render_action("I wait.", "hold()")
    assert closed(text) == closed(text.removesuffix(STOP)) == closed(text.removesuffix(STOP) + "\n") == text


def test_an_empty_first_thought_is_no_prefill() -> None:
    """A prefill has no trailing space, since chat templates strip it and the text would no longer be the same."""
    assert prefill("  ") == ""
    assert prefill("I look. ") == "Thought: I look."
