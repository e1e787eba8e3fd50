"""What the soak says of its samples."""

from __future__ import annotations

import pytest

from lab.bench.send_path_soak import slope


def test_slope_leaves_the_warm_up_out() -> None:
    """A jump in the first tenth does not count; after it, 3 more every 1,000 blocks is a slope of 3."""
    samples = [{"blocks": n * 100.0, "kib": 50.0 + n * 0.3 + (400 if n < 3 else 0)} for n in range(1, 31)]
    assert slope(samples, "kib") == pytest.approx(3.0)


def test_no_slope_of_one_sample() -> None:
    """Nothing is claimed where nothing can be fitted."""
    assert slope([{"blocks": 100.0, "kib": 7.0}], "kib") == 0.0
