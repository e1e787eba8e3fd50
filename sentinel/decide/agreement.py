"""The largest set of amounts that agree, found exactly.

A point is one ballot's amounts, one integer a dimension, all >= 0. A set of points agrees when in every dimension
max * 10000 <= min * (10000 + agreement_bps). Every agreeing set lies in the box whose lower corner is its minimum in
each dimension, and every such box agrees with itself; so the largest set is the best intersection of one window a
dimension. Only windows that no other window of their dimension contains are tried: a largest set fills such a box.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core.units import BPS

Point = tuple[int, ...]


def agrees(points: Sequence[Point], agreement_bps: int) -> bool:
    """Whether these points agree with one another in every dimension."""
    return all(max(column) * BPS <= min(column) * (BPS + agreement_bps) for column in zip(*points, strict=True))


def largest_agreeing(points: Sequence[Point], agreement_bps: int) -> tuple[int, ...]:
    """Positions of the largest agreeing set, ascending; of several, the one with the lowest corner wins.

    Corners are compared dimension by dimension in the given order; two different largest sets never share a corner
    (their union would agree and be larger), so the answer does not depend on the order of the points. All points have
    the same dimensions; with none at all, every point agrees. Work is bounded by windows ** dimensions.
    """
    if not points:
        return ()
    everyone = (1 << len(points)) - 1
    columns = list(zip(*points, strict=True))
    best_size = 0
    partial = [everyone]
    for depth, column in enumerate(columns):
        windows = _maximal_windows(column, agreement_bps)
        last = depth == len(columns) - 1
        found: set[int] = set()
        for mask in partial:
            for size, window in windows:
                if size < best_size:  # largest windows come first: the rest cannot win either
                    break
                both = mask & window
                if (count := both.bit_count()) < best_size or not both:
                    continue
                if last and count > best_size:
                    best_size = count
                    found.clear()
                found.add(both)
        partial = sorted(found, key=int.bit_count, reverse=True)
    members = [[i for i in range(len(points)) if mask >> i & 1] for mask in partial]
    return tuple(min(members, key=lambda chosen: tuple(min(column[i] for i in chosen) for column in columns)))


def _maximal_windows(column: Sequence[int], agreement_bps: int) -> list[tuple[int, int]]:
    """(size, bit mask) of each window [low, low * (1 + agreement)] that no other contains, the largest first."""
    order = sorted(range(len(column)), key=column.__getitem__)
    windows: list[tuple[int, int]] = []
    mask = 0
    end = 0
    for start, low_position in enumerate(order):
        low = column[low_position]
        grew = end
        while end < len(order) and column[order[end]] * BPS <= low * (BPS + agreement_bps):
            mask |= 1 << order[end]
            end += 1
        if end > grew:  # it reaches further than the window before: not contained in it
            windows.append((end - start, mask))
        mask &= ~(1 << low_position)
    return sorted(windows, reverse=True)
