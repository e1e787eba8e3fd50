"""What many readings of an order say: which is right, and how large agreement must be. Values worked out by hand."""

from __future__ import annotations

import pytest

from lab.reading_votes import __main__ as command
from lab.reading_votes.outcomes import Outcome, least_agreement, place_of, points, same, separation, summary
from lab.reading_votes.ways import WAYS
from sentinel.orders.battery.groups import groups
from sentinel.orders.language.reading import Reading
from sentinel.orders.language.reading_parser import NotRead, parse


def reading(text: str) -> Reading:
    found = parse(text, "USDC")
    assert not isinstance(found, NotRead)
    return found


def outcome(votes: tuple[int, ...], right: int | None, chosen: int | None = None) -> Outcome:
    return Outcome("o", "seeds", 10, votes, right, chosen)


BUY = reading("Buy 100 USDC worth of WETH, every 1 hour.")
ALSO_BUY = reading("Buy 100 USDC worth of WETH, every 60 minutes.")
SELL = reading("Sell 100 USDC worth of WETH, every 1 hour.")


def test_readings_are_the_same_by_what_they_do_and_any_question_is_a_question() -> None:
    assert same(BUY, ALSO_BUY)
    assert not same(BUY, SELL)
    assert same(reading("Ask: how much should be traded?"), reading("Ask: at which price, change or level?"))
    assert not same(reading("Ask: how much should be traded?"), BUY)


def test_the_true_reading_has_its_place_among_the_groups() -> None:
    found = groups([SELL, SELL, BUY])
    assert place_of(ALSO_BUY, found) == 1
    assert place_of(reading("Buy 5 USDC worth of WETH, every 1 hour."), found) is None


def test_a_tie_has_no_agreement() -> None:
    assert outcome((4, 4, 1), 0).agreement == 0
    assert outcome((), None).agreement == 0
    assert outcome((4, 3), 0).agreement == 0.4


def test_least_agreement_is_where_the_wrong_ones_end() -> None:
    outcomes = [outcome((9,), 0)] * 60 + [outcome((7,), 0)] * 39 + [outcome((7,), 1)] * 1 + [outcome((4,), 1)] * 5
    assert [(point.agreement, point.shown.hits, point.wrong.hits) for point in points(outcomes)] == [
        (0.4, 105, 6),
        (0.7, 100, 1),
        (0.9, 60, 0),
    ]
    least = least_agreement(outcomes)
    assert least is not None
    assert least.agreement == 0.7  # 1 of 100 is wrong; with 0.4 it would be 6 of 105
    assert least_agreement([outcome((9,), 1)]) is None


def test_agreement_separates_right_from_wrong_by_the_share_of_pairs() -> None:
    outcomes = [outcome((9,), 0), outcome((5,), 0), outcome((5,), 1), outcome((2,), None)]
    assert separation(outcomes) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert separation(outcomes[:2]) is None


def test_the_summary_counts_the_choice_of_the_round_trip() -> None:
    told = summary([outcome((5, 4), 1, chosen=1), outcome((5, 4), 0, chosen=1), outcome((), None)])
    assert told["right_first"] == {"hits": 1, "total": 3, "share": 0.3333, "low": 0.0615, "high": 0.7923}
    assert told["right_by_round_trip"]["hits"] == 1  # type: ignore[index]
    assert told["right_by_round_trip"]["total"] == 3  # type: ignore[index]
    assert told["grounded"] == 0.6


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_way_deals_sixteen_samples_out_evenly(way: object) -> None:
    assert callable(command.main)
    requests = way.requests("Buy some ETH.")  # type: ignore[attr-defined]
    assert 16 % len(requests) == 0
    assert requests[0].words == "Buy some ETH."
