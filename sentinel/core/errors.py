"""All exceptions of Sentinel, by who must act on them.

SentinelError
 ├── OperatorError            the operator must fix it; the message says how (exit code 4)
 │    ├── SettingsError       a setting is wrong, unknown or contradicts another
 │    ├── WalletBusy          another daemon holds this wallet
 │    ├── PriceFault          a price file cannot be read as it is; the message names file and line
 │    ├── ChainMismatch       the endpoint serves another chain than the network file pins
 │    └── NotRunning          no daemon listens in this state directory (exit code 3)
 ├── Unavailable              a service outside this process did not answer; the cycle holds, the daemon continues
 │    ├── RpcError            a JSON-RPC endpoint failed; `.code` and `.data` if it answered
 │    │    └── RpcTimeout
 │    ├── HeadGone            the block is no longer (or not yet) part of the endpoint's chain
 │    ├── ForkUnavailable     the simulation fork is down or behind, and the node does not replace it
 │    │    └── ForkInUse      another process uses this fork
 │    ├── SignerUnavailable   the signer did not answer: the outcome of the request is unknown, so repeat it
 │    └── ModelUnavailable    the student gave no usable answer
 │         └── ModelTimeout   the student did not answer in time
 ├── AgentFault               the model's fault: recorded as Discarded, the cycle continues
 │    ├── CodeFault           the code did not run
 │    └── ActionFault         the action does not describe a trade that the allow-lists can build
 ├── QuoteError               a pool cannot fill the amount from the liquidity that was read
 ├── Refused                  a guard refused; `.rule` names it
 │    └── SignerRefused       the signer refused by its own copy of the limits
 └── JournalError             the durable record could not be written or read: nothing may be sent
      ├── JournalTampered     the journal is not as it was written (exit code 4)
      └── RecordDropped       the retention dropped the content of this record
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SentinelError(Exception):
    """Base class; never raised itself."""


class OperatorError(SentinelError):
    pass


class SettingsError(OperatorError):
    pass


class WalletBusy(OperatorError):
    pass


class PriceFault(OperatorError):
    """`path` is the price file, `line` its line (a row in Parquet) and `what` is wrong there; None if not known."""

    def __init__(self, what: str, path: Path | None, line: int | None = None) -> None:
        place = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(f"{place}{what}")
        self.what = what
        self.path = path
        self.line = line


class ChainMismatch(OperatorError):
    pass


class NotRunning(OperatorError):
    pass


class Unavailable(SentinelError):
    pass


class RpcError(Unavailable):
    """`code` is the JSON-RPC error code, None if no well-formed reply arrived; `data` is the node's error data.

    `retry_after`: seconds after which the endpoint wants to be asked again, None if it did not say so. `endpoint` and
    `method` say who was asked for what, empty if unknown.
    """

    def __init__(
        self, message: str, *, code: int | None = None, data: object = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.retry_after = retry_after
        self.endpoint = ""
        self.method = ""


class RpcTimeout(RpcError):
    pass


class HeadGone(Unavailable):
    pass


class ForkUnavailable(Unavailable):
    pass


class ForkInUse(ForkUnavailable):
    pass


class SignerUnavailable(Unavailable):
    pass


class ModelUnavailable(Unavailable):
    """`status` is the HTTP status of the reply if it was not 200, else None."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ModelTimeout(ModelUnavailable):
    pass


class AgentFault(SentinelError):
    pass


class CodeFault(AgentFault):
    pass


class ActionFault(AgentFault):
    pass


class QuoteError(SentinelError):
    pass


class Refused(SentinelError):
    """`rule` is the stable name of the guard, used as a metric label."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class SignerRefused(Refused):
    pass


class JournalError(SentinelError):
    pass


class JournalTampered(JournalError):
    pass


class RecordDropped(JournalError):
    pass


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors of a nested exception group, as a flat list."""
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return errors
