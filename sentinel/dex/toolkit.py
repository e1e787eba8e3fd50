"""DexToolkit: what the cycle and the executor use of this folder. Candidates in, simulated effects out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sentinel.core import gas
from sentinel.core.actions import Action, Approve, Candidate, HoldAction, Swap
from sentinel.core.errors import ActionFault, ForkUnavailable, Refused
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE, Network
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.transaction import Fees, Intent
from sentinel.core.units import MAX_TX_GAS
from sentinel.dex.building.permit2 import typed_permit
from sentinel.dex.building.router import encode_approve, encode_swap
from sentinel.dex.simulating.batch_engine import simulate
from sentinel.dex.simulating.environment import next_block, other_block
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.simulating.simulator import Batch, Engine, Simulator
from sentinel.dex.simulating.trial import Grant, Trial, failed

SCREEN_GAS = 1_000_000  # gas limit while screening; less where the wallet cannot pay for it
WARM = 16  # of the last candidates, simulated again at a new head so that the fork has read what they touch
# What the signed permit costs on top of the screening: calldata, ecrecover, a fresh storage slot.
PERMIT_GAS, PERMIT_BYTES = 60_000, 416
_NO_TX = TxRequest("", b"", 0, 0)


class PermitSigner(Protocol):
    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """65 bytes: r, s, v."""
        ...


class DexToolkit:
    def __init__(
        self, network: Network, fork: Fork | None, engine: Engine = simulate, *, node: NodeSimulation | None = None
    ) -> None:
        """`node` stands in where the fork fails; without a fork it does all."""
        self.network = network
        self.fork = fork
        self.simulator = Simulator(network, fork, node, engine)
        self._last: tuple[Action, ...] = ()  # what was simulated last, for `warm`
        self._warming: asyncio.Task[None] | None = None

    async def simulate_all(self, state: MarketState, candidates: Sequence[Candidate]) -> tuple[Simulation, ...]:
        """Every candidate's effect upon `state.head`, in order; one HTTP request, no signatures.

        Candidates with the same action are one trial: the same bytes on the same state do the same.
        A transaction that reverts or is invalid is a Simulation with `revert`. `tx` is what would be sent, but for the
        permit: its gas_limit is already that of the final bytes. Raises ForkUnavailable within `simulator.timeout`.
        """
        env = self._next(state)
        firsts: dict[Action, Candidate] = {}
        first = [firsts.setdefault(candidate.action, candidate) for candidate in candidates]
        trials: list[Trial] = []
        done: dict[int, Simulation] = {}  # by the candidate's identity
        for candidate in firsts.values():
            if isinstance(candidate.action, HoldAction):
                done[id(candidate)] = Simulation(candidate, None, env, {}, 0, 0, (), None)
                continue
            try:
                trials.append(self._trial(candidate, state, env))
            except ActionFault as error:
                done[id(candidate)] = failed(Trial(candidate, _NO_TX, env, None), str(error))
        if trials:
            self._last = tuple(trial.candidate.action for trial in trials)
            if not self.simulator.node_first:  # else the fork may go on, to show that it is back
                await self._stop_warming()
            batch = Batch(state.wallet, trials, state.balances, state.balances.get(NATIVE, 0))
            results = await self.simulator.run(state.head, batch)
            for trial, result in zip(trials, results, strict=True):
                done[id(trial.candidate)] = _tightened(result)
        return tuple(
            done[id(same)] if same is candidate else replace(done[id(same)], candidate=candidate)
            for same, candidate in zip(first, candidates, strict=True)
        )

    def warm(self, state: MarketState) -> None:
        """Put the fork on the head in the background, and let it read there what the last candidates touched.

        The next ones touch much the same, and each slot is a request to the upstream: the model's time pays for it.
        Whatever fails here the next simulation tells; it ends this as soon as it begins, so it never waits for it.
        """
        if self.fork is not None and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._warm(state), name="fork-warm")
            # cancelled ahead of the fork's own timeout, so that slow reads count as no failure of the fork
            asyncio.get_running_loop().call_later(self.fork.timeout * 0.8, self._warming.cancel)

    async def _warm(self, state: MarketState) -> None:
        env = self._next(state)
        trials: list[Trial] = []
        for action in self._last[:WARM]:
            if isinstance(action, Swap):  # past its deadline it would touch nothing
                action = replace(action, deadline=env.timestamp + 60)
            with contextlib.suppress(ActionFault):
                trials.append(self._trial(Candidate(len(trials), action, ""), state, env))
        with contextlib.suppress(ForkUnavailable):
            batch = Batch(state.wallet, trials, state.balances, state.balances.get(NATIVE, 0))
            await self.simulator.warm(state.head, batch)

    async def warmed(self) -> None:
        """Until what `warm` began has ended."""
        if self._warming is not None:
            await asyncio.wait([self._warming])

    async def _stop_warming(self) -> None:
        if self._warming is not None and not self._warming.done():
            self._warming.cancel()
            await asyncio.wait([self._warming])

    async def finalise(self, simulation: Simulation, state: MarketState, signer: PermitSigner | None) -> TxRequest:
        """The bytes that are sent: those that were screened, with the signed permit ahead where a swap sells a token.

        The permit is for exactly amount_in and ends with the deadline. Without a signer: the screened bytes.
        Raises Refused where the simulation is of nothing that can be sent, and as the signer does.
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
            raise Refused("signature", f"the signer gave {len(signature)} bytes, not 65")
        return replace(tx, data=encode_swap(self.network, action, permit, signature))

    async def confirm(self, intent: Intent, head: Head, state: MarketState) -> tuple[Simulation, Simulation]:
        """The intent's final bytes upon `head`, in two block environments that differ in all a contract may look at.

        Balances are read at `head` itself, inside each simulation. Raises ForkUnavailable within `simulator.timeout`.
        """
        candidate = intent.decision.simulation.candidate
        fees = Fees(intent.env.max_fee, intent.env.priority_fee)
        grant = None if intent.signed else self.grant(candidate, state)
        charged = gas.data_fee(state.data_fee, len(intent.tx.data), intent.tx.gas_limit)
        trials = [
            Trial(candidate, intent.tx, make(self.network, head, state.nonce, fees), grant, charged)
            for make in (next_block, other_block)
        ]
        batch = Batch(state.wallet, trials, None, state.balances.get(NATIVE, 0))
        usual, other = await self.simulator.run(head, batch)
        return usual, other

    def _trial(self, candidate: Candidate, state: MarketState, env: SimEnv) -> Trial:
        """Raises ActionFault where the action cannot be said in calldata."""
        action = candidate.action
        value = 0
        if isinstance(action, Swap):
            to, data = self.network.universal_router, encode_swap(self.network, action)
            value = action.value
        elif isinstance(action, Approve):
            to, data = encode_approve(self.network, action)
        else:
            raise ActionFault(f"{type(action).__name__} is no transaction")
        grant = self.grant(candidate, state)
        charged = gas.data_fee(state.data_fee, len(data) + (PERMIT_BYTES if grant else 0), SCREEN_GAS)
        affordable = max(state.balances.get(NATIVE, 0) - value - charged, 0) // max(env.max_fee, 1)
        tx = TxRequest(to, data, value, min(SCREEN_GAS, affordable, env.gas_limit))
        return Trial(candidate, tx, env, grant, charged)

    def _next(self, state: MarketState) -> SimEnv:
        fees = gas.offered(self.network, state.head, state.priority_fee)
        return next_block(self.network, state.head, state.nonce, fees)

    def grant(self, candidate: Candidate, state: MarketState) -> Grant | None:
        """What stands for the signed permit where a candidate is screened; None where it needs none."""
        action = candidate.action
        if not isinstance(action, Swap) or action.value:
            return None
        token = self.network.tokens[action.token_in].address
        return Grant(token, action.amount_in, action.deadline, state.permit_nonces.get(action.token_in, 0))


def _tightened(simulation: Simulation) -> Simulation:
    """The gas limit of the final bytes: a fifth above what was used, and the permit's room where one is added.

    Where there is none, an eighth more: refunds come off last, and may hide a fifth of what is spent on the way.
    """
    if simulation.revert is not None or simulation.tx is None:
        return simulation
    action = simulation.candidate.action
    permitted = isinstance(action, Swap) and not action.value
    room = PERMIT_GAS if permitted else simulation.gas_used // 8
    limit = -(-simulation.gas_used * 6 // 5) + room
    tx = simulation.tx
    return replace(simulation, tx=TxRequest(tx.to, tx.data, tx.value, min(limit, MAX_TX_GAS)))
