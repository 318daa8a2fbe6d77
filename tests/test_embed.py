"""Recordings in, rows out: batches with bad files, the cache, resuming, and Parquet."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import tone

from embedviz import cache, models, soundfiles
from embedviz.embed import embed
from embedviz.errors import Cancelled, RecordingError, SetError
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
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert sum(calls) > len(first)


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
