"""How an order's program runs: in the sandbox, with exact numbers and with conditions that may be unknown.

A program is Python. Before it runs, four things are rewritten, so that it does what the player of the order does:
a number with a decimal point is a decimal; both sides of a comparison are rounded to as many digits as the player
compares; `and` and `or` follow Kleene's logic, where what is unknown decides nothing that the rest decides; and
`if CONDITION: ACTION` with an unknown condition tells the action so, which then lets later ones only sell.
"""

from __future__ import annotations

import ast
import functools
import warnings
from dataclasses import dataclass
from typing import Protocol

from sentinel.agent.approve_tools import ApproveTools
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.parse import MAX_CODE
from sentinel.agent.sandbox import CodeRun, Tools
from sentinel.core.actions import Stage
from sentinel.core.errors import CodeFault
from sentinel.core.untrusted_text import one_line
from sentinel.orders.playing.judging import COMPARED
from sentinel.orders.playing.player import PRECISION

ACTIONS = frozenset({"buy", "sell", "exchange", "rebalance", "cut", "arbitrage", "wait"})
PRELUDE = f"""
from decimal import Context, Decimal, InvalidOperation, getcontext
getcontext().prec = {PRECISION}
_compared = Context(prec={COMPARED.prec})
Context = getcontext = None

def near(value):
    return _compared.plus(value) if isinstance(value, Decimal) else value

def both(*parts):
    unknown = None
    for part in parts:
        try:
            if not part():
                return False
        except (LookupError, InvalidOperation) as error:
            unknown = error
    if unknown is not None:
        raise unknown
    return True

def either(*parts):
    unknown = None
    for part in parts:
        try:
            if part():
                return True
        except (LookupError, InvalidOperation) as error:
            unknown = error
    if unknown is not None:
        raise unknown
    return False

def pct(number):
    return Decimal(number) / 100

def seconds(number):
    return number

def minutes(number):
    return number * 60

def hours(number):
    return number * 3600

def days(number):
    return number * 86400
"""


class PreparingRunner(Protocol):
    """The sandbox."""

    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun: ...

    def prepared(self, code: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class OrderRunner:
    """A runner of programs of orders, on the sandbox. `start` is the state that has the prelude."""

    sandbox: PreparingRunner
    start: bytes

    @staticmethod
    def on(sandbox: PreparingRunner) -> OrderRunner:
        return OrderRunner(sandbox, sandbox.prepared(PRELUDE))

    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun:
        """Run a program from its beginning, with tools of its own. A program is one step: `state` must be None."""
        if state is not None or not isinstance(tools, OrderTools | ApproveTools):
            raise TypeError("a program of an order runs from its beginning, with an order's tools")
        try:
            exact = rewritten(code)
        except CodeFault as fault:
            return CodeRun("", (), (), str(fault), Stage.CODE, None)
        return await self.sandbox.run(exact, tools.anew(), self.start)


@functools.lru_cache(maxsize=512)  # kept programs run again at every block
def rewritten(code: str) -> str:
    """The program as the sandbox runs it. Raises CodeFault if it is no Python."""
    if len(code) > MAX_CODE:
        raise CodeFault(f"a program has at most {MAX_CODE} characters")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(code)
        rewriter = _Rewriter(code)
        tree.body = [rewriter.statement(statement) for statement in tree.body]
        tree.body += ast.parse("end()").body
        return ast.unparse(ast.fix_missing_locations(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CodeFault(f"{type(error).__name__}: {one_line(str(error), 100)}") from error


class _Rewriter(ast.NodeTransformer):
    def __init__(self, code: str) -> None:
        self._code = code
        self._actions = 0

    def statement(self, node: ast.stmt) -> ast.stmt:
        """A statement of the program itself, with what an unknown condition does."""
        rewritten: ast.stmt = self.visit(node)
        match rewritten:
            case ast.If(body=[ast.Expr(value=ast.Call() as call)], orelse=[]) if _name(call) in ACTIONS:
                told = ast.Call(call.func, call.args, [*call.keywords, _keyword("unknown", "str(error)")])
            case ast.Expr(value=ast.Call(args=[_]) as call) if _name(call) == "only":
                told = ast.Call(call.func, [ast.Constant(False)], [])
            case _:
                return rewritten
        kinds = ast.parse("LookupError, InvalidOperation", mode="eval").body
        return ast.Try([rewritten], [ast.ExceptHandler(kinds, "error", [ast.Expr(told)])], [], [])

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, float):
            return node
        written = ast.get_source_segment(self._code, node) or repr(node.value)
        return _call("Decimal", ast.Constant(written))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if not any(isinstance(op, ast.In | ast.NotIn | ast.Is | ast.IsNot) for op in node.ops):
            node.left = _call("near", node.left)
            node.comparators = [_call("near", one) for one in node.comparators]
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        nothing = ast.arguments([], [], None, [], [], None, [])
        parts = [ast.Lambda(nothing, value) for value in node.values]
        return _call("both" if isinstance(node.op, ast.And) else "either", *parts)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if _name(node) in ACTIONS:
            node.keywords.append(_keyword("clause", str(self._actions)))
            self._actions += 1
        self.generic_visit(node)
        return node


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [*args], [])


def _keyword(name: str, value: str) -> ast.keyword:
    return ast.keyword(name, ast.parse(value, mode="eval").body)
