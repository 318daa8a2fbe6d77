"""Recordings in, rows out: batches with bad files, the cache, resuming, and Parquet."""

import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf
from conftest import tone

from embedviz import audio, cache, models, soundfiles
from embedviz.embed import embed
from embedviz.errors import Cancelled, ModelError, RecordingError, SetError
from embedviz.labels import from_folders
from embedviz.recordings import gather
from embedviz.store import read_set, write_set


@pytest.fixture(scope="module")
def logmel():
    return models.load_model("logmel")


@pytest.fixture
def three_clips(write_wav, tmp_path):
    for name, hz in [("low/a.wav", 300), ("low/b.wav", 400), ("high/c.wav", 3000)]:
        write_wav(f"clips/{name}", tone(hz, 3.0))
    return tmp_path / "clips"


def gathered(folder, tmp_path):
    return from_folders(gather([folder], unpack_to=tmp_path / "unpacked").recordings)


@pytest.fixture
def counting(logmel, monkeypatch):
    """The model, counting the windows that its network hears."""
    calls = []
    heard = logmel.listener.heard

    def counted(parts, framing):
        calls.append(sum(map(len, parts)))
        return heard(parts, framing)

    monkeypatch.setattr(logmel.listener, "heard", counted)
    return logmel, calls


def test_rows_follow_the_recordings_and_carry_their_labels(three_clips, tmp_path, logmel):
    found = embed(gathered(three_clips, tmp_path), logmel)
    assert list(found.table["recording"].unique()) == ["high/c.wav", "low/a.wav", "low/b.wav"]
    assert set(found.table.loc[found.table["label"] == "low", "recording"]) == {
        "low/a.wav",
        "low/b.wav",
    }
    assert found.label_columns == ("label",)
    assert found.thumbnails.shape == (len(found), 96, 64)
    assert found.thumbnails.dtype == np.uint8
    bands = np.array(found.provenance.bands_hz)
    peaks = bands[found.thumbnails.mean(axis=1).argmax(axis=1)]
    assert (peaks[found.table["label"] == "high"] > 2800).all()
    assert (peaks[found.table["label"] == "low"] < 500).all()


def test_bad_files_are_named_and_the_rest_go_on(three_clips, tmp_path, logmel, write_wav):
    write_wav("clips/low/nan.wav", np.full(16000, np.nan, np.float32), subtype="FLOAT")
    found = embed(gathered(three_clips, tmp_path), logmel)
    assert list(found.provenance.failures) == ["low/nan.wav"]
    assert "low/nan.wav" in found.provenance.failures["low/nan.wav"]
    assert len(found.provenance.recordings) == 3


def mp3(seconds: float, path):
    """Write an MP3 that is silent at first, so that its beginning promises a longer one."""
    sound = np.random.default_rng(0).standard_normal(round(seconds * 16000)) * 0.3
    sound[: len(sound) // 6] = 0
    path.parent.mkdir(exist_ok=True)
    sf.write(path, sound, 16000, format="MP3", subtype="MPEG_LAYER_III")
    return path.read_bytes()


@pytest.mark.parametrize("per", ["window", 10, "recording"])
def test_an_mp3_that_was_cut_gives_no_rows(three_clips, tmp_path, logmel, per):
    path = three_clips / "cut.mp3"
    whole = mp3(120, path)
    path.write_bytes(whole[: round(len(whole) * 0.96)])
    found = embed(gathered(three_clips, tmp_path), logmel, per=per)
    assert list(found.provenance.failures) == ["cut.mp3"]
    assert "is truncated: its header declares 120.00 s" in found.provenance.failures["cut.mp3"]
    assert "cut.mp3" not in set(found.table["recording"])


def test_rows_end_with_the_sound_where_the_length_was_guessed_too_long(tmp_path, logmel):
    path = tmp_path / "clips" / "radio.mp3"
    whole = mp3(12, path)
    path.write_bytes(whole[whole.index(whole[:2], 4) :])  # without the frame that says the length
    (recording,) = gather([path], unpack_to=tmp_path / "unpacked").recordings
    assert recording.duration_s > 15
    sound_s = sum(map(len, audio.blocks(recording, 16000))) / 16000
    for per in (1, 2.5, 5):
        table = embed([recording], logmel, per=per).table
        assert table["start_s"].tolist() == np.arange(0, sound_s, per).tolist()
        assert table["stop_s"].iloc[-1] == pytest.approx(sound_s, abs=1e-3)


def test_nothing_that_can_be_heard_is_an_error(tmp_path, logmel, write_wav):
    path = write_wav("nan.wav", np.full(16000, np.nan, np.float32), subtype="FLOAT")
    recordings = gather([path], unpack_to=tmp_path / "unpacked").recordings
    with pytest.raises(RecordingError, match=r"nan\.wav"):
        embed(recordings, logmel)


def test_a_second_run_and_one_more_file_compute_only_what_is_new(
    three_clips, tmp_path, counting, write_wav
):
    model, calls = counting
    first = embed(gathered(three_clips, tmp_path), model)
    computed = sum(calls)
    assert computed == len(first)
    again = embed(gathered(three_clips, tmp_path), model)
    assert sum(calls) == computed
    np.testing.assert_array_equal(first.vectors, again.vectors)
    pd.testing.assert_frame_equal(first.table, again.table)
    write_wav("clips/high/d.wav", tone(2500, 3.0))
    more = embed(gathered(three_clips, tmp_path), model)
    assert sum(calls) == computed + len(more) - len(first)


@pytest.mark.parametrize("change", [{"per": "recording"}, {"hop_s": 0.96}, {"channel": 1}])
def test_other_settings_are_other_results(three_clips, tmp_path, counting, change):
    model, calls = counting
    embed(gathered(three_clips, tmp_path), model)
    before = sum(calls)
    embed(gathered(three_clips, tmp_path), model, **change)
    assert sum(calls) > before


def test_a_renamed_recording_is_the_same_recording(three_clips, tmp_path, counting):
    model, calls = counting
    embed(gathered(three_clips, tmp_path), model)
    before = sum(calls)
    (three_clips / "low" / "a.wav").rename(three_clips / "high" / "z.wav")
    found = embed(gathered(three_clips, tmp_path), model)
    assert sum(calls) == before
    assert "high/z.wav" in set(found.table["recording"])


def heard_alone(model):
    """The model with batches so small that no recordings share one."""
    return replace(model, batch=4)


def test_a_stopped_run_keeps_what_was_finished(three_clips, tmp_path, counting):
    model, calls = counting
    model = heard_alone(model)

    def stop_at_the_third(progress):
        if progress.recordings_done == 2:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        embed(gathered(three_clips, tmp_path), model, progress=stop_at_the_third)
    before = sum(calls)
    found = embed(gathered(three_clips, tmp_path), model)
    assert before == 2 * len(found) / 3
    assert sum(calls) == len(found)


def test_a_damaged_cache_entry_is_computed_again(three_clips, tmp_path, counting):
    model, calls = counting
    first = embed(gathered(three_clips, tmp_path), model)
    entries = sorted((cache.cache_folder() / "recordings").rglob("*.parquet"))
    assert len(entries) == 3
    entries[0].write_bytes(entries[0].read_bytes()[:100])
    again = embed(gathered(three_clips, tmp_path), model)
    # It was heard with two others, and is now heard alone.
    np.testing.assert_allclose(first.vectors, again.vectors, rtol=0, atol=1e-6)
    assert sum(calls) > len(first)


def test_a_disk_that_fails_during_a_run_costs_one_recording(
    three_clips, tmp_path, logmel, monkeypatch
):
    recordings = gathered(three_clips, tmp_path)
    real = hashlib.file_digest

    def failing(stream, algorithm):
        if os.path.samestat(os.fstat(stream.fileno()), (three_clips / "low/a.wav").stat()):
            raise OSError(errno.EIO, "Input/output error")
        return real(stream, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", failing)
    found = embed(recordings, logmel)
    assert found.provenance.failures == {
        "low/a.wav": "low/a.wav cannot be read (Input/output error)."
    }
    assert len(found.provenance.recordings) == 2


@pytest.mark.parametrize("batch", [64, 1], ids=["in a pack", "alone"])
@pytest.mark.parametrize("per", ["window", 2.0])
def test_a_recording_that_grew_since_it_was_gathered_leaves_nothing_in_the_cache(
    write_wav, tmp_path, logmel, per, batch
):
    model = replace(logmel, batch=batch)
    path = write_wav("growing.wav", tone(300, 5.0))
    before = gather([path], unpack_to=tmp_path).recordings
    write_wav("growing.wav", tone(300, 20.0))
    with pytest.raises(RecordingError, match=r"growing.wav changed while it was read; start again"):
        embed(before, model, per=per)
    found = embed(gather([path], unpack_to=tmp_path).recordings, model, per=per)
    assert (found.table["stop_s"] > found.table["start_s"]).all()
    assert found.table["stop_s"].max() > 19.0


@pytest.mark.parametrize("batch", [64, 1], ids=["in a pack", "alone"])
def test_a_recording_written_to_while_it_is_decoded_fails(
    three_clips, tmp_path, logmel, monkeypatch, batch
):
    from embedviz import audio

    recordings = gathered(three_clips, tmp_path)
    real = audio.blocks_at

    def touched(recording, *arguments, **more):
        yield from real(recording, *arguments, **more)
        if recording.name == "low/a.wav":
            os.utime(recording.path, (0, 0))

    monkeypatch.setattr(audio, "blocks_at", touched)
    found = embed(recordings, replace(logmel, batch=batch))
    assert list(found.provenance.failures) == ["low/a.wav"]
    assert "changed while it was read" in found.provenance.failures["low/a.wav"]
    assert len(list((cache.cache_folder() / "recordings").rglob("*.parquet"))) == 2


def test_equal_files_are_heard_once(three_clips, tmp_path, counting):
    model, calls = counting
    shutil.copy(three_clips / "low/a.wav", three_clips / "low/z.wav")
    found = embed(gathered(three_clips, tmp_path), model)
    first, copy = (found.table["recording"] == name for name in ("low/a.wav", "low/z.wav"))
    np.testing.assert_array_equal(found.vectors[first], found.vectors[copy])
    assert sum(calls) == len(found) - copy.sum()
    assert found.provenance.recordings["low/z.wav"].path.endswith("z.wav")


def test_a_run_that_goes_on_makes_the_same_batches_where_files_are_equal(
    write_wav, tmp_path, counting, monkeypatch
):
    model, calls = counting
    for number in range(14):
        write_wav(f"clips/{number:02d}.wav", tone(200 + 50 * number, 3.0))
    shutil.copy(tmp_path / "clips/00.wav", tmp_path / "clips/11b.wav")
    recordings = gathered(tmp_path / "clips", tmp_path)
    whole = embed(recordings, model)
    batches, save = list(calls), cache.save
    assert len(batches) == 2
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(tmp_path / "another cache"))

    def stopped(entries):
        save(entries)
        raise Cancelled("Stopped.")

    with monkeypatch.context() as patched:
        patched.setattr(cache, "save", stopped)
        with pytest.raises(Cancelled):
            embed(recordings, model)
    again = embed(recordings, model)
    assert calls == batches + batches
    assert again.vectors.tobytes() == whole.vectors.tobytes()


def test_a_hop_or_a_stretch_beyond_a_day_is_refused_before_anything_is_heard(
    three_clips, tmp_path, counting
):
    model, calls = counting
    for hop_s in (86_401, 1e305):
        with pytest.raises(ModelError, match="too long; wanted at most a day"):
            embed(gathered(three_clips, tmp_path), model, hop_s=hop_s)
    for per in (86_401, 1e305, np.inf):
        with pytest.raises(ModelError, match="too long a stretch; wanted at most a day"):
            embed(gathered(three_clips, tmp_path), model, per=per)
    assert not calls


def test_a_recording_without_a_sample_at_the_models_rate_is_named_when_heard_alone(
    write_wav, tmp_path, logmel
):
    path = write_wav("blip.wav", np.zeros(1, np.float32), rate_hz=384_000)
    recordings = gather([path], unpack_to=tmp_path).recordings
    for per in ("window", "recording", 2.0):
        with pytest.raises(RecordingError, match=r"blip\.wav lasts"):
            embed(recordings, replace(logmel, batch=1), per=per)


def test_progress_counts_seconds_of_sound_and_ends_complete(three_clips, tmp_path, logmel):
    seen = []
    embed(gathered(three_clips, tmp_path), logmel, progress=seen.append)
    done = [progress.done_s for progress in seen]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(9.0)
    assert seen[-1].recordings_done == seen[-1].recordings == 3
    assert seen[0].total_s == pytest.approx(9.0)


def test_a_parquet_file_holds_the_contract(three_clips, tmp_path, logmel):
    found = embed(gathered(three_clips, tmp_path), logmel)
    path = tmp_path / "deep" / "set.parquet"
    write_set(found, path)
    schema = pq.read_schema(path)
    assert schema.names[:4] == ["recording", "start_s", "stop_s", "label"]
    assert schema.field("embedding").type.list_size == 192
    assert schema.field("embedding").type.value_type == pa.float32()
    info = json.loads(schema.metadata[b"embedviz"])
    assert info["model"] == "logmel"
    assert info["rate_hz"] == 16000
    assert info["hop_s"] == 0.48
    assert info["precision"] == "float32"
    assert len(info["recordings"]["low/a.wav"]["sha256"]) == 64
    frame = pd.read_parquet(path)
    np.testing.assert_array_equal(np.stack(frame["embedding"]), found.vectors)


def test_a_set_survives_writing_and_reading(make_set, tmp_path):
    from embedviz.data import Projection

    projection = Projection(
        "pca", np.arange(120, dtype=np.float32).reshape(40, 3), {"seed": 0}, (0.5, 0.2, 0.1)
    )
    written = make_set().with_projection(projection)
    write_set(written, tmp_path / "set.parquet")
    read = read_set(tmp_path / "set.parquet")
    pd.testing.assert_frame_equal(read.table, written.table, check_dtype=False)
    np.testing.assert_array_equal(read.vectors, written.vectors)
    np.testing.assert_array_equal(read.thumbnails, written.thumbnails)
    np.testing.assert_array_equal(read.projection.coordinates, projection.coordinates)
    assert read.projection.explained_variance == (0.5, 0.2, 0.1)
    assert read.provenance == written.provenance


def test_files_that_are_no_sets_are_refused(tmp_path):
    with pytest.raises(SetError, match="no file"):
        read_set(tmp_path / "missing.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(SetError, match="Parquet"):
        read_set(tmp_path / "text.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(SetError, match="embedviz"):
        read_set(tmp_path / "other.parquet")


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["audio/codecs", "audio/humpback", "fixtures/openl3/audio"])
def test_every_format_gives_rows_or_one_sentence(folder, shared, tmp_path, logmel):
    result = gather([shared / folder], unpack_to=tmp_path)
    found = embed(result.recordings, logmel, failures=result.failures)
    names = {recording.name for recording in result.recordings} | set(result.failures)
    assert names == set(found.provenance.recordings) | set(found.provenance.failures)
    for name, sentence in found.provenance.failures.items():
        assert name.rpartition("/")[2] in sentence
        assert sentence.endswith(".")


def test_several_models_hear_each_recording_decoded_once(
    three_clips, tmp_path, logmel, monkeypatch
):
    from embedviz import audio
    from embedviz.embed import embed_with_all

    decoded = []

    def counted(opened, *arguments, **more):
        decoded.append(opened.name)
        return soundfiles.decoded(opened, *arguments, **more)

    monkeypatch.setattr(audio, "decoded", counted)
    recordings = gathered(three_clips, tmp_path)
    high = replace(logmel, facts=replace(logmel.facts, name="high", rate_hz=32000))
    twin = replace(logmel, facts=replace(logmel.facts, name="twin"))
    seen = []
    found = embed_with_all(
        recordings,
        {"one": logmel, "two": twin, "high": high},
        per=1.0,
        progress=lambda name, now: seen.append((name, now.done_s)),
    )
    assert decoded == [recording.name for recording in recordings]
    np.testing.assert_array_equal(found["one"].vectors, found["two"].vectors)
    for name in ("two", "high"):
        for column in ("recording", "start_s", "stop_s"):
            assert list(found[name].table[column]) == list(found["one"].table[column])
    total = sum(recording.duration_s for recording in recordings)
    for name in found:
        assert max(done for model, done in seen if model == name) == pytest.approx(total)


def test_a_model_that_hears_nothing_does_not_spoil_the_others(three_clips, tmp_path, logmel):
    from embedviz.embed import embed_with_all
    from embedviz.errors import RecordingError

    class Deaf:
        def windows(self, *_, **__):
            raise RecordingError("The sound is too short.")

        def clip(self, *_):
            return None

        def by_window(self):
            return None

    recordings = gathered(three_clips, tmp_path)
    deaf = replace(logmel, facts=replace(logmel.facts, name="deaf"), listener=Deaf())
    found = embed_with_all(recordings, {"deaf": deaf, "logmel": logmel})
    assert len(found["logmel"].table["recording"].unique()) == 3
    assert "Not one of 3 recordings" in str(found["deaf"])
    assert "high/c.wav: The sound is too short." in str(found["deaf"])
