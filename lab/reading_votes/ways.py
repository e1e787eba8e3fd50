"""Ways to draw several readings of one order. Each spends the same number of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sentinel.agent.model import Sampling
from sentinel.distill.evaluation.served_reader import AS_DAEMON


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the student: the words as they are written to it, and how its draft begins."""

    words: str
    prefill: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """The samples are dealt out over the requests in equal parts."""

    name: str
    sampling: Sampling
    requests: Callable[[str], Sequence[Request]] = lambda words: [Request(words)]


def _wordings(words: str) -> list[Request]:
    """The words as they are, in small letters, with a full stop, and after a greeting."""
    plain = words.rstrip(" .!")
    return [Request(words), Request(words.lower()), Request(plain + "."), Request("Please: " + words)]


def _first_words(words: str) -> list[Request]:
    """Drafts that begin as most do, and those that begin as they like."""
    return [Request(words), Request(words, "If"), Request(words, "Buy"), Request(words, "Sell")]


def _sampling(temperature: float, top_p: float) -> Sampling:
    return Sampling(temperature=temperature, top_p=top_p, max_tokens=AS_DAEMON.max_tokens, seed=1)


WAYS = (
    Way("temperature 0.4, top-p 0.8", _sampling(0.4, 0.8)),
    Way("temperature 0.7, top-p 0.95", _sampling(0.7, 0.95)),
    Way("temperature 1, top-p 0.95", _sampling(1.0, 0.95)),
    Way("temperature 1, top-p 1", _sampling(1.0, 1.0)),
    Way("four wordings, 0.7", _sampling(0.7, 0.95), _wordings),
    Way("four first words, 0.7", _sampling(0.7, 0.95), _first_words),
)
