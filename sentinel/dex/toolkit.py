"""DexToolkit, the interface of this folder to the cycle and the executor: simulates candidates, makes final bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sentinel.core import gas
from sentinel.core.actions import Action, Approve, Candidate, HoldAction, Swap
from sentinel.core.errors import ActionFault, ForkUnavailable, Refused
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.simulation import SimEnv, Simulation, TxRequest, Where
from sentinel.core.transaction import Fees, Intent
from sentinel.core.units import MAX_TX_GAS
from sentinel.dex.building.permit2 import typed_permit
from sentinel.dex.building.round_trip import sale_of, sale_transactions
from sentinel.dex.building.router import encode_approve, encode_swap
from sentinel.dex.simulating.batch_engine import simulate
from sentinel.dex.simulating.contract_watch import ContractWatch
from sentinel.dex.simulating.environment import BlockEnvironments
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.simulating.simulator import Batch, Engine, Simulator
from sentinel.dex.simulating.storage_slots import PaperSlots, overrides
from sentinel.dex.simulating.trial import EarlierTransaction, Grant, Trial, failed

SCREEN_GAS = 1_000_000  # gas limit while screening; less if the wallet cannot pay for it
WARM = 16  # maximum number of recent candidates that `warm` simulates again at a new head
# The cost of the signed permit, which screening does without: calldata, ecrecover, a fresh storage slot.
PERMIT_GAS, PERMIT_BYTES = 60_000, 416
SALE_DEADLINE = 60  # seconds after the block that a sale is simulated in
_NO_TX = TxRequest("", b"", 0, 0)


class PermitSigner(Protocol):
    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """Returns 65 bytes: r, s, v."""
        ...


class DexToolkit:
    def __init__(
        self,
        network: Network,
        fork: Fork | None,
        engine: Engine = simulate,
        *,
        node: NodeSimulation | None = None,
        watch: ContractWatch | None = None,
        trusted: Collection[Symbol] | None = None,
        salt: bytes | None = None,
    ) -> None:
        """`node` simulates if the fork fails, or always if `fork` is None.

        `watch` compares the contracts of final bytes with those of the start, and the fork's with the node's.
        What is not in `trusted` (None: every token is) is sold again in a simulation of its own before it is bought.
        `salt` draws the block environments; None: the secret of this process.
        """
        self.network = network
        self.fork = fork
        self.watch = watch
        self._trusted = frozenset(network.tokens if trusted is None else trusted) | {NATIVE}
        self.environments = BlockEnvironments(network) if salt is None else BlockEnvironments(network, salt)
        self.simulator = Simulator(network, fork, node, engine)
        self._paper: PaperSlots | None = None  # of a dry run's paper wallet; None: simulations see the chain's balances
        self._last: tuple[Action, ...] = ()  # of the last simulation, for `warm`
        self._warming: asyncio.Task[None] | None = None

    def use_paper(self, slots: PaperSlots) -> None:
        """From now on simulations see the balances of the market state, which are those of a paper wallet."""
        self._paper = slots

    async def simulate_all(self, state: MarketState, candidates: Sequence[Candidate]) -> tuple[Simulation, ...]:
        """Simulate every candidate upon `state.head`, in order, in one HTTP request and without signatures.

        Candidates with equal actions share one trial, because the same bytes on the same state have the same effect.
        A transaction that reverts or is invalid gives a Simulation with `revert`. `tx` is the transaction to send
        without its permit; its gas_limit is that of the final bytes. Raises ForkUnavailable within
        `simulator.timeout`.
        """
        env = self._next(state)
        by_action: dict[Action, Candidate] = {}
        firsts = [by_action.setdefault(candidate.action, candidate) for candidate in candidates]
        trials: list[Trial] = []
        simulations: dict[int, Simulation] = {}  # by id() of the candidate
        for candidate in by_action.values():
            if isinstance(candidate.action, HoldAction):
                simulations[id(candidate)] = Simulation(candidate, None, env, {}, 0, 0, (), None)
                continue
            try:
                trials.append(self._trial(candidate, state, env))
            except ActionFault as error:
                simulations[id(candidate)] = failed(Trial(candidate, _NO_TX, env, None), str(error))
        if trials:
            self._last = tuple(trial.candidate.action for trial in trials)
            if not self.simulator.node_first:  # else the warming continues, to show that the fork is back
                await self._stop_warming()
            batch = Batch(state.wallet, trials, state.balances, state.balances.get(NATIVE, 0))
            results = await self.simulator.run(state.head, batch)
            for trial, result in zip(trials, results, strict=True):
                simulations[id(trial.candidate)] = _tightened(result)
        return tuple(
            simulations[id(first)] if first is candidate else replace(simulations[id(first)], candidate=candidate)
            for first, candidate in zip(firsts, candidates, strict=True)
        )

    def warm(self, state: MarketState) -> None:
        """Move the fork to the head in the background, and let it load the storage that the last candidates touched.

        The next candidates touch much the same slots, and each slot costs a request to the upstream. The fork makes
        those requests while the model thinks. A failure here shows in the next simulation, which cancels the warming
        and so never waits for it.
        """
        if self.fork is not None and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._warm(state), name="fork-warm")
            # cancelled before the fork's own timeout, so that slow reads do not count as a failure of the fork
            asyncio.get_running_loop().call_later(self.fork.timeout * 0.8, self._warming.cancel)

    async def _warm(self, state: MarketState) -> None:
        env = self._next(state)
        trials: list[Trial] = []
        for action in self._last[:WARM]:
            if isinstance(action, Swap):  # after its deadline it would revert before any read
                action = replace(action, deadline=env.timestamp + 60)
            with contextlib.suppress(ActionFault):
                trials.append(self._trial(Candidate(len(trials), action, ""), state, env))
        with contextlib.suppress(ForkUnavailable):
            batch = Batch(state.wallet, trials, state.balances, state.balances.get(NATIVE, 0))
            await self.simulator.warm(state.head, batch)

    async def warmed(self) -> None:
        """Wait until the warming in the background has ended."""
        if self._warming is not None:
            await asyncio.wait([self._warming])

    async def _stop_warming(self) -> None:
        if self._warming is not None and not self._warming.done():
            self._warming.cancel()
            await asyncio.wait([self._warming])

    async def finalise(self, simulation: Simulation, state: MarketState, signer: PermitSigner | None) -> TxRequest:
        """The final transaction: the screened bytes, preceded by the signed permit if a swap sells a token.

        The permit covers exactly amount_in and expires at the deadline. Without a signer, returns the screened bytes.
        Raises Refused if the simulation holds no successful transaction, and what the signer raises.
        """
        action, tx = simulation.candidate.action, simulation.tx
        if tx is None or simulation.revert is not None:
            raise Refused("simulation", "there is no successful transaction to finalise")
        if not isinstance(action, Swap) or action.value or signer is None:
            return tx
        permit = typed_permit(
            chain_id=self.network.chain_id,
            permit2=self.network.permit2,
            token=self.network.tokens[action.token_in].address,
            amount=action.amount_in,
            expiration=action.deadline,
            nonce=state.permit_nonces[action.token_in],
            spender=self.network.universal_router,
        )
        signature = await signer.sign_permit(permit)
        if len(signature) != 65:
            raise Refused("signature", f"the signer returned a signature of {len(signature)} bytes, not 65")
        return replace(tx, data=encode_swap(self.network, state, action, permit, signature))

    async def confirm(self, intent: Intent, head: Head, state: MarketState) -> tuple[Simulation, ...]:
        """Simulate the final bytes upon `head` in three block environments: those of `BlockEnvironments.final`.

        They differ in everything that a contract can read of its block. Balances are read at `head`, in a simulation
        of their own. The simulations run on the node if it can simulate, else on the fork. Meanwhile the contracts of
        the trade are compared with those of the start.

        Raises ForkUnavailable within twice `simulator.timeout`, and Refused if a contract has changed.
        """
        candidate = intent.decision.simulation.candidate
        fees = Fees(intent.env.max_fee, intent.env.priority_fee)
        grant = None if intent.signed else self.grant(candidate, state)
        charged = gas.data_fee(state.data_fee, len(intent.tx.data), intent.tx.gas_limit)
        trials = [
            Trial(
                *(candidate, intent.tx, around.env, grant, charged, around.skipped, around.proposer_balance),
                paper=overrides(self._paper, state),
            )
            for around in self.environments.final(head, state.nonce, fees, intent.deadline)
        ]
        trials[-1].charged = True
        if (sale := self._sale(trials[-1], state)) is not None:
            trials.append(sale)
        usual, other, later, *sold = await self._unchanged(
            candidate.action, head, Batch(state.wallet, trials, None, state.balances.get(NATIVE, 0))
        )
        if sold:
            usual = replace(usual, sold_back=_returned(sold[0]))
        return usual, other, _without_data_fee(later, usual)

    def _sale(self, later: Trial, state: MarketState) -> Trial | None:
        """The sale of what the trial's action buys, some blocks after it; None if the bought token is trusted.

        None too if the sale cannot be encoded: policy then refuses the trade.
        """
        swap = later.candidate.action
        if not isinstance(swap, Swap) or swap.is_cycle or swap.token_out in self._trusted:
            return None
        sale = sale_of(swap, later.env.timestamp + SALE_DEADLINE)
        try:
            *before, sell = sale_transactions(self.network, state, sale, later.tx.gas_limit + PERMIT_GAS)
        except ActionFault:
            return None
        first, number, nonce = later.skipped[0].env.number, later.env.number, later.env.nonce
        earlier = [EarlierTransaction(later.tx, nonce, first)]
        earlier += [EarlierTransaction(tx, nonce + place, number) for place, tx in enumerate(before, start=1)]
        env = replace(later.env, nonce=nonce + len(earlier))
        candidate = Candidate(later.candidate.index, sale, "")
        return replace(later, candidate=candidate, tx=sell, env=env, earlier=tuple(earlier), charged=False, data_fee=0)

    async def _unchanged(self, action: Action, head: Head, batch: Batch) -> list[Simulation]:
        """Run the batch, if the contracts of the action are as at the start, and the fork's as the node's.

        Raises Refused, Unavailable.
        """
        if self.watch is None:
            return await self.simulator.run_final(head, batch)
        check = asyncio.create_task(self.watch.check(action, head))
        try:
            simulations = await self.simulator.run_final(head, batch)
            codes = await check
        finally:
            check.cancel()
            await asyncio.gather(check, return_exceptions=True)
        if self.fork is not None and any(simulation.where is Where.FORK for simulation in simulations):
            try:
                async with self.fork.at(head) as forked:  # after the simulation, which has loaded the code
                    await self.watch.compare(forked, codes)
            except ForkUnavailable:
                self.simulator.doubted = True
                raise
        return simulations

    def _trial(self, candidate: Candidate, state: MarketState, env: SimEnv) -> Trial:
        """A trial of the candidate's action. Raises ActionFault if it cannot be encoded as calldata."""
        action = candidate.action
        value = 0
        if isinstance(action, Swap):
            to, data = self.network.universal_router, encode_swap(self.network, state, action)
            value = action.value
        elif isinstance(action, Approve):
            to, data = encode_approve(self.network, action)
        else:
            raise ActionFault(f"{type(action).__name__} is no transaction")
        grant = self.grant(candidate, state)
        charged = gas.data_fee(state.data_fee, len(data) + (PERMIT_BYTES if grant else 0), SCREEN_GAS)
        affordable = max(state.balances.get(NATIVE, 0) - value - charged, 0) // max(env.max_fee, 1)
        tx = TxRequest(to, data, value, min(SCREEN_GAS, affordable, env.gas_limit))
        return Trial(candidate, tx, env, grant, charged, paper=overrides(self._paper, state))

    def _next(self, state: MarketState) -> SimEnv:
        fees = gas.offered(self.network, state.head, state.priority_fee)
        return self.environments.next_block(state.head, state.nonce, fees)

    def grant(self, candidate: Candidate, state: MarketState) -> Grant | None:
        """The allowance that replaces the signed permit while screening; None if the action needs no permit."""
        action = candidate.action
        if not isinstance(action, Swap) or action.value:
            return None
        token = self.network.tokens[action.token_in].address
        return Grant(token, action.amount_in, action.deadline, state.permit_nonces.get(action.token_in, 0))


def _returned(sale: Simulation) -> int:
    """Base units that the sale brought; 0 if it reverted."""
    swap = sale.candidate.action
    assert isinstance(swap, Swap)
    return sale.deltas.get(swap.token_out, 0) if sale.revert is None else 0


def _without_data_fee(simulation: Simulation, usual: Simulation) -> Simulation:
    """The simulation without the data fee that a rollup's node may have charged in it, but did not in `usual`.

    A contract could read from the rollup's prices whether they are zero, as they are in the others.
    """
    taken = usual.deltas.get(NATIVE, 0) - simulation.deltas.get(NATIVE, 0)
    if not 0 < taken <= simulation.data_fee:
        return simulation
    deltas = {**simulation.deltas, NATIVE: usual.deltas.get(NATIVE, 0)}
    return replace(simulation, deltas={symbol: delta for symbol, delta in deltas.items() if delta})


def _tightened(simulation: Simulation) -> Simulation:
    """The simulation with the gas limit of the final bytes: 1.2 x the gas used, plus PERMIT_GAS if a permit is added.

    Without a permit an eighth of the gas used is added instead. Refunds are subtracted only at the end, so up to a
    fifth of the gas that is needed on the way may not show in the gas used.
    """
    if simulation.revert is not None or simulation.tx is None:
        return simulation
    action = simulation.candidate.action
    permitted = isinstance(action, Swap) and not action.value
    extra = PERMIT_GAS if permitted else simulation.gas_used // 8
    limit = -(-simulation.gas_used * 6 // 5) + extra
    tx = simulation.tx
    return replace(simulation, tx=TxRequest(tx.to, tx.data, tx.value, min(limit, MAX_TX_GAS)))
