"""Cutting sound into windows, and pooling windows into longer rows."""

from dataclasses import replace

import numpy as np
import pytest

from embedviz import windows
from embedviz.errors import RecordingError
from embedviz.facts import Framing
from embedviz.heard import Heard, joined
from embedviz.listeners import timed
from embedviz.pooling import pool


def framing(samples: int, tail: str, **edges) -> Framing:
    return Framing(window_s=1.0, window_samples=samples, hop_s=1.0, tail=tail, **edges)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [(1, 1), (15600, 1), (15601, 2), (23280, 2), (30000, 3), (32000, 4), (48000, 6), (160000, 20)],
)
def test_yamnet_pads_until_the_last_sample_is_heard(samples, expected):
    assert windows.count(samples, framing(15600, "pad"), hop=7680) == expected


@pytest.mark.parametrize(
    ("samples", "expected"),
    [(240, 1), (15600, 1), (16000, 1), (30960, 2), (48000, 3), (160000, 10)],
)
def test_vggish_leaves_out_the_tail_after_the_first_window(samples, expected):
    assert windows.count(samples, framing(15600, "drop"), hop=15360) == expected


@pytest.mark.parametrize("block", [1, 7, 100, 999, 5000])
@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize(
    ("tail", "hop"),
    [("pad", 30), ("drop", 30), ("pad", 33.3), ("drop", 150), ("pad", 100.5), ("pad", 333.3)],
)  # fmt: skip
def test_blocks_and_batches_change_no_window(block, batch, tail, hop):
    sound = np.arange(1, 1001, dtype=np.float32)
    blocks = [sound[i : i + block] for i in range(0, len(sound), block)]
    found = list(windows.cut(iter(blocks), framing(100, tail), hop=hop, batch=batch))
    total = windows.count(1000, framing(100, tail), hop=hop)
    samples = np.concatenate([part.samples for part in found])
    assert len(samples) == total
    padded = np.concatenate([sound, np.zeros(300, np.float32)])
    for i, window in enumerate(samples):
        start = round(i * hop)
        np.testing.assert_array_equal(window, padded[start : start + 100])
    assert [part.first for part in found] == list(range(0, total, batch))


def test_a_fractional_hop_does_not_drift():
    sound = np.arange(441_000, dtype=np.float32)
    found = list(windows.cut([sound], framing(1000, "drop"), hop=1102.5, batch=64))
    last = np.concatenate([part.samples for part in found])[-1]
    assert last[0] == round((len(sound) - 1000) // 1102.5 * 1102.5)


@pytest.mark.parametrize(
    ("samples", "expected"), [(100, 1), (48000, 6), (96000, 16), (96001, 17), (240_000, 46)]
)
def test_openl3_puts_half_a_second_in_front(samples, expected):
    centred = framing(48000, "pad", lead_samples=24000)
    assert windows.count(samples, centred, hop=4800) == expected


@pytest.mark.parametrize(("samples", "expected"), [(31_999, 20), (32_000, 21), (160_000, 101)])
def test_passt_mirrors_both_ends(samples, expected):
    mirrored = framing(5120, "drop", lead_samples=2560, trail_samples=2560, edges="reflect")
    assert windows.count(samples, mirrored, hop=1600) == expected


@pytest.mark.parametrize("block", [1, 7, 40, 1000])
def test_edges_are_zeros_or_the_sound_mirrored(block):
    sound = np.arange(1, 101, dtype=np.float32)
    blocks = [sound[i : i + block] for i in range(0, len(sound), block)]
    for edges, mode in [("zeros", "constant"), ("reflect", "reflect")]:
        edged = framing(10, "drop", lead_samples=20, trail_samples=30, edges=edges)
        found = np.concatenate(list(windows.with_edges(iter(blocks), edged)))
        np.testing.assert_array_equal(found, np.pad(sound, (20, 30), mode=mode))


def test_sound_too_short_to_be_mirrored_is_refused():
    edged = framing(10, "drop", lead_samples=20, trail_samples=20, edges="reflect")
    with pytest.raises(RecordingError, match="more than 20"):
        list(windows.with_edges([np.ones(20, np.float32)], edged))


def test_no_window_starts_after_the_end_where_the_hop_is_longer_than_a_window():
    assert windows.count(1100, framing(100, "pad"), hop=500) == 3
    assert windows.count(1000, framing(100, "pad"), hop=500) == 2


@pytest.mark.parametrize(("lead", "trail"), [(0, 0), (20, 0), (20, 30)])
def test_what_lies_between_windows_is_not_held(lead, trail):
    edged = framing(100, "pad", lead_samples=lead, trail_samples=trail)
    sound = np.arange(1, 50_001, dtype=np.float32)
    found = list(windows.cut(np.split(sound, 100), edged, hop=5000.25, batch=4))
    assert max(len(part.stretch) for part in found) == 400
    samples = np.concatenate([part.samples for part in found])
    assert len(samples) == windows.count(50_000, edged, hop=5000.25)
    padded = np.pad(sound, (lead, trail + 100))
    for i, window in enumerate(samples):
        start = round(i * 5000.25)
        np.testing.assert_array_equal(window, padded[start : start + 100])


def test_no_window_gives_no_pooled_row():
    assert list(pool([], seconds=2.0, duration_s=1e-6, window_s=1.0)) == []


def test_padding_is_counted():
    (part,) = windows.cut([np.ones(70, np.float32)], framing(100, "drop"), hop=50, batch=8)
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
    rows = joined(pool(parts, seconds=seconds, duration_s=10.0, window_s=1.0))
    length = min(seconds, 10.0)
    assert rows.start_s.tolist() == np.arange(0, 10, length).tolist()
    assert rows.stop_s[-1] == 10.0
    home = np.minimum(((start_s + 0.5) / length).astype(int), len(rows) - 1)
    for i in range(len(rows)):
        assert rows.vectors[i, 0] == pytest.approx(start_s[home == i].mean())
        assert rows.scores[i, 1] == pytest.approx(1 - start_s[home == i].mean())
        wanted = rows.start_s[i] + (np.arange(10) + 0.5) / 10 * length
        np.testing.assert_allclose(rows.patches[i, :, 0], wanted, atol=0.15)


def test_a_stretch_without_a_window_centre_takes_the_nearest_window():
    windows_of_a_second = ramp(np.array([0.0, 1.0, 2.0, 3.0, 4.0]))
    rows = joined(pool([windows_of_a_second], seconds=1.0, duration_s=4.2, window_s=1.0))
    assert rows.start_s.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    # The last window's centre, 4.5 s, lies after the end of the recording.
    assert rows.vectors[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert rows.stop_s[-1] == 4.2


def test_a_window_centred_on_the_end_counts_for_no_stretch():
    """PaSST's 101 timestamps of 5 s are five groups of twenty."""
    centres = np.arange(101) * 0.05
    heard = ramp(np.maximum(0, centres - 0.08), window_s=0.16)
    heard = replace(heard, stop_s=np.minimum(centres + 0.08, 5.0))
    heard = replace(heard, padding_s=centres + 0.08 - heard.stop_s)
    heard = replace(heard, vectors=centres[:, None].astype(np.float32))
    rows = joined(pool([heard], seconds=1.0, duration_s=5.0, window_s=0.16))
    np.testing.assert_allclose(
        rows.vectors[:, 0], centres[:100].reshape(5, 20).mean(axis=1), rtol=1e-6
    )


def test_rows_depend_on_the_length_alone_even_where_windows_leave_gaps():
    rows = joined(
        pool([ramp(np.array([0.0, 5.0, 10.0]))], seconds=7.0, duration_s=14.5, window_s=1.0)
    )
    assert rows.start_s.tolist() == [0.0, 7.0, 14.0]
    assert rows.vectors[:, 0].tolist() == [2.5, 10.0, 10.0]


def cut_and_timed(sound_s: float, stated_s: float, framed: Framing, rate_hz: int = 1000):
    """Windows of sound, as listeners give them, whose vector says their number."""
    sound = np.ones(round(sound_s * rate_hz), np.float32)
    for part in windows.cut([sound], framed, hop=framed.hop_s * rate_hz, batch=16):
        number = (part.first + np.arange(len(part)))[:, None].astype(np.float32)
        heard = {"vectors": number, "patches": np.repeat(number[:, None], 10, axis=1)}
        yield timed(heard, part, framed, rate_hz, stated_s)


@pytest.mark.parametrize(("window_s", "hop_s"), [(0.96, 0.48), (0.96, 0.96), (1.0, 0.1), (4, 0.5)])
@pytest.mark.parametrize("sound_s", [577.0, 570.0, 569.9, 599.85, 590.2, 10.0, 9.9, 0.3])
@pytest.mark.parametrize("seconds", [0.5, 10.0])
def test_no_row_stands_for_sound_that_is_not_there(window_s, hop_s, sound_s, seconds):
    """An MP3 may end before the length that its header states."""
    hop_s = min(hop_s, seconds)
    framed = Framing(window_s, round(window_s * 1000), hop_s, "pad")
    parts = cut_and_timed(sound_s, 600.0, framed)
    rows = joined(pool(parts, seconds=seconds, duration_s=600.0, window_s=window_s))
    np.testing.assert_allclose(rows.start_s, np.arange(0, sound_s, seconds), atol=1e-9)
    np.testing.assert_allclose(rows.stop_s[:-1], rows.start_s[1:], atol=1e-9)
    assert rows.stop_s[-1] == pytest.approx(sound_s, abs=1e-3)


@pytest.mark.parametrize("sound_s", [577.0, 575.2, 589.9, 590.2, 12.0])
def test_with_gaps_between_windows_no_row_stands_behind_the_last(sound_s):
    framed = Framing(0.96, 960, 5.0, "pad")
    parts = cut_and_timed(sound_s, 600.0, framed)
    rows = joined(pool(parts, seconds=10.0, duration_s=600.0, window_s=0.96))
    np.testing.assert_allclose(rows.start_s, np.arange(0, sound_s, 10.0))
    assert rows.start_s[-1] < rows.stop_s[-1] <= sound_s


def test_the_picture_of_a_row_that_ends_early_shows_its_sound_alone():
    heard = ramp(np.array([0.0, 1.0, 2.0, 3.0]))
    heard = replace(heard, stop_s=np.array([1, 2, 3, 3.5]), padding_s=np.array([0, 0, 0, 0.5]))
    (row,) = pool([heard], seconds=10.0, duration_s=20.0, window_s=1.0)
    assert (row.start_s[0], row.stop_s[0]) == (0.0, 3.5)
    wanted = (np.arange(10) + 0.5) / 10 * 3.5
    np.testing.assert_allclose(row.patches[0, :, 0], wanted, atol=0.6)


def test_no_stretch_is_left_out_where_windows_do_not_reach_it():
    """A module of somebody else may set its rows where it likes."""
    parts = [ramp(np.array([1.2])), ramp(np.array([4.1, 4.6]))]
    rows = joined(pool(parts, seconds=0.5, duration_s=6.5, window_s=1.0))
    assert rows.start_s.tolist() == np.arange(0, 6.5, 0.5).tolist()
    assert rows.vectors[:, 0].tolist() == pytest.approx(
        [1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 4.1, 4.1, 4.1, 4.1, 4.6, 4.6, 4.6]
    )


def test_the_end_of_a_patch_shorter_than_its_samples_gets_its_rows():
    """Humpback's window stands for 3.84 s and takes 3.9124 s of samples."""
    framed = Framing(3.84, 39_124, 0.05, "pad")
    parts = cut_and_timed(10.96, 10.96, framed, 10_000)
    rows = joined(pool(parts, seconds=0.05, duration_s=10.96, window_s=3.84))
    np.testing.assert_allclose(rows.start_s, np.arange(220) * 0.05)
