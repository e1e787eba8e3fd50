"""What an order's program is rewritten to before it runs, for any text that a model may write."""

from __future__ import annotations

import ast

import hypothesis
import pytest
from hypothesis import strategies as st

from sentinel.agent.order_code import rewritten
from sentinel.agent.order_program import program
from sentinel.agent.parse import MAX_CODE
from sentinel.core.errors import CodeFault
from tests.orders.random_orders import RandomOrders

PIECES = ["if ", "not ", "and ", "or ", "price(", ")", '"WETH"', "0.5", "1e999", ":", "\n", " ", "buy(", ",", "==", "<"]
DEEP = ["(" * 4000, "-" * 3999 + "1", "a." * 1999 + "a", "not " * 990 + "a", "1+" * 1900 + "1"]


def test_numbers_conditions_and_actions_are_rewritten() -> None:
    """And nothing else: the text of strings stays, and whole numbers do."""
    code = 'if price("0.5") < 0.5 and not gas_price() > 30: buy("WETH", 50)\nsell("WETH", "0.5 WETH")'
    assert rewritten(code).splitlines() == [
        "try:",
        "    if both(lambda: near(price('0.5')) < near(Decimal('0.5')), lambda: not near(gas_price()) > near(30)):",
        "        buy('WETH', 50, clause=0)",
        "except (LookupError, InvalidOperation) as error:",
        "    buy('WETH', 50, clause=0, unknown=str(error))",
        "sell('WETH', '0.5 WETH', clause=1)",
        "end()",
    ]


def outcome(code: str) -> str:
    """The rewritten program, or the fault's text."""
    try:
        return rewritten(code)
    except CodeFault as fault:
        return f"fault: {fault}"


@hypothesis.settings(max_examples=80)
@hypothesis.given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=300).map("".join)))
def test_no_text_is_more_than_a_fault(code: str) -> None:
    """Whatever a model writes: a program that parses, or CodeFault on one line."""
    text = outcome(code)
    if text.startswith("fault: "):
        assert text.isprintable()
    else:
        ast.parse(text)


@pytest.mark.parametrize("code", DEEP)
def test_deep_code_ends_nothing(code: str) -> None:
    """Python's own parser and printer recurse; the process must live."""
    assert len(code) <= MAX_CODE
    text = outcome(code)
    assert text.endswith("end()") or (text.startswith("fault: ") and len(text) < 200)


def test_an_escape_that_python_warns_of_is_no_noise() -> None:
    """A warning is an error in these tests."""
    assert outcome(r'print("\d")').endswith("end()")


def test_the_teachers_programs_stay_valid() -> None:
    """Of any order."""
    for seed in range(40):
        assert outcome(program(RandomOrders(seed).order())).endswith("\nend()")
