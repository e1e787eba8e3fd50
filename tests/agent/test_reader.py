"""The reader, with a stand-in for the student: a list of answers, right and wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sentinel.agent.episode import Message
from sentinel.agent.read_prompt import SYSTEM
from sentinel.agent.reader import Reader, Readings
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import Ask, Refuse, render

WORDS = "scoop 80 dollars of ether when it is at 1,650 or less, one time"
RIGHT = "If the price of WETH is at most 1650 USDC, buy 80 USDC worth of WETH, once."
STRICT = "If the price of WETH is below 1650 USDC, buy 80 USDC worth of WETH, once."
SAME = "If not (the price of WETH is above 1650 USDC), buy 80 USDC worth of WETH, 1 times."


class Answers:
    """A test double for the student: it gives the answers of a list, whatever it is asked."""

    def __init__(self, *texts: str, finish: Finish = Finish.STOP) -> None:
        self.samples = [Sample(0, index, text, 10, finish) for index, text in enumerate(texts)]
        self.asked: list[Sequence[Message]] = []

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        self.asked.append(messages)
        return self.samples[:n]


async def read(*texts: str, words: str = WORDS, samples: int | None = None, finish: Finish = Finish.STOP) -> Readings:
    reader = Reader(Answers(*texts, finish=finish), "USDC", ("WETH", "WBTC", "USDC"), samples or len(texts))
    return await reader.read(words)


async def test_readings_of_one_meaning_are_one_group() -> None:
    """Whatever their text; the largest group is the answer, and each group is kept for the read-back."""
    found = await read(RIGHT, SAME, RIGHT, "Ask: how much?")
    assert [group.votes for group in found.groups] == [3, 1]
    assert render(found.answer).startswith("If the price of WETH is at most 1,650 USDC, buy 80 USDC")
    assert found.groups[1].reading == Ask(Question.SIZE)
    assert not found.dropped


async def test_what_does_not_stand_in_the_words_is_dropped_with_its_reason() -> None:
    wrong = (RIGHT.replace("80", "800"), RIGHT.replace("WETH", "WBTC"), RIGHT.replace("WETH", "UNI"), "Buy the dip.")
    found = await read(RIGHT, STRICT, *wrong, "Ask: what colour?")
    assert [group.votes for group in found.groups] == [1]
    assert found.dropped == {
        "not grounded: the words use 1,650 in another way": 1,
        "not grounded: the words do not say a size of 800": 1,
        "not grounded: WETH is left out": 1,
        "UNI is not in the network": 1,
        "it is no reading": 1,
        "it asks or refuses in words of its own": 1,
    }


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        ((RIGHT, RIGHT, "junk", "junk"), RIGHT.replace("1650", "1,650")),
        ((RIGHT, "junk", "junk", "junk"), render(Ask(Question.MEANING))),
        ((RIGHT, RIGHT, "Ask: buy or sell?", "Ask: buy or sell?"), render(Ask(Question.MEANING))),
        (("Refuse: what is not held cannot be sold",) * 3 + (RIGHT,), render(Refuse(Refusal.SHORT))),
        (("junk",) * 4, render(Ask(Question.MEANING))),
    ],
)
async def test_too_little_agreement_is_a_question(texts: tuple[str, ...], answer: str) -> None:
    """Readings that fell out count as asked for, and a tie is no agreement."""
    assert render((await read(*texts)).answer) == answer


async def test_an_answer_that_was_cut_off_or_never_came_counts_for_nothing() -> None:
    found = await read(RIGHT, RIGHT, samples=4, finish=Finish.LENGTH)
    assert found.dropped == {"it was cut off": 2, "it was not drawn": 2}
    assert found.answer == Ask(Question.MEANING)


async def test_the_words_are_asked_by_the_prompt_of_the_training() -> None:
    """On one line, as the user's message and nowhere else."""
    answers = Answers(RIGHT)
    await Reader(answers, "USDC", ("WETH", "WBTC", "USDC"), 1).read("  buy\n 80 ")
    assert answers.asked == [[{"role": "system", "content": SYSTEM}, {"role": "user", "content": "buy 80"}]]


@pytest.mark.parametrize("words", ["", " \n", "buy \x1b[2J 80", "buy \u202e80", "buy \uff18\uff10", "b" * 1_001])
async def test_words_that_cannot_be_shown_are_refused(words: str) -> None:
    """Before the model sees them."""
    with pytest.raises(OperatorError):
        await read(RIGHT, words=words)
