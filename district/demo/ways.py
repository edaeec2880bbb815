"""Where many walkers are: each on a way of its own, all positions found at once."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
NOISE_SIGMA_M = 4.0
NOISE_KEPT = 0.6
"""What one fix's error keeps of the last one's: AR(1), so that its spread stays NOISE_SIGMA_M."""
FIRST_CORNERS = 64


class Ways:
    """The way of each of n walkers, as corners and the metres walked to each."""

    def __init__(self, count: int) -> None:
        self._corners_m = np.zeros((count, FIRST_CORNERS, 2))
        self._walked_m = np.full((count, FIRST_CORNERS), np.inf)
        self._walked_m[:, 0] = 0.0
        self.length_m = np.zeros(count)

    def set(self, walker: int, corners_m: Floats) -> None:
        """Give a walker a way: (n, 2) metres, n ≥ 1."""
        count = len(corners_m)
        if count > self._corners_m.shape[1]:
            self._widen(count)
        steps_m = np.hypot(*np.diff(corners_m, axis=0).T) if count > 1 else np.zeros(0)
        self._corners_m[walker, :count] = corners_m
        self._walked_m[walker] = np.inf
        self._walked_m[walker, 0] = 0.0
        self._walked_m[walker, 1:count] = np.cumsum(steps_m)
        self.length_m[walker] = steps_m.sum()

    def at(self, walkers: Integers, distance_m: Floats) -> Floats:
        """(n,) walkers and the metres they have walked → (n, 2) metres; before the start and past the end they stand there."""
        walked_m = self._walked_m[walkers]
        distance_m = np.clip(distance_m, 0.0, self.length_m[walkers])
        rows = np.arange(len(walkers))
        before = np.maximum((walked_m <= distance_m[:, None]).sum(axis=1) - 1, 0)
        after = np.minimum(before + 1, walked_m.shape[1] - 1)
        step_m = walked_m[rows, after] - walked_m[rows, before]
        is_between = np.isfinite(step_m) & (step_m > 0)
        share = np.where(
            is_between, (distance_m - walked_m[rows, before]) / np.where(is_between, step_m, 1.0), 0.0
        )[:, None]
        here = self._corners_m[walkers, before]
        there = self._corners_m[walkers, after]
        position_m: Floats = np.where(share > 0, here + share * (there - here), here)
        return position_m

    def _widen(self, corners: int) -> None:
        count, had = self._walked_m.shape
        width = max(corners, 2 * had)
        corners_m = np.zeros((count, width, 2))
        corners_m[:, :had] = self._corners_m
        walked_m = np.full((count, width), np.inf)
        walked_m[:, :had] = self._walked_m
        self._corners_m, self._walked_m = corners_m, walked_m


class Noise:
    """The error of each walker's fixes: Gaussian, each like the last one's in part."""

    def __init__(self, count: int, random: np.random.Generator) -> None:
        self._random = random
        self._error_m = random.normal(0.0, NOISE_SIGMA_M, (count, 2))

    def next(self, walkers: Integers) -> Floats:
        """(n,) walkers → (n, 2) metres of error."""
        fresh_m = self._random.normal(0.0, NOISE_SIGMA_M, (len(walkers), 2))
        self._error_m[walkers] = NOISE_KEPT * self._error_m[walkers] + np.sqrt(1 - NOISE_KEPT**2) * fresh_m
        error_m: Floats = self._error_m[walkers]
        return error_m
