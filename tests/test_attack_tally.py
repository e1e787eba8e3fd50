"""The table of `make safety`: a failed attack test is never left out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ATTACKS = """
import pytest

@pytest.mark.attack("tax", "refused")
def test_one():
    pass

@pytest.mark.attack("tax", "contained")
@pytest.mark.parametrize("case", [1, 2])
def test_many(tries, case):
    tries.contained(3)
    tries.refused()
    assert case == 1

@pytest.mark.attack("fork", "refused")
def test_setup_fails(no_such_fixture):
    pass

def test_no_attack():
    pass
"""


def test_every_try_has_its_line(pytester: pytest.Pytester) -> None:
    """Passed tests count as they ended, a failed one and one whose fixture is missing count as lost."""
    pytester.makeconftest(Path(__file__).with_name("attack_tally.py").read_text())
    pytester.makeini("[pytest]\nmarkers = attack(category, ending): an attack\nfilterwarnings = ignore")
    pytester.makepyfile(ATTACKS)
    lines = pytester.runpytest_inprocess("-m", "attack", "-p", "no:cacheprovider").outlines
    table = [line.split() for line in lines if line.startswith(("attack ", "tax ", "fork "))]
    assert table == [
        ["attack", "tried", "contained", "refused", "lost"],
        ["fork", "1", "0", "0", "1"],
        ["tax", "6", "3", "2", "1"],
    ]
