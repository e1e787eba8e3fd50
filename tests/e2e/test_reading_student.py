"""The shipped student behind real vLLM: words become a reading, and the approved reading a program that trades."""

from __future__ import annotations

from decimal import Decimal

import aiohttp
import pytest

from sentinel.agent import read_prompt, trade_prompt
from sentinel.agent.kept_programs import KeptPrograms
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.order_build import best_gap
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.prompt import Message
from sentinel.agent.reader import Reader
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.vllm_server import NAME, VllmServer
from sentinel.core.actions import Swap
from sentinel.core.market_state import MarketState
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.orders.battery.groups import groups
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.observed import OrderFacts, observed
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.standing import StandingOrder
from sentinel.orders.typed.order import Order
from sentinel.paper import demo_order
from tests.agent.doubles import VIEW
from tests.agent.test_order_trader import MARKET, NET, QUOTER

WORDS = "please buy WETH for 120 USDC, just once"
READING = "Buy 120 USDC worth of WETH, once."

pytestmark = pytest.mark.asyncio(loop_scope="session")


def order(reading: str = READING) -> Order:
    found = parse(reading, "USDC")
    assert isinstance(found, Order)
    return found


def situation(state: MarketState) -> Situation | None:
    def gap(coin: str, size: Decimal) -> object:
        return best_gap(QUOTER, state, "USDC", coin, size)

    return observed(state, NET, OrderFacts(state.head.timestamp, {}), gap)  # type: ignore[arg-type]


def played(state: MarketState) -> Play:
    facts = situation(state)
    assert facts is not None
    return play(order(), facts)


async def test_words_are_read_by_a_vote(student: VllmServer) -> None:
    """Grounded readings, and the largest group means what the words say."""
    async with StudentModel(student.url, NAME, Sampling(0.7, 0.95, seed=1), timeout=300.0) as model:
        readings = await Reader(model, "USDC", ("WETH", "WBTC", "USDC")).read(demo_order.WORDS)
    assert readings.asked == 16
    assert groups([readings.answer, order(demo_order.READING)])[0].votes == 2, readings


async def test_an_approved_reading_becomes_a_program_that_trades(student: VllmServer) -> None:
    """Most of eight programs make the player's own trade: a swap of 120 USDC for WETH."""
    standing = StandingOrder(order(), "a1", played, lambda: "", situation=situation, text=WORDS)
    async with StudentModel(student.url, NAME, Sampling(seed=1), timeout=300.0) as model:
        with Sandbox() as sandbox:
            runner, kept = OrderRunner.on(sandbox), KeptPrograms(model, 1)
            trader = OrderProgramTrader(standing, kept, runner, NET, QUOTER, ActionBuilder(NET), timeout=300.0)
            proposal = await trader.propose(MARKET, VIEW, 8)
    swaps = [candidate.action for candidate in proposal.candidates if isinstance(candidate.action, Swap)]
    assert len(swaps) > 4, proposal
    assert max(swaps.count(swap) for swap in swaps) > 4
    assert swaps[0].amount_in == 120 * 10**6
    assert (swaps[0].token_in, swaps[0].token_out) == ("USDC", "WETH")


@pytest.mark.parametrize(
    ("messages", "prefill"),
    [
        (read_prompt.read_messages(WORDS), ""),
        (trade_prompt.trade_messages(WORDS), trade_prompt.trade_prefill(order())),
    ],
)
async def test_the_server_renders_a_request_by_the_saved_template(
    student: VllmServer, messages: list[Message], prefill: str
) -> None:
    """To the token: the turns of the training rows, no system prompt of the base's, and a turn that is continued."""
    text = "".join(f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages)
    text += f"<|im_start|>assistant\n{prefill}"
    turns = [*messages, {"role": "assistant", "content": prefill}] if prefill else messages
    goes_on = {"add_generation_prompt": not prefill, "continue_final_message": bool(prefill)}
    requests = {"messages": turns, **goes_on}, {"prompt": text, "add_special_tokens": False}
    tokens = []
    async with aiohttp.ClientSession() as session:
        for body in requests:
            url = student.url.removesuffix("/v1") + "/tokenize"
            async with session.post(url, json={"model": NAME, **body}) as reply:
                tokens.append((await reply.json())["tokens"])
    assert tokens[0] == tokens[1]
    assert len(tokens[0]) > 10
