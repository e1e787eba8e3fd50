"""Comparison of a replayed block with its receipts: each difference of a transaction has a reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.mainnet_blocks.block_replay import Replay
from lab.mainnet_blocks.real_block import RealBlock
from lab.mainnet_blocks.upstream import Slot
from sentinel.dex.simulating.simulate_v1 import ExecutedCall

OUTPUT = 2_048  # max bytes of return data in the records
_SWAPS = {
    "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822": "v2",
    "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67": "v3",
}


@dataclass(frozen=True, slots=True)
class ReplayVerdict:
    """The comparison of one transaction. It is not exact if it reads a slot that is not in the record."""

    index: int
    hash: str
    exact: bool
    status: bool  # equals the receipt's; the same for gas, logs and output
    gas: bool
    logs: bool
    output: bool
    swaps_v2: int  # Swap logs in the real receipt
    swaps_v3: int
    category: str = ""  # stable short name of the reason; empty if exact
    detail: str = ""
    unknown: tuple[Slot, ...] = ()  # slots outside the record that it reads first


def judge(block: RealBlock, found: Replay, first_reads: Mapping[int, list[Slot]]) -> list[ReplayVerdict]:
    """Compare all transactions. `first_reads` maps a transaction to the unknown slots that it reads first."""
    verdicts = []
    tainted = False
    for index, (receipt, done) in enumerate(zip(block.receipts, found.results, strict=True)):
        unknown = tuple(first_reads.get(index, ()))
        equal = _equal(receipt, done)
        exact = all(equal.values()) and not unknown
        tainted = tainted or bool(unknown)
        category, detail = "", ""
        if not exact:
            category, detail = _why(block, index, receipt, done, found, unknown, tainted)
        kinds = [_SWAPS.get(log["topics"][0]) for log in receipt["logs"] if log["topics"]]
        verdicts.append(
            ReplayVerdict(
                index, receipt["hash"], exact, **equal, swaps_v2=kinds.count("v2"), swaps_v3=kinds.count("v3"),
                category=category, detail=detail, unknown=unknown,
            )
        )  # fmt: skip
    return verdicts


def _equal(receipt: Mapping[str, Any], done: ExecutedCall | None) -> dict[str, bool]:
    if done is None:
        return {"status": False, "gas": False, "logs": False, "output": False}
    logs = [(log.address.lower(), list(log.topics), "0x" + log.data.hex()) for log in done.logs]
    real = [(log["address"].lower(), log["topics"], log["data"]) for log in receipt["logs"]]
    return {
        "status": done.ok == (receipt["status"] == 1),
        "gas": done.gas_used == receipt["gas_used"],
        "logs": logs == real,
        "output": "0x" + done.returned[:OUTPUT].hex() == (receipt["output"] or "0x")[: 2 + 2 * OUTPUT],
    }


def _why(
    block: RealBlock,
    index: int,
    receipt: Mapping[str, Any],
    done: ExecutedCall | None,
    found: Replay,
    unknown: tuple[Slot, ...],
    tainted: bool,
) -> tuple[str, str]:
    if unknown:
        return "unknown_slot", f"reads {len(unknown)} slots that the pre-state does not list"
    if done is None:
        return "refused", found.refused.get(index, "not simulated")
    if not block.after_london:
        return "before_london", f"gas {done.gas_used}, really {receipt['gas_used']}: no rules older than London's here"
    if tainted:
        return "after_unknown_slot", "an earlier transaction of the block read a slot that the pre-state does not list"
    if block.transactions[index].get("to") is None:
        return "creation", f"gas {done.gas_used}, really {receipt['gas_used']}: a creation is run as a call (see docs)"
    if found.refused and min(found.refused) < index:
        return "after_refused", "an earlier transaction of the block was refused"
    return "differs", f"status {done.ok}, gas {done.gas_used}, really {receipt['status']}, {receipt['gas_used']}"


def block_report(block: RealBlock, found: Replay, verdicts: list[ReplayVerdict], seconds: float) -> dict[str, Any]:
    """The report on one block."""
    return {
        "block": block.number,
        "hardfork": block.hardfork,
        "after_london": block.after_london,
        "transactions": len(verdicts),
        "exact": sum(verdict.exact for verdict in verdicts),
        "creations": sum(tx.get("to") is None for tx in block.transactions),
        **_swaps(verdicts),
        "unknown_slots": [list(slot) for slot in sorted(found.slots)],
        "unlisted_accounts": sorted(found.accounts),
        "unknown_hashes": sorted(found.hashes),
        "seconds": round(seconds, 3),
        "misses": [asdict(verdict) for verdict in verdicts if not verdict.exact],
        "results": [
            [verdict.index, verdict.hash, verdict.status, verdict.gas, verdict.logs, verdict.output]
            for verdict in verdicts
        ],
    }


def summary(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Totals over the blocks after London. Older blocks, which cannot be exact, are counted apart."""
    new = [report for report in reports if report["after_london"]]
    old = [report for report in reports if not report["after_london"]]
    names = ["transactions", "exact", "swaps_v2", "swaps_v2_exact", "swaps_v3", "swaps_v3_exact"]
    names += ["swap_transactions", "swap_transactions_exact", "creations"]
    total = {name: sum(report[name] for report in new) for name in names}
    categories: dict[str, int] = {}
    for report in new:
        for miss in report["misses"]:
            categories[miss["category"]] = categories.get(miss["category"], 0) + 1
    return {
        "blocks": len(new),
        **total,
        "share": round(total["exact"] / total["transactions"], 6) if total["transactions"] else None,
        "misses": categories,
        "unknown_slots": sum(len(report["unknown_slots"]) for report in new),
        "before_london": {
            "blocks": len(old),
            "transactions": sum(report["transactions"] for report in old),
            "exact": sum(report["exact"] for report in old),
        },
        "seconds": round(sum(report["seconds"] for report in reports), 3),
    }


def _swaps(verdicts: list[ReplayVerdict]) -> dict[str, int]:
    swapping = [verdict for verdict in verdicts if verdict.swaps_v2 or verdict.swaps_v3]
    return {
        "swaps_v2": sum(verdict.swaps_v2 for verdict in swapping),
        "swaps_v2_exact": sum(verdict.swaps_v2 for verdict in swapping if verdict.exact),
        "swaps_v3": sum(verdict.swaps_v3 for verdict in swapping),
        "swaps_v3_exact": sum(verdict.swaps_v3 for verdict in swapping if verdict.exact),
        "swap_transactions": len(swapping),
        "swap_transactions_exact": sum(verdict.exact for verdict in swapping),
    }
