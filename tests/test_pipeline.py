"""What lies around the network: shared batches and frames, one decoding, memory, streamed sets."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import tone
from official import write_official_weights

from embedviz import batches, cache, models
from embedviz.embed import embed, embed_to_files, embed_with_all
from embedviz.errors import Cancelled, ModelError, RecordingError, Unheard
from embedviz.recordings import gather
from embedviz.shards import shards
from embedviz.store import read_set


@pytest.fixture(scope="module")
def logmel():
    return models.load_model("logmel")


@pytest.fixture
def clips(write_wav, tmp_path):
    """Twelve short recordings of different lengths, and one of a minute."""
    rng = np.random.default_rng(0)
    for number in range(12):
        seconds = 60.0 if number == 6 else rng.uniform(0.2, 5.0)
        write_wav(f"clips/{number:02d}.wav", tone(rng.uniform(200, 4000), seconds))
    return gather([tmp_path / "clips"], unpack_to=tmp_path).recordings


@pytest.fixture
def batches_heard(logmel, monkeypatch):
    """The number of recordings' parts, and of windows, in each batch of the network."""
    seen = []
    heard = logmel.listener.heard

    def noted(parts, framing):
        seen.append((len(parts), sum(map(len, parts))))
        return heard(parts, framing)

    monkeypatch.setattr(logmel.listener, "heard", noted)
    return seen


@pytest.mark.parametrize("per", ["window", "recording", 1.0])
def test_short_recordings_share_batches_and_hear_what_they_hear_alone(
    clips, logmel, batches_heard, per, tmp_path, monkeypatch
):
    together = embed(clips, logmel, per=per)
    most = max(windows for _, windows in batches_heard)
    assert max(parts for parts, _ in batches_heard) > 3
    assert most <= logmel.batch
    for recording in clips:
        monkeypatch.setenv("EMBEDVIZ_CACHE", str(tmp_path / "alone" / recording.name))
        alone = embed([recording], logmel, per=per)
        rows = together.table["recording"] == recording.name
        np.testing.assert_allclose(together.vectors[rows], alone.vectors, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(together.thumbnails[rows].shape, alone.thumbnails.shape)
        for column in ("start_s", "stop_s", "padding_s"):
            assert list(together.table.loc[rows, column]) == list(alone.table[column])


def test_a_bad_file_does_not_change_who_shares_a_batch(clips, logmel, write_wav, tmp_path):
    whole = embed(clips, logmel)
    write_wav("clips/03b.wav", np.full(16000, np.nan, np.float32), subtype="FLOAT")
    recordings = gather([tmp_path / "clips"], unpack_to=tmp_path).recordings
    for entry in (cache.cache_folder() / "recordings").rglob("*.parquet"):
        entry.unlink()
    again = embed(recordings, logmel)
    assert list(again.provenance.failures) == ["03b.wav"]
    assert again.vectors.tobytes() == whole.vectors.tobytes()


def test_recordings_of_one_batch_are_finished_together_or_not_at_all(clips, logmel, batches_heard):
    whole = embed(clips[:5], logmel)
    entries = sorted((cache.cache_folder() / "recordings").rglob("*.parquet"))
    assert len(entries) == 5
    assert len(batches_heard) == 1
    entries[0].unlink()
    again = embed(clips[:5], logmel)
    assert batches_heard[0] == batches_heard[1]
    assert again.vectors.tobytes() == whole.vectors.tobytes()


@pytest.mark.parametrize(
    ("name", "hop_s"),
    [
        pytest.param(name, hop_s, marks=pytest.mark.xdist_group(name), id=name)
        for name, hop_s in [
            ("logmel", 0.48), ("vggish", 0.48), ("yamnet", 0.48), ("efficientat", 2.5),
            ("passt", 0.05),
        ]
    ],
)  # fmt: skip
def test_windows_that_overlap_share_their_frames_exactly(name, hop_s, tmp_path):
    write_official_weights(name, tmp_path / name)
    model = models.load_model(name, weights=tmp_path / name if name != "logmel" else None)
    framing = model.framing("window", hop_s)
    samples = framing.window_samples + round(3 * hop_s * model.facts.rate_hz)
    sound = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    (part,) = model.listener.cut([sound], framing, at_once=64)
    assert len(part) > 3
    shared = model.listener.heard([part, part], framing)
    each = model.listener.network(framing.window_samples)(part.samples)
    for key, values in each.items():
        for half in np.split(shared[key], 2):
            np.testing.assert_allclose(half, values, rtol=1e-4, atol=2e-5, err_msg=key)


def test_a_hop_between_frames_shares_none(logmel):
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * 3).astype(np.float32)
    odd, even = logmel.embed(sound, 16000, hop_s=0.4801), logmel.embed(sound, 16000, hop_s=0.48)
    np.testing.assert_array_equal(odd.vectors[0], even.vectors[0])
    assert np.abs(odd.vectors[1] - even.vectors[1]).max() > 1e-4


def test_a_set_written_as_it_comes_is_the_set_in_memory(clips, logmel, tmp_path, monkeypatch):
    monkeypatch.setattr("embedviz.setwriter.GROUP_BYTES", 200_000)
    labelled = [replace(clip, labels={"label": f"kind {i % 3}"}) for i, clip in enumerate(clips)]
    memory = embed(labelled, logmel)
    target = tmp_path / "new" / "set.parquet"
    written = embed_to_files(labelled, {"it": logmel}, {"it": target})["it"]
    assert (written.path, written.rows, written.dimensions) == (target, len(memory), 192)
    assert pq.read_metadata(target).num_row_groups > 2
    file = read_set(target)
    pd.testing.assert_frame_equal(file.table, memory.table, check_dtype=False)
    np.testing.assert_array_equal(file.vectors, memory.vectors)
    np.testing.assert_array_equal(file.thumbnails, memory.thumbnails)
    assert file.provenance == memory.provenance == written.provenance


def test_a_set_without_rows_leaves_no_file(logmel, write_wav, tmp_path):
    path = write_wav("nan.wav", np.full(16000, np.nan, np.float32), subtype="FLOAT")
    recordings = gather([path], unpack_to=tmp_path).recordings
    found = embed_to_files(recordings, {"it": logmel}, {"it": tmp_path / "out" / "set.parquet"})
    assert isinstance(found["it"], Unheard)
    assert list(found["it"].failures) == ["nan.wav"]
    assert not list(tmp_path.glob("out/*"))


def test_one_of_several_models_stopped_stops_them_all(clips, logmel):
    twin = replace(logmel, facts=replace(logmel.facts, name="twin"))

    def stop(name, progress):
        if name == "twin" and progress.done_s > 20:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        embed_with_all(clips, {"one": logmel, "twin": twin}, progress=stop)


def test_an_error_in_the_decoding_thread_is_not_swallowed(clips, logmel, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("embedviz.audio.blocks_at", broken)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        embed(clips, logmel)


def test_sound_without_a_sample_at_the_models_rate_is_named(logmel, write_wav, tmp_path):
    path = write_wav("blip.wav", np.zeros(1, np.float32), rate_hz=96000)
    recordings = gather([path], unpack_to=tmp_path).recordings
    low = replace(logmel, facts=replace(logmel.facts, rate_hz=4000))
    with pytest.raises(RecordingError, match=r"blip\.wav"):
        embed(recordings, low)


def test_shards_are_an_hour_and_always_the_same(clips):
    hours = [replace(clip, duration_s=1500.0) for clip in clips]
    found = shards(hours)
    assert [len(shard) for shard in found] == [3, 3, 3, 3]
    assert [one for shard in found for one in shard] == hours
    assert shards([]) == []


def test_a_batch_fits_the_memory(logmel, monkeypatch):
    network = logmel.listener.network(15600)
    framing = logmel.framing("window", None)

    def batch():
        return batches.fitting_batch(network, logmel.facts, framing, 64)

    assert batch() == 64
    monkeypatch.setenv("EMBEDVIZ_MEMORY_GB", str(8 * network.window_bytes * 10 / 2 / 1e9))
    assert batch() == 10
    monkeypatch.setenv("EMBEDVIZ_MEMORY_GB", "1e-9")
    assert batch() == 1
    monkeypatch.setenv("EMBEDVIZ_MEMORY_GB", "much")
    with pytest.raises(ModelError, match="EMBEDVIZ_MEMORY_GB=much"):
        batch()


def test_a_batch_that_the_device_cannot_hold_is_heard_in_halves(logmel, monkeypatch):
    import tensorflow as tf

    network = logmel.listener.network(15600)
    windows = np.random.default_rng(0).normal(0, 0.1, (10, 15600)).astype(np.float32)
    whole, traced, sizes = network(windows)["vectors"], network._traced, []

    def small(batch):
        sizes.append(len(batch))
        if len(batch) > 3:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return traced(batch)

    monkeypatch.setattr(network, "_traced", small)
    monkeypatch.setattr(network, "_most", None)
    np.testing.assert_allclose(network(windows)["vectors"], whole, rtol=0, atol=1e-6)
    assert sizes[:3] == [10, 5, 3]
    sizes.clear()
    network(windows)
    assert max(sizes) == 3


def test_what_a_killed_process_left_is_removed_after_a_day(clips, logmel, tmp_path):
    out = tmp_path / "out" / "set.parquet"
    out.parent.mkdir()
    old, new = out.parent / ".set.parquet.old.part", out.parent / ".set.parquet.new.part"
    for path in (old, new, out.parent / ".other.parquet.old.part"):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    embed_to_files(clips, {"it": logmel}, {"it": out})
    assert sorted(path.name for path in out.parent.iterdir()) == [
        ".other.parquet.old.part",
        ".set.parquet.new.part",
        "set.parquet",
    ]
