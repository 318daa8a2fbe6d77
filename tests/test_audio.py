"""Recordings as streams: every format, rate and channel, and every way to be broken."""

from __future__ import annotations

import errno
import hashlib
import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from embedviz import audio, openfiles
from embedviz.data import Recording
from embedviz.errors import RecordingError
from tests.conftest import tone

EXACT = [
    ("WAV", "PCM_U8", 1 / 100),
    ("WAV", "PCM_16", 1 / 30_000),
    ("WAV", "PCM_24", 1e-6),
    ("WAV", "PCM_32", 1e-7),
    ("WAV", "FLOAT", 0),
    ("WAV", "DOUBLE", 0),
    ("WAVEX", "PCM_24", 1e-6),
    ("FLAC", "PCM_16", 1 / 30_000),
    ("FLAC", "PCM_24", 1e-6),
    ("AIFF", "PCM_16", 1 / 30_000),
    ("AIFF", "FLOAT", 0),
    ("CAF", "PCM_24", 1e-6),
    ("CAF", "ALAC_16", 1 / 30_000),
    ("W64", "PCM_16", 1 / 30_000),
    ("RF64", "PCM_16", 1 / 30_000),
    ("AU", "PCM_16", 1 / 30_000),
    ("AU", "FLOAT", 0),
]
LOSSY = [
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("WAV", "ULAW"),
    ("WAV", "IMA_ADPCM"),
    ("WAV", "GSM610"),
]
FORMATS = [(kind, subtype) for kind, subtype, _ in EXACT] + LOSSY
CUT = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "DOUBLE"),
    ("WAV", "IMA_ADPCM"),
    ("WAVEX", "FLOAT"),
    ("FLAC", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("W64", "PCM_16"),
    ("RF64", "PCM_16"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.fixture
def write(tmp_path):
    """Write samples in any format; Ogg comes in blocks of a second, as libsndfile wants it."""

    def write(name, samples, rate_hz=16000, *, kind="WAV", subtype="FLOAT", **options) -> Path:
        path = tmp_path / name
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        with sf.SoundFile(
            path, "w", rate_hz, channels, format=kind, subtype=subtype, **options
        ) as file:
            for start in range(0, len(samples), rate_hz):
                file.write(samples[start : start + rate_hz])
        return path

    return write


def lively(seconds: float, rate_hz: int = 48000, channels: int = 1) -> np.ndarray:
    """A tone under noise that comes and goes, so that lossy codecs change their rate."""
    rng = np.random.default_rng(7)
    count = round(seconds * rate_hz)
    sound = tone(440, seconds, rate_hz)[:, None] * np.linspace(0.2, 1, channels)
    sound = sound + 0.1 * rng.standard_normal((count, channels)) * np.linspace(0, 1, count)[:, None]
    return sound.astype(np.float32)[:, 0] if channels == 1 else sound.astype(np.float32)


def heard(path_or_recording, rate_hz, **options) -> np.ndarray:
    parts = list(audio.blocks(path_or_recording, rate_hz, **options))
    assert all(part.ndim == 1 and part.dtype == np.float32 and len(part) for part in parts)
    return np.concatenate(parts)


def loudest_hz(samples: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate_hz / len(samples)


def why(path: Path, rate_hz: int = 16000) -> str:
    """The sentence with which a recording is refused."""
    with pytest.raises(RecordingError) as caught:
        list(audio.blocks(audio.inspect(path), rate_hz))
    sentence = str(caught.value)
    assert sentence.startswith(path.name)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(("kind", "subtype", "step"), EXACT)
def test_samples_come_out_as_they_were_written(write, kind, subtype, step):
    samples = lively(1.5, 16000)
    path = write("call.bin", samples, kind=kind, subtype=subtype)
    assert audio.inspect(path) == Recording("call.bin", path, 1.5, 16000, 1)
    assert heard(path, 16000) == pytest.approx(samples, abs=step)


@pytest.mark.parametrize(("kind", "subtype"), LOSSY)
def test_a_tone_survives_lossy_formats(write, kind, subtype):
    rate_hz = 48000 if subtype == "OPUS" else 44100
    path = write("tone.bin", tone(1000, 2, rate_hz), rate_hz, kind=kind, subtype=subtype)
    recording = audio.inspect(path)
    samples = heard(path, rate_hz)
    assert recording.rate_hz == rate_hz
    assert recording.duration_s == pytest.approx(len(samples) / rate_hz, abs=1e-9)
    assert recording.duration_s == pytest.approx(2, abs=0.05)
    assert loudest_hz(samples, rate_hz) == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("wanted_hz", [16000, 48000])
@pytest.mark.parametrize(
    "rate_hz", [4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000, 250000, 384000]
)
def test_a_tone_keeps_its_frequency_at_every_rate(write, rate_hz, wanted_hz):
    path = write("tone.wav", tone(1234, 1, rate_hz), rate_hz)
    samples = heard(path, wanted_hz)
    assert len(samples) == pytest.approx(wanted_hz, abs=1)
    assert loudest_hz(samples, wanted_hz) == pytest.approx(1234, abs=wanted_hz / len(samples))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8, 17, 32])
def test_channels_are_mixed_by_their_mean_or_heard_alone(write, channels):
    samples = lively(0.5, 16000, channels).reshape(-1, channels)
    path = write("array.wav", samples)
    assert audio.inspect(path).channels == channels
    assert heard(path, 16000) == pytest.approx(samples.mean(axis=1), abs=1e-6)
    for channel in (1, channels):
        assert np.array_equal(heard(path, 16000, channel=channel), samples[:, channel - 1])


def test_a_channel_that_is_not_there_is_refused(write):
    path = write("stereo.wav", lively(0.1, 16000, 2))
    for channel in (0, 3):
        with pytest.raises(RecordingError, match=f"stereo.wav has 2 .* no channel {channel}"):
            list(audio.blocks(path, 16000, channel=channel))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("kind", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("CAF", "ALAC_16"), *LOSSY]
)
def test_the_size_of_blocks_changes_no_sample(write, kind, subtype, channels):
    channels = 1 if subtype == "GSM610" else channels  # all that GSM has
    path = write("call.bin", lively(3, 48000, channels), 48000, kind=kind, subtype=subtype)
    for rate_hz in (48000, 16000):
        whole = heard(path, rate_hz, block_s=60)
        for block_s in (0.0101, 0.5, 1.7):
            assert np.array_equal(heard(path, rate_hz, block_s=block_s), whole)


@pytest.mark.parametrize("rates_hz", [(44100, 16000), (8000, 32000), (250000, 22050)])
def test_resampling_block_by_block_equals_resampling_at_once(write, rates_hz):
    samples = lively(2, rates_hz[0])
    path = write("call.wav", samples, rates_hz[0])
    once = soxr.resample(samples, *rates_hz, quality="HQ")
    assert np.array_equal(heard(path, rates_hz[1], block_s=0.13), once)


def test_an_mp3_read_in_blocks_equals_the_mp3_read_at_once(write):
    path = write("call.mp3", lively(4, 44100), 44100, kind="MP3", subtype="MPEG_LAYER_III")
    once, _ = sf.read(path, dtype="float32")
    assert np.array_equal(heard(path, 44100, block_s=0.3), once)


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_a_window_is_exactly_its_samples(write, kind, subtype):
    path = write("call.bin", lively(4, 48000), 48000, kind=kind, subtype=subtype)
    whole = heard(path, 48000)
    rng = np.random.default_rng(0)
    for start_s, length_s in zip(rng.uniform(0, 3.9, 12), rng.uniform(0, 0.5, 12), strict=True):
        window, rate_hz = audio.read(path, start_s=start_s, stop_s=start_s + length_s)
        assert rate_hz == 48000
        assert window.dtype == np.float32
        first, last = round(start_s * 48000), round((start_s + length_s) * 48000)
        assert np.array_equal(window, whole[first:last])


def test_a_window_is_clipped_to_its_recording(write):
    samples = lively(1, 16000, 2)
    path = write("call.wav", samples)
    assert np.array_equal(audio.read(path, channel=2)[0], samples[:, 1])
    assert np.array_equal(audio.read(path, start_s=0.9, stop_s=3, channel=1)[0], samples[14400:, 0])
    assert np.array_equal(audio.read(path, start_s=-1, stop_s=0.1, channel=1)[0], samples[:1600, 0])
    for start_s, stop_s in ((2, 3), (0.5, 0.5), (0.5, 0.2)):
        assert len(audio.read(path, start_s=start_s, stop_s=stop_s)[0]) == 0


@pytest.mark.parametrize(("kind", "subtype"), CUT)
def test_a_truncated_recording_is_reported_by_name(write, kind, subtype):
    path = write("long.bin", lively(6, 48000), 48000, kind=kind, subtype=subtype)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in why(path)


@pytest.mark.parametrize("share", [0.96, 0.99])
def test_an_mp3_that_states_its_length_may_not_end_before(write, share):
    path = write("long.mp3", lively(60, 44100), 44100, kind="MP3", subtype="MPEG_LAYER_III")
    whole = path.read_bytes()
    path.write_bytes(whole[: round(len(whole) * share)])
    assert "is truncated: its header declares 60.00 s and 5" in why(path)


@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000])
def test_a_whole_mp3_is_never_truncated(write, rate_hz, channels, mode):
    for seconds in (0.02, 1.37, 4):
        for level in (0.0, 0.5):
            options = {"bitrate_mode": mode, "compression_level": level}
            sound = lively(seconds, rate_hz, channels)
            kinds = {"kind": "MP3", "subtype": "MPEG_LAYER_III"}
            path = write("call.mp3", sound, rate_hz, **kinds, **options)
            assert len(heard(audio.inspect(path), rate_hz)) == len(sound)


def test_an_mp3_whose_encoder_counts_its_delay_is_whole(write):
    """Without the words of LAME the frame of the header may be counted, and nothing is cut."""
    sound = lively(3, 8000)
    path = write("call.mp3", sound, 8000, kind="MP3", subtype="MPEG_LAYER_III")
    content = bytearray(path.read_bytes())
    frames = content.index(b"Xing") + 8
    count = int.from_bytes(content[frames : frames + 4], "big")
    content[frames : frames + 4] = (count + 2).to_bytes(4, "big")
    path.write_bytes(content)
    assert len(heard(path, 8000)) == pytest.approx(len(sound), abs=2000)


@pytest.mark.parametrize("rest", [1, 200, 3000])
def test_an_ogg_cut_within_its_last_page_is_truncated(write, rest):
    path = write("call.ogg", lively(3, 44100), 44100, kind="OGG", subtype="VORBIS")
    path.write_bytes(path.read_bytes()[:-rest])
    assert "truncated" in why(path)


@pytest.mark.parametrize("declared", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFF0000])
def test_a_stream_that_was_never_told_its_length_is_heard_whole(write, declared):
    path = write("recorder.wav", lively(1, 16000), subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", declared)
    path.write_bytes(content)
    assert audio.inspect(path).duration_s == 1
    assert len(heard(path, 16000)) == 16000


def sparse_wav(path: Path, *, data: int, size: int, riff: int | None = None, tail=b"") -> Path:
    """Write a WAV of `size` bytes, most of which no disk holds, with `tail` at its end."""
    riff = data + 36 if riff is None else riff
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 44100, 88200, 2, 16)
    sizes = [number % 2**32 for number in (riff, data)]
    with path.open("wb") as file:
        file.write(struct.pack("<4sI4s", b"RIFF", sizes[0], b"WAVE") + fmt)
        file.write(struct.pack("<4sI", b"data", sizes[1]))
        file.truncate(size - len(tail))
        file.seek(0, io.SEEK_END)
        file.write(tail)
    return path


def refused(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        audio.inspect(path)
    return str(caught.value)


HUGE = 4_600_000_000


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        pytest.param(0xFFFFFFFF, "305.0 MB", id="pipe"),
        pytest.param(HUGE - 44, "4,295.0 MB", id="modulo"),
        pytest.param(0x7FFFFFFF, "2,452.5 MB", id="placeholder"),
    ],
)
def test_a_plain_wav_of_more_than_its_header_can_say_is_refused(tmp_path, data, lost):
    path = sparse_wav(tmp_path / "july.wav", data=data, size=HUGE, riff=min(data, HUGE) + 36)
    assert refused(path) == (
        "july.wav is a plain WAV of 4.60 GB, whose header can say no more than 4 GB, and "
        f"{lost} of it would not be heard; write it as RF64, W64 or FLAC or in parts, for example "
        "with ffmpeg -ignore_length 1 -i in.wav -c copy -rf64 auto out.wav."
    )


def test_a_pipe_below_four_gigabytes_is_heard_to_its_end(tmp_path):
    size = 3_000_000_000
    path = sparse_wav(tmp_path / "june.wav", data=0xFFFFFFFF, size=size, riff=0xFFFFFFFF)
    assert audio.inspect(path).duration_s == pytest.approx((size - 44) / 88200, abs=1e-3)
    # As far as a header can say: nothing is lost.
    size = 0xFFFFFFFF + 8
    path = sparse_wav(tmp_path / "june.wav", data=size - 44, size=size)
    assert audio.inspect(path).duration_s == pytest.approx((size - 44) / 88200, abs=1e-3)


@pytest.mark.parametrize("kind", ["RF64", "W64"])
def test_a_wav_whose_header_holds_more_is_heard_beyond_four_gigabytes(tmp_path, kind):
    path = tmp_path / f"july.{kind.lower()}"
    sf.write(path, np.zeros(44100, np.int16), 44100, format=kind, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    more = HUGE - len(content)
    first = content.index(b"ds64") + 8 if kind == "RF64" else 16
    for place in (first, first + 8 if kind == "RF64" else content.index(b"data") + 16):
        number = int.from_bytes(content[place : place + 8], "little")
        content[place : place + 8] = (number + more).to_bytes(8, "little")
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(HUGE)
    assert audio.inspect(path).duration_s == pytest.approx(HUGE / 88200, abs=0.1)


@pytest.mark.parametrize("size", [HUGE, 5_000_000, 50_000])
@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF])
def test_a_header_that_a_stopped_recorder_left_empty_is_told_from_no_sound(tmp_path, size, riff):
    sentence = refused(sparse_wav(tmp_path / "night.wav", data=0, size=size, riff=riff))
    assert sentence.startswith(
        f"night.wav has {size / 1e6:,.1f} MB, though its header claims no sound, as where a "
        "recorder was stopped before it could write the length; repair it"
    )


def test_a_wav_far_longer_than_its_header_says_is_refused(tmp_path):
    path = sparse_wav(tmp_path / "dusk.wav", data=88200, size=10_000_000)
    assert "goes on for 9.9 MB after the 0.1 MB of sound" in refused(path)


def chunk(name: bytes, size: int, *, fill: bytes = b"\0") -> bytes:
    return name + struct.pack("<I", size) + b"x" * size + fill * (size % 2)


@pytest.mark.parametrize("fill", [b"\0", b""])
@pytest.mark.parametrize("cut", [0, 5_000_000])
@pytest.mark.parametrize("name", [b"bext", b"LIST", b"iXML", b"_PMX", b"id3 ", b"junk", b"SMED"])
def test_large_chunks_behind_the_sound_of_a_wav_are_no_sound(tmp_path, name, cut, fill):
    tail = chunk(b"cue ", 27, fill=fill) + chunk(name, 6_000_001, fill=fill)
    size = 44 + 88200 + len(tail)
    tail = tail[: len(tail) - cut]
    path = sparse_wav(tmp_path / "dawn.wav", data=88200, size=size - cut, riff=size - 8, tail=tail)
    assert audio.inspect(path).duration_s == 1.0


def test_a_flac_that_does_not_state_its_length_is_heard_whole(write):
    path = write("piped.flac", lively(2, 16000), kind="FLAC", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] & 0xF0, 0, 0, 0, 0])  # the 36 bits of the sample count
    path.write_bytes(content)
    assert audio.inspect(path).duration_s == 2
    assert len(heard(path, 16000)) == 32000
    assert len(audio.read(path, start_s=1.5)[0]) == 8000


def test_a_recording_that_grew_since_it_was_inspected_is_refused(write):
    path = write("growing.wav", lively(1, 16000))
    recording = audio.inspect(path)
    assert len(heard(recording, 16000)) == 16000
    for changed in (lively(2, 16000), lively(1, 16000, channels=2)):
        write("growing.wav", changed)
        with pytest.raises(RecordingError, match=r"^growing.wav changed while it was read; "):
            heard(recording, 16000)


def test_a_recording_without_a_length_that_grew_is_refused(write):
    def piped(seconds):
        path = write("piped.flac", lively(seconds, 16000), kind="FLAC", subtype="PCM_16")
        content = bytearray(path.read_bytes())
        content[21:26] = bytes([content[21] & 0xF0, 0, 0, 0, 0])
        path.write_bytes(content)
        return path

    recording = audio.inspect(piped(1))
    assert len(heard(recording, 16000)) == 16000
    piped(2)
    with pytest.raises(RecordingError, match=r"^piped.flac changed while it was read; "):
        heard(recording, 16000)


@pytest.fixture
def failing(monkeypatch):
    """Reads that fail once so many bytes of a file are read, as from a disk with a defect."""

    def fail_after(bytes_read):
        class Disk(io.FileIO):
            def readinto(self, buffer):
                if self.tell() >= bytes_read:
                    raise OSError(errno.EIO, "Input/output error")
                return super().readinto(buffer)

        class Failing(openfiles._Stream, Disk):
            """What is asked of a stream it asks of the disk."""

        monkeypatch.setattr(openfiles, "_Stream", Failing)

    return fail_after


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III")])
@pytest.mark.parametrize("after", [0, 20_000])
def test_a_disk_that_fails_is_named_and_is_no_end_of_the_sound(
    write, failing, capfd, kind, subtype, after
):
    path = write("call.bin", lively(20, 16000), kind=kind, subtype=subtype)
    failing(after)
    for read in (audio.sha256, lambda path: list(audio.blocks(path, 16000))):
        with pytest.raises(
            RecordingError, match=r"^call.bin cannot be read \(Input/output error\)"
        ):
            read(path)
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs Linux")
def test_a_file_of_the_system_that_cannot_be_read_is_named(tmp_path):
    link = tmp_path / "a.wav"
    link.symlink_to("/proc/self/mem")
    with pytest.raises(RecordingError, match=r"^a.wav "):
        audio.sha256(link)
    assert why(link)


def without_xing(path: Path) -> Path:
    """Take the first frame, which holds the length and no sound, from an MP3."""
    content = path.read_bytes()
    path.write_bytes(content[content.index(content[:2], 4) :])
    return path


def test_an_mp3_of_constant_bit_rate_needs_no_stated_length(write):
    path = without_xing(
        write(
            "radio.mp3",
            lively(5, 44100),
            44100,
            kind="MP3",
            subtype="MPEG_LAYER_III",
            bitrate_mode="CONSTANT",
            compression_level=0.5,
        )
    )
    assert len(heard(path, 16000)) == pytest.approx(5 * 16000, abs=1600)


def test_an_mp3_whose_length_is_guessed_too_long_is_heard_whole(write):
    sound = np.concatenate([np.zeros(44100, np.float32), lively(5, 44100)])
    path = write("vbr.mp3", sound, 44100, kind="MP3", subtype="MPEG_LAYER_III")
    path = without_xing(path)
    if audio.inspect(path).duration_s < 6:
        pytest.skip("this encoder starts with a large frame")
    assert len(heard(path, 16000)) == pytest.approx(6 * 16000, abs=1600)


def test_an_mp3_whose_length_is_guessed_too_short_is_not_cut_silently(write):
    sound = np.random.default_rng(0).standard_normal(3 * 44100).astype(np.float32) * 0.3
    sound = np.concatenate([sound, np.zeros(30 * 44100, np.float32)])
    path = write("vbr.mp3", sound, 44100, kind="MP3", subtype="MPEG_LAYER_III")
    assert "does not state its length" in why(without_xing(path))


def test_an_mp3_with_a_header_that_libsndfile_does_not_know_is_not_cut_silently(write):
    sound = np.random.default_rng(0).standard_normal(20 * 44100) * np.linspace(0, 0.5, 20 * 44100)
    path = write("vbr.mp3", sound, 44100, kind="MP3", subtype="MPEG_LAYER_III")
    content = bytearray(path.read_bytes())
    place = content.index(b"Xing")
    content[place : place + 120] = bytes(120)
    content[36:40] = b"VBRI"
    path.write_bytes(content)
    assert "does not state its length" in why(path)


def test_a_damaged_flac_is_reported_with_the_place(write):
    path = write("call.flac", lively(6, 48000), 48000, kind="FLAC", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = b"\x55" * 64
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"call.flac cannot be decoded between [2-4]\.\d\d s"):
        list(audio.blocks(path, 48000, block_s=0.5))
    with pytest.raises(RecordingError, match="call.flac cannot be decoded"):
        audio.read(path, start_s=2.5, stop_s=4)


def test_a_missing_an_empty_and_a_soundless_file_are_told_apart(write, tmp_path):
    assert "does not exist" in why(tmp_path / "gone.wav")
    (tmp_path / "blank.wav").touch()
    assert "is an empty file (0 bytes)" in why(tmp_path / "blank.wav")
    path = write("empty.wav", np.zeros(0, np.float32))
    assert why(path) == "empty.wav has 0 samples; nothing to embed."
    assert "is not a file" in why(tmp_path)


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100), "a JPEG picture"),
        (b"%PDF-1.7\n" + bytes(100), "a PDF document"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b"\0\0\0\x20ftypM4A " + bytes(100), "with ffmpeg"),
        (b"\x1aE\xdf\xa3" + bytes(100), "with ffmpeg"),
        (b"\n<!DOCTYPE html><html>", "an HTML page"),
        (b"recording,label\na.wav,wren\n", "plain text"),
        ("Vögel\n".encode("utf-16"), "plain text"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (bytes(range(256)) * 20, "not audio that can be read"),
        (b"RIFF\xff\0\0\0WAVEfmt ", "cannot be opened as audio"),
    ],
)
@pytest.mark.parametrize("extension", ["wav", "raw", "au", "vox", "mp3"])
def test_what_is_not_audio_is_called_what_it_is(tmp_path, content, looks_like, extension):
    path = tmp_path / f"call.{extension}"
    path.write_bytes(content)
    assert looks_like in why(path)


@pytest.mark.parametrize("extension", ["raw", "mp3", "txt", "zip", "vox", ""])
def test_the_content_decides_and_never_the_extension(write, extension):
    samples = lively(0.2, 16000)
    path = write(f"call.{extension}", samples)
    assert np.array_equal(heard(path, 16000), samples)


@pytest.mark.parametrize("rate_hz", [1000, 3999, 384001, 2_000_000])
def test_a_rate_that_no_recording_has_is_refused(write, rate_hz):
    assert f"{rate_hz:,} Hz" in why(write("odd.wav", lively(0.01, rate_hz), rate_hz))


def test_more_than_32_channels_are_refused(write):
    assert "33 channels" in why(write("wide.wav", np.zeros((100, 33), np.float32)))


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@pytest.mark.parametrize("block_s", [0.3, 10])
def test_samples_that_are_no_numbers_are_reported_with_their_second(write, value, word, block_s):
    samples = lively(2, 16000, 2)
    samples[20000, 1] = value
    path = write("broken.wav", samples)
    with pytest.raises(RecordingError, match=f"broken.wav holds {word} at 1.250 s"):
        list(audio.blocks(path, 8000, block_s=block_s))
    assert len(heard(path, 16000, channel=1)) == 32000


def test_a_recording_is_reported_under_its_own_name(write):
    path = write("call.wav", np.full(100, np.nan, np.float32))
    recording = audio.inspect(path, name="june/call.wav")
    with pytest.raises(RecordingError, match=r"^june/call\.wav holds NaN"):
        list(audio.blocks(recording, 16000))


@pytest.mark.parametrize("block_s", [10.0, 1e9])
def test_a_long_recording_streams_in_little_memory(tmp_path, block_s):
    path = tmp_path / "long.wav"
    minute = (lively(60, 32000) * 20000).astype(np.int16)
    with sf.SoundFile(path, "w", 32000, 1, subtype="PCM_16") as file:
        for _ in range(20):
            file.write(minute)
    size = path.stat().st_size
    tracemalloc.start()
    count = sum(len(block) for block in audio.blocks(path, 16000, block_s=block_s))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20 * 60 * 16000
    assert peak < (size / 10 if block_s == 10 else size * 0.6)


def test_a_checksum_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"abc" * 100_000)
    assert audio.sha256(tmp_path / "a.bin") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    with pytest.raises(RecordingError, match="b.bin does not exist"):
        audio.sha256(tmp_path / "b.bin")


@pytest.mark.shared
def test_all_real_recordings_are_heard_whole_or_refused_in_one_sentence(shared):
    paths = [p for p in sorted(shared.glob("audio/**/*")) if p.suffix not in ("", ".md", ".txt")]
    refused = []
    for path in [*paths, *sorted(shared.glob("fixtures/**/*.wav"))]:
        try:
            recording = audio.inspect(path)
            count = sum(len(block) for block in audio.blocks(recording, 16000))
            assert count / 16000 == pytest.approx(recording.duration_s, abs=1e-3)
        except RecordingError as error:
            refused.append(str(error))
    assert len(paths) > 300
    assert refused == ["empty.wav has 0 samples; nothing to embed."]
