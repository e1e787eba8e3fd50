"""How a served student trades an approved order: its programs run in each labelled situation, and their vote acts.

It is graded twice: behind the order guard, as the daemon always trades, and without it. The unguarded grade exists in
this bench alone, to show what the guard stops; no setting of the daemon takes the guard away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sentinel.agent.model import Sampling
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.parse import parse
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trade_prompt import trade_messages, trade_prefill
from sentinel.config.setting_groups import ModelSettings, VoteSettings
from sentinel.core.actions import Action, Finish, HoldAction, Sample
from sentinel.core.errors import ModelUnavailable
from sentinel.core.units import BPS
from sentinel.distill.evaluation.kept_answers import KeptAnswers
from sentinel.distill.evaluation.labelled_orders import QUOTE, TOKENS, LabelledOrder, LabelledSituation
from sentinel.distill.evaluation.order_grades import Graded, Outcome, graded, traded
from sentinel.distill.evaluation.served_reader import KeptSampler
from sentinel.orders.playing.player import play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.trades import Trade
from sentinel.orders.typed.order import Order

MODEL = ModelSettings()
SAMPLING = Sampling(MODEL.temperature, MODEL.top_p, MODEL.max_tokens, seed=1)
TOLERANCE_BPS = VoteSettings().agreement_bps  # how far the guard lets an amount be from the player's
NO_MAJORITY = "no majority of the programs does the same"


class ServedPrograms:
    """Close it after use, or use it as a context. The caller closes `sandbox`."""

    def __init__(self, url: str, kept: KeptAnswers, sandbox: Sandbox, name: str = "") -> None:
        """`url` ends in /v1. `name` is the served model's; empty: the only one that is served."""
        self._sampler, self._runner = KeptSampler(url, SAMPLING, kept, name), OrderRunner.on(sandbox)

    async def graded(self, order: LabelledOrder, samples: int) -> tuple[Graded, Graded]:
        """Behind the guard, and without it. The approved reading is the label's; if that is no order, nothing is
        traded. Raises ModelUnavailable."""
        reading = order.reading
        if not isinstance(reading, Order):
            return graded(order, reading), graded(order, reading)
        drawn = await self._sampler.sample(trade_messages(order.text), samples, trade_prefill(reading))
        codes = [code for code in map(_code, drawn) if code is not None]
        guarded, unguarded = list[Outcome](), list[Outcome]()
        for situation in order.situations:
            at = situation.facts(reading)
            trade, why = await self._voted(codes, at, samples)
            unguarded.append(traded(trade, why, situation))
            guarded.append(_behind_guard(trade, why, reading, at, situation))
        return Graded(order, reading, tuple(guarded)), Graded(order, reading, tuple(unguarded))

    async def _voted(self, codes: Sequence[str], at: Situation, asked: int) -> tuple[Trade | None, str]:
        """What a strict majority of all that were asked for does."""
        runs = {code: await self._run(code, at) for code in dict.fromkeys(codes)}
        votes = Counter(runs[code] for code in codes)
        if not votes or 2 * votes.most_common(1)[0][1] <= asked:
            return None, NO_MAJORITY
        ((trade, _),) = votes.most_common(1)
        return trade, "the programs hold" if trade is None else "the programs trade"

    async def _run(self, code: str, at: Situation) -> Trade | None:
        made: list[Trade] = []

        def make(trade: Trade) -> Action:
            made.append(trade)
            return HoldAction("not built: only what is traded is graded")

        run = await self._runner.run(code, OrderTools(at, QUOTE, frozenset(TOKENS), make))
        return made[0] if made and run.error is None else None

    async def __aenter__(self) -> ServedPrograms:
        """Raises ModelUnavailable."""
        try:
            await self._sampler.start()
        except ModelUnavailable:
            await self._sampler.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._sampler.close()


def _code(sample: Sample) -> str | None:
    code = parse(sample.text, sample.index) if sample.finish is Finish.STOP else None
    return code if isinstance(code, str) else None


def _behind_guard(
    trade: Trade | None, why: str, reading: Order, at: Situation, situation: LabelledSituation
) -> Outcome:
    wanted = play(reading, at).trade
    if trade is None or (wanted is not None and _same(trade, wanted)):
        return traded(trade, why, situation)
    return traded(None, "the order guard refuses it", situation)


def _same(trade: Trade, wanted: Trade) -> bool:
    """As `decide/rules_order.py`: same side and tokens, and an amount within the tolerance and the order's limits."""
    sides = (trade.side, trade.sold, trade.bought) == (wanted.side, wanted.sold, wanted.bought)
    within = abs(trade.amount - wanted.amount) * BPS <= TOLERANCE_BPS * wanted.amount
    return sides and within and (wanted.most is None or trade.amount <= wanted.most)
