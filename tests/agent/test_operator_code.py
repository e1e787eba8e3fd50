"""The operator's own program: what is refused before it is in force, and what becomes of each way it can end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.agent import operator_code
from sentinel.agent.operator_code import MAX_FILE, CodeTrader, Program
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import DiscardReason, HoldAction, Proposal, Stage, Swap
from sentinel.core.errors import SettingsError
from tests.agent.doubles import NETWORK, STATE, VIEW, PaperBuilder, PaperQuoter

BUY = 'swap("USDC", "WETH", 100, best_venue("USDC", "WETH", 100))'
REFUSED = {  # text -> what is said of it after the file's name
    "": ": the file is empty",
    " \n\n": ": the file is empty",
    "x = 1\nif x\n    hold()\n": ", line 2: SyntaxError",
    "x = (1,\n": ", line 1: SyntaxError|, line 2: SyntaxError",
    "x = 1\nbreak\n": ", line 2: SyntaxError",
    "hold()\nimport os\n": ", line 2: ImportError: only math can be imported",
    "a = 1\n# open the file by eval\n": ", line 2: NameError: eval and exec",
    "x = 1\ndel x\n": ", line 2: NotImplementedError",
    "hold('caf\u00e9')": ", line 1: only ASCII",
    "x = 1\nhold('\x1b[31m')": ", line 2: only ASCII",
}


def trader(sandbox: Sandbox, text: str) -> CodeTrader:
    return CodeTrader(Program("mine", text), sandbox, NETWORK, PaperQuoter(), PaperBuilder())


async def proposed(sandbox: Sandbox, text: str, n: int = 1) -> Proposal:
    return await trader(sandbox, text).propose(STATE, VIEW, n)


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_run_is_refused_with_its_line(sandbox: Sandbox, tmp_path: Path, text: str) -> None:
    """By the sandbox's own parser: no program that it would refuse at every block is ever in force."""
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"^SENTINEL_STRATEGY__FILE: {file}({REFUSED[text]})"):
        operator_code.read(file, sandbox)


def test_a_program_is_read_without_being_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """An endless loop passes at once; another text has another name in the records."""
    file = tmp_path / "mine.py"
    file.write_bytes(b"# mine\r\nwhile True:\r\n\tpass\r\n")
    program = operator_code.read(file, sandbox)
    assert program == Program("mine", "# mine\nwhile True:\n\tpass\n")
    assert program.source.startswith("code:mine-")
    assert program.source != Program("mine", "hold()").source


def test_only_a_short_file_that_is_there_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """8,000 bytes and no more; no folder, no device that never ends."""
    file = tmp_path / "mine.py"
    file.write_text("#" * MAX_FILE)
    assert operator_code.read(file, sandbox).text == "#" * MAX_FILE
    file.write_text("#" * (MAX_FILE + 1))
    for path, said in ((file, "longer than 8000"), (tmp_path, "not a file"), (Path("/dev/zero"), "not a file")):
        with pytest.raises(SettingsError, match=said):
            operator_code.read(path, sandbox)
    with pytest.raises(SettingsError, match="not a file"):
        operator_code.read(tmp_path / "absent.py", sandbox)


async def test_a_final_action_is_the_only_candidate(sandbox: Sandbox) -> None:
    """Asked for eight, a program still says one thing; the record holds its text and its name."""
    proposal = await proposed(sandbox, BUY, n=8)
    (candidate,) = proposal.candidates
    assert isinstance(candidate.action, Swap)
    assert (proposal.asked, proposal.discarded, proposal.prompt) == (1, (), ())
    assert [sample.text for sample in proposal.samples] == [BUY]
    assert proposal.source == Program("mine", BUY).source
    assert await trader(sandbox, BUY).more(STATE, VIEW, proposal, 8) == proposal


async def test_a_hold_keeps_the_programs_own_words(sandbox: Sandbox) -> None:
    """A program that only waits need not look at the market."""
    proposal = await proposed(sandbox, 'hold("next buy in " + str(12) + " min")')
    assert [candidate.action for candidate in proposal.candidates] == [HoldAction("next buy in 12 min")]


ENDS = {  # text -> how it falls out, and what is said
    'print("nothing to do")': (Stage.EPISODE, DiscardReason.NOT_FINAL, "ended without swap.*printed: nothing to do"),
    "x = 1": (Stage.EPISODE, DiscardReason.NOT_FINAL, "ended without swap, cycle, route, approve or hold$"),
    f"hold()\n{BUY}": (Stage.ACTION, DiscardReason.TWO_FINALS, "2 final actions: one must exclude the other"),
    'swap("USDC", "WETH", 100, "v2")': (Stage.EPISODE, DiscardReason.NO_FRESH_READ, "without a look at the market"),
    "x = 1\ny = x / 0": (Stage.CODE, DiscardReason.FAILED, "^line 2: ZeroDivisionError"),
    "def f(x):\n    return g(x)\nf(1)": (Stage.CODE, DiscardReason.FAILED, "^line 2: NameError"),
    'x = weight("WETH")\nswap("USDC", "WETH", 0, "v2")': (Stage.ACTION, DiscardReason.UNBUILDABLE, "^line 2: Value"),
    'print("x" * 70000)': (Stage.CODE, DiscardReason.FAILED, "."),
}


@pytest.mark.parametrize("text", ENDS)
async def test_whatever_else_happens_is_no_action_and_says_why(sandbox: Sandbox, text: str) -> None:
    """With the line of the program, so that its author can find it."""
    stage, reason, said = ENDS[text]
    proposal = await proposed(sandbox, text)
    (discarded,) = proposal.discarded
    assert proposal.candidates == ()
    assert (discarded.stage, discarded.reason) == (stage, reason)
    assert re.search(said, discarded.detail)
