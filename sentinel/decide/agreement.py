"""The largest set of amounts that agree, found exactly.

A point holds the amounts of one ballot: one integer per dimension, all >= 0. A set of points agrees if in every
dimension max * 10000 <= min * (10000 + agreement_bps). Every agreeing set lies in the box whose lower corner is the
set's minimum in each dimension, and the points of every such box agree. So the largest set is the best intersection of
one window per dimension. Only windows that no other window of their dimension contains are tried, because a largest set
fills a box of such windows.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core.units import BPS

Point = tuple[int, ...]


def agrees(points: Sequence[Point], agreement_bps: int) -> bool:
    """Whether these points agree with one another in every dimension."""
    return all(max(column) * BPS <= min(column) * (BPS + agreement_bps) for column in zip(*points, strict=True))


def largest_agreeing(points: Sequence[Point], agreement_bps: int) -> tuple[int, ...]:
    """Positions of the largest agreeing set, ascending. Among sets of equal size the one with the lowest corner wins.

    Corners are compared dimension by dimension. Two different largest sets never share a corner, because their union
    would agree and be larger; so the result does not depend on the order of the points. All points have the same
    number of dimensions. Points without dimensions all agree. The work is bounded by windows ** dimensions.
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
        intersections: set[int] = set()
        for mask in partial:
            for size, window in windows:
                if size < best_size:  # windows are sorted by size, so the rest cannot win either
                    break
                intersection = mask & window
                if (count := intersection.bit_count()) < best_size or not intersection:
                    continue
                if last and count > best_size:
                    best_size = count
                    intersections.clear()
                intersections.add(intersection)
        partial = sorted(intersections, key=int.bit_count, reverse=True)
    members = [[i for i in range(len(points)) if mask >> i & 1] for mask in partial]
    return tuple(min(members, key=lambda chosen: tuple(min(column[i] for i in chosen) for column in columns)))


def _maximal_windows(column: Sequence[int], agreement_bps: int) -> list[tuple[int, int]]:
    """(size, bit mask) of each window [low, low * (1 + agreement)] that no other window contains, largest first."""
    order = sorted(range(len(column)), key=column.__getitem__)
    windows: list[tuple[int, int]] = []
    mask = 0
    end = 0
    for start, low_position in enumerate(order):
        low = column[low_position]
        previous_end = end
        while end < len(order) and column[order[end]] * BPS <= low * (BPS + agreement_bps):
            mask |= 1 << order[end]
            end += 1
        if end > previous_end:  # it reaches beyond the previous window, so that one does not contain it
            windows.append((end - start, mask))
        mask &= ~(1 << low_position)
    return sorted(windows, reverse=True)
