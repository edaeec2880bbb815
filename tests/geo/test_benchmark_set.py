"""The generated set of the benchmarks is what its name says."""

import numpy as np

from geo.fence_index import FenceIndex, FencePolicy
from tests.benchmarks import meraki_bytes, store18


def test_about_eighteen_fences_contain_each_point() -> None:
    index = FenceIndex(store18.fences(), plane=store18.PLANE, policy=FencePolicy(exit_buffers_m=()), cell_m=8)
    positions = next(store18.walk(2_000))
    hits = index.raster.hits(*index.plane.to_metres(positions.lon, positions.lat))
    assert len(index.slots) == 5_000
    assert 16 < len(hits.point) / len(positions) < 21


def test_the_walk_repeats_and_reports_every_device_once_a_tick() -> None:
    one, other = store18.walk(500), store18.walk(500)
    for _ in range(3):
        tick, same = next(one), next(other)
        assert np.array_equal(tick.lon, same.lon)
        assert sorted(tick.device.tolist()) == list(range(500))


def test_posts_carry_the_positions_they_were_made_of() -> None:
    positions = next(store18.walk(2_000))
    decoded = [meraki_bytes.decode(body) for body in meraki_bytes.posts(positions, 2)]
    assert np.allclose(np.concatenate([post.lon for post in decoded]), positions.lon, rtol=0, atol=1e-7)
    assert np.allclose(np.concatenate([post.lat for post in decoded]), positions.lat, rtol=0, atol=1e-7)
    assert len({mac for post in decoded for mac in post.mac}) == 2_000
