"""A part that is away has one label, which metrics and journals carry."""

from __future__ import annotations

import re

import pytest

from sentinel.core import errors
from sentinel.core.decision import AWAY, HoldReason, away
from sentinel.core.errors import RpcTimeout, Unavailable
from sentinel.core.host.process import ChildFailed

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Unavailable)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_the_tree_is_in_the_table_under_its_own_name(kind: type[Unavailable]) -> None:
    assert AWAY[kind] == re.sub(r"(?<!^)([A-Z])", r"_\1", kind.__name__).lower()


def test_an_error_that_is_not_in_the_table_is_labelled_as_its_parent() -> None:
    class Slow(RpcTimeout):
        pass

    assert away(Slow("late")) is HoldReason.RPC_TIMEOUT
    assert away(ChildFailed("gone")) is HoldReason.UNAVAILABLE
