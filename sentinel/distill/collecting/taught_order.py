"""Orders that a teacher may be given: words with their true reading, of the split that is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentinel.agent.read_prompt import one_line_order
from sentinel.core.errors import OperatorError
from sentinel.distill.evaluation.labelled_orders import QUOTE, LabelledSituation
from sentinel.distill.orders.split import Split
from sentinel.orders.language.reading import Reading
from sentinel.orders.language.reading_parser import NotRead, parse


@dataclass(frozen=True, slots=True)
class TaughtOrder:
    id: str
    text: str  # the operator's words, on one line
    reading: Reading  # what they mean
    situations: tuple[LabelledSituation, ...]  # where the row has some


class _Row(BaseModel):
    """A line of the file, as `sentinel distill orders` writes it. Its other fields are not needed here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(pattern="^[ -~]+$", max_length=100)]
    split: str
    text: str
    reading: str
    situations: tuple[LabelledSituation, ...] = ()


def read_taught(path: Path) -> dict[str, TaughtOrder]:
    """The orders of a file of JSON lines, by id.

    Raises OperatorError for a line that is no such row, or that is not of the split `train`.
    """
    try:
        lines = path.read_bytes().decode().split("\n")  # U+2028 is no end of a line
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from error
    orders: dict[str, TaughtOrder] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                order = _order(line)
            except (ValueError, OperatorError) as error:
                raise OperatorError(f"{path}:{number}: {_fault(error)}") from error
            if order.id in orders:
                raise OperatorError(f"{path}:{number}: the id {order.id} occurs twice")
            orders[order.id] = order
    if not orders:
        raise OperatorError(f"{path} holds no orders")
    return orders


def _order(line: str) -> TaughtOrder:
    row = _Row.model_validate_json(line)
    if row.split != Split.TRAIN:
        raise ValueError(f"it is of the split {row.split!r}, which must not be trained on")
    reading = parse(row.reading, QUOTE)
    if isinstance(reading, NotRead):
        raise ValueError(f"its reading is none: {reading.why}")
    return TaughtOrder(row.id, one_line_order(row.text), reading, row.situations)


def _fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the line'}: {one['msg']}" for one in error.errors()[:3])
