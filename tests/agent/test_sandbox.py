"""Code actions in real workers: forked, bounded, and with nothing in reach but the tools."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import pytest

from sentinel.agent.sandbox import MAX_ERROR, MAX_OBSERVATION, Sandbox
from sentinel.core.actions import Action, HoldAction
from tests.agent.doubles import toolbox


def test_a_run_gives_what_it_printed_read_and_decided(sandbox: Sandbox) -> None:
    """Printed output is the observation; market reads and final actions are noted in order."""
    run = sandbox.run_blocking('p = prices("WETH", 2)\nprint(p, target("WETH"))\nhold("calm")', toolbox())
    assert run.observation == "[1980.123, 2000.0] 0.5"
    assert run.reads == ("prices",)
    assert run.finals == (HoldAction("calm"),)
    assert run.error is None


def test_state_goes_on_within_a_lineage_and_forks_do_not_touch_each_other(sandbox: Sandbox) -> None:
    """Two runs from one state see its names, functions and lists, and neither sees what the other did."""
    first = sandbox.run_blocking('seen = [1]\ndef twice(x):\n    return 2 * x\nw = weight("WETH")', toolbox())
    assert first.state is not None
    left = sandbox.run_blocking("seen.append(2)\nw = 0\nprint(seen, w)", toolbox(), first.state)
    right = sandbox.run_blocking("seen.append(3)\nprint(seen, w, twice(21))", toolbox(), first.state)
    assert (left.observation, right.observation) == ("[1, 2] 0", "[1, 3] 0.6 42")
    assert left.state is not None
    assert sandbox.run_blocking("print(seen, w)", toolbox(), left.state).observation == "[1, 2] 0"


async def test_runs_at_the_same_time_are_apart(sandbox: Sandbox) -> None:
    """Many more runs than workers, all at once, each with its own names."""
    codes = [f"x = {i}\nfor _ in range(50):\n    x = x + 1\nprint(x - 50)" for i in range(40)]
    runs = await asyncio.gather(*(sandbox.run(code, toolbox()) for code in codes))
    assert [run.observation for run in runs] == [str(i) for i in range(40)]


async def test_the_same_code_gives_the_same_run(sandbox: Sandbox) -> None:
    """A run is a function of code, state and tools."""
    code = 'print(best_cycle("USDC", "WETH", 500), {"a", "b"} == {"b", "a"})\nswap("USDC", "WETH", 100, "v2")'
    runs = await asyncio.gather(*(sandbox.run(code, toolbox()) for _ in range(6)))
    assert len({(run.observation, run.finals, run.reads, run.error) for run in runs}) == 1


HOSTILE = {
    "a file": 'open("/etc/passwd").read()',
    "a written file": 'open("x", "w").write("x")',
    "import by name": "import os",
    "import among others": "import math, os",
    "import behind a semicolon": "import math; import os",
    "import from": "from os import environ",
    "import in one line": "if True: import time",
    "import call": '__import__("os")',
    "eval": 'eval("1 + 1")',
    "exec": 'exec("x = 1")',
    "exec by another name": 'run = exec\nrun("x = 1")',
    "compile": 'compile("1", "a", "eval")',
    "class of a value": "().__class__",
    "class by getattr": 'getattr((), "__cl" + "ass__")',
    "subclasses": "().__class__.__mro__[-1].__subclasses__()",
    "globals of a tool": "weight.__globals__",
    "globals of a tool by getattr": 'getattr(weight, "_" + "_globals_" + "_")',
    "builtins": "__builtins__",
    "globals": "globals()",
    "format's way in": '"{0._" + "_class_" + "_}".format(weight)["a"]\n"{0.state}".format(weight)',
    "an attribute of a tool": "weight.state",
    "input": "input()",
    "breakpoint": "breakpoint()",
    "exit": "raise SystemExit",
    "interrupt": "raise KeyboardInterrupt",
    "look-alike letters": "\uff45val('1')",
    "a lone surrogate": "'\ud800'",
    "a null": "\x00",
    "a name of its own": "no_such_tool(1)",
    "deep brackets": "(" * 3000,
    "deep signs": "-" * 3000 + "1",
    "deep attributes": "x = a" + ".a" * 1900,
    "endless recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "endless recursion by lambda": "f = lambda: f()\nf()",
    "a huge list": "x = [0] * 10**9",
    "a huge text": "x = 'a' * 10**9",
    "doubling": "s = 'x'\nwhile True:\n    s += s",
    "a huge power": "10 ** 10 ** 8",
    "a huge number's digits": "print(10 ** 5000)",
    "megabytes printed": "print('x' * 10**7)",
    "too many tool calls": "for i in range(10**6):\n    weight('WETH')",
    "too many caught tool errors": "while True:\n    try:\n        weight(1)\n    except ValueError:\n        pass",
    "an awaited tool": "await weight('WETH')",
    "a broken line": "x = = 1",
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_code_fails_with_one_short_line(sandbox: Sandbox, code: str) -> None:
    """No way out, no state left behind, and an error that fits into a prompt."""
    run = sandbox.run_blocking(code, toolbox())
    assert run.error is not None
    assert run.state is None
    assert run.finals == ()
    assert len(run.error) <= MAX_ERROR
    assert run.error.isprintable()
    assert run.error.isascii()
    assert len(run.observation) <= MAX_OBSERVATION


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "sum(range(10**12))", "while True:\n    try:\n        while True: pass\n    except: pass"],
)
def test_time_is_bounded(sandbox: Sandbox, code: str) -> None:
    """One second of interpreting, caught or not; the error does not name the measured time."""
    started = time.perf_counter()
    run = sandbox.run_blocking(code, toolbox())
    assert run.error == "TimeoutError: it ran longer than 1 s"
    assert time.perf_counter() - started < 4


def test_eval_reached_without_its_name_still_finds_nothing(sandbox: Sandbox) -> None:
    """Names from text are not a way to what the screen keeps out."""
    for code in ('getattr(1, "ev" + "al")', 'vars()["ev" + "al"]', 'globals()["ev" + "al"]', "[].sort.ev"):
        assert sandbox.run_blocking(code, toolbox()).error is not None


def test_workers_recover_after_abuse(sandbox: Sandbox) -> None:
    """Whatever happened before, the next run is served."""
    for code in ("x = [0] * 10**9", "(" * 3000, "while True: pass"):
        sandbox.run_blocking(code, toolbox())
        assert sandbox.run_blocking("print(1)", toolbox()).observation == "1"


def test_extreme_numbers_are_the_codes_own_problem(sandbox: Sandbox) -> None:
    """1e400 is infinity and NaN is no number: no tool takes either, and none answers with one."""
    for number in ("1e400", "-1e400", 'float("nan")', "10**400", "-1", "0", '"1"', "True", "None", "[1]", "1e16"):
        for call in (f'swap("USDC", "WETH", {number}, "v2")', f'quote("USDC", "WETH", {number}, "v2")'):
            run = sandbox.run_blocking(call, toolbox())
            assert run.error is not None
            assert run.error.startswith("ValueError: an amount is a"), (call, run.error)


def test_what_is_shown_is_printable_and_short(sandbox: Sandbox) -> None:
    """Escape sequences, other alphabets and floods never reach the next prompt."""
    assert sandbox.run_blocking("print('a\\x1b[31m\\u0435\\ud800b')", toolbox()).observation == "a?[31m??b"
    shown = sandbox.run_blocking("print('x' * 5000)", toolbox()).observation
    assert len(shown) == MAX_OBSERVATION
    assert shown.endswith("...")


def test_only_math_can_be_imported(sandbox: Sandbox) -> None:
    """math works in both spellings, and nothing hides behind it."""
    assert (
        sandbox.run_blocking("import math\nfrom math import floor\nprint(floor(math.e))", toolbox()).observation == "2"
    )
    assert sandbox.run_blocking("from math import floor; import os", toolbox()).error is not None


def test_a_tool_that_the_code_redefines_does_nothing(sandbox: Sandbox) -> None:
    """A function of the sandbox's own is no final action, whatever its name."""
    run = sandbox.run_blocking('def swap(*a):\n    print("mine")\nswap("USDC", "WETH", 1, "v2")', toolbox())
    assert (run.observation, run.finals) == ("mine", ())


def test_a_refused_final_action_is_an_error_of_the_action_and_may_be_caught(sandbox: Sandbox) -> None:
    """Left alone it fails the run at stage `action`; caught, the code may choose otherwise."""
    call = 'swap("WETH", "USDC", 99, "v2")'
    run = sandbox.run_blocking(call, toolbox())
    assert (run.error, run.stage) == ("ValueError: the amount is more than the balance", "action")
    run = sandbox.run_blocking(f'try:\n    {call}\nexcept ValueError:\n    hold("too much")', toolbox())
    assert (run.error, run.finals) == (None, (HoldAction("too much"),))


def test_nothing_of_the_host_can_be_read(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary in the environment and in a file is found by no code."""
    monkeypatch.setenv("CANARY", "0xcanary")
    with Sandbox(workers=1) as box:
        for code in ("import os\nprint(os.environ)", "open('/proc/self/environ').read()", "print(dir(), vars())"):
            run = box.run_blocking(code, toolbox())
            assert "canary" not in f"{run.observation}{run.error}"
            assert run.error is not None


async def test_eight_runs_of_four_lines_take_little_time(sandbox: Sandbox) -> None:
    """20 ms for a step of eight samples is the aim; five times as much is a fault even on a busy machine."""
    code = (
        'gap = weight("WETH") - target("WETH")\n'
        "size = abs(gap) * equity()\n"
        'venue = best_venue("WETH", "USDC", size)\n'
        "print(gap, venue)"
    )
    state = sandbox.run_blocking("x = 1", toolbox()).state
    fastest = 1.0
    for _ in range(5):
        started = time.perf_counter()
        await asyncio.gather(*(sandbox.run(code, toolbox(), state) for _ in range(8)))
        fastest = min(fastest, time.perf_counter() - started)
    assert fastest < 0.1


def test_a_process_with_a_sandbox_ends_cleanly() -> None:
    """Under plain asyncio, and even when nobody closed the pool."""
    program = (
        "import asyncio\n"
        "from sentinel.agent.sandbox import Sandbox\n"
        "from tests.agent.doubles import toolbox\n"
        "async def main():\n"
        "    box = Sandbox()\n"
        "    await asyncio.gather(*(box.run('print(weight(\"WETH\"))', toolbox()) for _ in range(8)))\n"
        "asyncio.run(main())\n"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, env={**os.environ})
        assert (done.returncode, done.stderr) == (0, b"")


class Tampered:
    """A toolbox with a tool put in another's place."""

    def __init__(self, **tools: Callable[..., object]) -> None:
        box = toolbox()
        self.reads: Mapping[str, Callable[..., object]] = {**box.reads, **tools}
        self.finals: Mapping[str, Callable[..., Action]] = box.finals
        self.fresh = box.fresh


@pytest.mark.parametrize("code", ["weight('WETH')", "try:\n    weight('WETH')\nexcept Exception:\n    hold('x')"])
def test_a_tool_that_breaks_fails_its_run_and_nothing_else(sandbox: Sandbox, code: str) -> None:
    """Whatever a model makes a tool trip over must not end the process (I22): that run has no result, others go on."""

    def broken(token: str) -> float:
        raise IndexError(token)

    run = sandbox.run_blocking(code, Tampered(weight=broken))
    assert run.error == "RuntimeError: weight failed (IndexError)"
    assert run.state is None
    assert sandbox.run_blocking("print(weight('WETH'))", toolbox()).observation == "0.6"


def test_tools_are_called_for_a_bounded_time(sandbox: Sandbox) -> None:
    """A run that keeps slow tools busy ends, since nobody may be waiting for it any more."""

    def slowly(token: str) -> float:
        time.sleep(0.3)
        return 0.5

    slow = Tampered(weight=slowly)
    started = time.perf_counter()
    run = sandbox.run_blocking("for _ in range(60):\n    weight('WETH')", slow)
    assert run.error == "TimeoutError: it ran longer than 1 s"
    assert time.perf_counter() - started < 6
