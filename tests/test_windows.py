"""Cutting sound into windows, and pooling windows into longer rows."""

import numpy as np
import pytest

from embedviz import windows
from embedviz.heard import Heard, joined
from embedviz.pooling import pool


@pytest.mark.parametrize(
    ("samples", "expected"),
    [(1, 1), (15600, 1), (15601, 2), (23280, 2), (30000, 3), (32000, 4), (48000, 6), (160000, 20)],
)
def test_yamnet_pads_until_the_last_sample_is_heard(samples, expected):
    assert windows.count(samples, size=15600, hop=7680, tail="pad") == expected


@pytest.mark.parametrize(
    ("samples", "expected"),
    [(240, 1), (15600, 1), (16000, 1), (30960, 2), (48000, 3), (160000, 10)],
)
def test_vggish_leaves_out_the_tail_after_the_first_window(samples, expected):
    assert windows.count(samples, size=15600, hop=15360, tail="drop") == expected


@pytest.mark.parametrize("block", [1, 7, 100, 999, 5000])
@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize(("tail", "hop"), [("pad", 30), ("drop", 30), ("pad", 33.3), ("drop", 150)])
def test_blocks_and_batches_change_no_window(block, batch, tail, hop):
    sound = np.arange(1, 1001, dtype=np.float32)
    blocks = [sound[i : i + block] for i in range(0, len(sound), block)]
    found = list(windows.cut(iter(blocks), size=100, hop=hop, tail=tail, batch=batch))
    total = windows.count(1000, size=100, hop=hop, tail=tail)
    samples = np.concatenate([part.samples for part in found])
    assert len(samples) == total
    padded = np.concatenate([sound, np.zeros(300, np.float32)])
    for i, window in enumerate(samples):
        start = round(i * hop)
        np.testing.assert_array_equal(window, padded[start : start + 100])
    assert [part.first for part in found] == list(range(0, total, batch))


def test_a_fractional_hop_does_not_drift():
    sound = np.arange(441_000, dtype=np.float32)
    found = list(windows.cut([sound], size=1000, hop=1102.5, tail="drop", batch=64))
    last = np.concatenate([part.samples for part in found])[-1]
    assert last[0] == round((len(sound) - 1000) // 1102.5 * 1102.5)


def test_padding_is_counted():
    (part,) = windows.cut([np.ones(70, np.float32)], size=100, hop=50, tail="drop", batch=8)
    assert part.padding.tolist() == [30]
    assert part.samples.sum() == 70


def ramp(start_s: np.ndarray, window_s: float = 1.0, frames: int = 10) -> Heard:
    """Windows whose patch says the time of each frame and whose vector says their start."""
    times = start_s[:, None] + (np.arange(frames) + 0.5) / frames * window_s
    return Heard(
        vectors=start_s[:, None].astype(np.float32),
        start_s=start_s,
        stop_s=start_s + window_s,
        padding_s=np.zeros(len(start_s)),
        patches=times[:, :, None].astype(np.float32),
        scores=np.stack([start_s, 1 - start_s], axis=1).astype(np.float32),
    )


@pytest.mark.parametrize("part", [1, 4, 100])
@pytest.mark.parametrize("seconds", [1.0, 2.5, np.inf])
def test_pooled_rows_are_means_of_their_windows_and_show_their_own_time(part, seconds):
    start_s = np.arange(0, 9.01, 0.5)
    parts = [ramp(start_s[i : i + part]) for i in range(0, len(start_s), part)]
    rows = joined(pool(parts, seconds=seconds, heard_s=10.0, window_s=1.0))
    length = min(seconds, 10.0)
    assert rows.start_s.tolist() == np.arange(0, 10, length).tolist()
    assert rows.stop_s[-1] == 10.0
    home = np.minimum(((start_s + 0.5) / length).astype(int), len(rows) - 1)
    for i in range(len(rows)):
        assert rows.vectors[i, 0] == pytest.approx(start_s[home == i].mean())
        assert rows.scores[i, 1] == pytest.approx(1 - start_s[home == i].mean())
        wanted = rows.start_s[i] + (np.arange(10) + 0.5) / 10 * length
        np.testing.assert_allclose(rows.patches[i, :, 0], wanted, atol=0.15)


def test_a_stretch_that_no_window_centre_reaches_gives_no_row():
    rows = joined(pool([ramp(np.array([0.0, 3.0]))], seconds=1.0, heard_s=4.0, window_s=1.0))
    assert rows.start_s.tolist() == [0.0, 3.0]
