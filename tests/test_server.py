from __future__ import annotations

import io
from dataclasses import replace
from urllib.parse import quote

import anyio
import asking
import numpy as np
import pytest
import soundfile as sf
from asking import RATE_HZ, SECONDS, Client, noise
from conftest import tone
from PIL import Image

from embedviz import server
from embedviz.served import sounds, whole
from embedviz.store import write_set
from embedviz.ui.jobs import Queue
from embedviz.ui.workspace import Workspace


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def samples():
    return noise()


def put_set(make_set, workspace, path, **changes):
    """Write a set of 8 rows whose recordings all lie at `path`."""
    return asking.put_set(make_set(8), workspace, path, **changes)


@pytest.fixture
def heard(make_set, workspace, samples):
    """A set over one 16-bit WAV in the workspace; gives its samples."""
    path = workspace.uploads / "clip.wav"
    sf.write(path, samples, RATE_HZ, subtype="PCM_16")
    put_set(make_set, workspace, path)
    return samples


def span(samples, start_s, stop_s):
    return samples[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)]


@pytest.mark.parametrize(("row", "start_s"), [(0, 0.0), (1, 0.48), (2, 0.96), (3, 1.44), (5, 0.48)])
def test_a_row_sounds_exactly_like_its_window(client, workspace, heard, row, start_s):
    got, rate_hz = client.get(f"/sound/{workspace.token}/esc10/{row}.wav").sound
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(got, span(heard, start_s, start_s + 0.96))


def test_more_around_a_window_ends_with_the_recording(client, workspace, heard):
    address = f"/sound/{workspace.token}/esc10/2.wav"
    got, _ = client.get(f"{address}?around=0.5").sound
    np.testing.assert_array_equal(got, span(heard, 0.46, 2.4))
    got, _ = client.get(f"{address}?around=30").sound
    np.testing.assert_array_equal(got, heard)


def test_the_padded_part_of_a_window_is_not_played(client, workspace, make_set, samples):
    path = workspace.uploads / "short.wav"
    sf.write(path, samples[: RATE_HZ // 2], RATE_HZ)
    put_set(make_set, workspace, path)
    got, _ = client.get(f"/sound/{workspace.token}/esc10/0.wav").sound
    assert len(got) == RATE_HZ // 2


def test_a_faded_window_starts_and_ends_silent_and_is_itself_between(client, workspace, heard):
    plain, _ = client.get(f"/sound/{workspace.token}/esc10/1.wav").sound
    faded, _ = client.get(f"/sound/{workspace.token}/esc10/1.wav?fade=1").sound
    edge = round(0.005 * RATE_HZ)
    assert faded[0] == faded[-1] == 0
    np.testing.assert_array_equal(faded[edge:-edge], plain[edge:-edge])


def test_the_channel_that_the_model_heard_is_played(client, workspace, make_set):
    left, right = tone(440, SECONDS, RATE_HZ), tone(880, SECONDS, RATE_HZ)
    path = workspace.uploads / "stereo.wav"
    sf.write(path, np.stack([left, right], axis=1), RATE_HZ, subtype="PCM_16")
    put_set(make_set, workspace, path, channel=2)
    got, _ = client.get(f"/sound/{workspace.token}/esc10/0.wav").sound
    np.testing.assert_allclose(got / 32768, span(right, 0, 0.96), atol=1e-4)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-", 0, None), ("bytes=10-19", 10, 20), ("bytes=-7", -7, None), ("bytes=9-9", 9, 10)],
)
def test_a_player_gets_the_range_it_asks_for(client, workspace, heard, asked, start, stop):
    address = f"/sound/{workspace.token}/esc10/0.wav"
    whole = client.get(address).content
    answer = client.get(address, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:stop]
    first = start % len(whole)
    wanted = f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"
    assert answer.headers["content-range"] == wanted


def test_a_range_beyond_the_end_is_refused(client, workspace, heard):
    answer = client.get(
        f"/sound/{workspace.token}/esc10/0.wav", headers={"Range": "bytes=999999999-"}
    )
    assert answer.status_code == 416


def test_a_row_looks_like_its_thumbnail(client, workspace, heard, make_set):
    address = f"/picture/{workspace.token}/esc10/3.png"
    patch = make_set(8).thumbnails[3]
    inverted = Image.open(io.BytesIO(client.get(f"{address}?colours=inverted").content))
    assert inverted.size == (96, 64)
    np.testing.assert_array_equal(np.asarray(inverted), 255 - patch.T[::-1])
    assert Image.open(io.BytesIO(client.get(address).content)).mode == "RGB"


def test_the_whole_recording_is_sent_by_ranges(client, workspace, heard):
    address = f"/recording/{workspace.token}/esc10/0"
    answer = client.get(address)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content == (workspace.uploads / "clip.wav").read_bytes()
    part = client.get(address, headers={"Range": "bytes=44-143"})
    assert part.status_code == 206
    assert part.content == answer.content[44:144]


def test_what_is_no_sound_is_not_given_away(client, workspace, make_set, tmp_path, monkeypatch):
    secret = tmp_path / "field" / "passwords.txt"
    secret.parent.mkdir()
    secret.write_text("humpback")
    monkeypatch.setenv("EMBEDVIZ_RECORDINGS", str(secret.parent))
    put_set(make_set, workspace, secret)
    answer = client.get(f"/recording/{workspace.token}/esc10/0")
    assert answer.status_code == 404
    assert answer.text.startswith("clip000.wav is not audio: it looks like plain text")


def test_a_recording_in_the_workspace_is_heard_before_any_set_holds_it(client, workspace, samples):
    path = workspace.uploads / "night #1" / "owl?.wav"
    path.parent.mkdir()
    sf.write(path, samples, RATE_HZ, subtype="PCM_16")
    (workspace.uploads / "kinds.csv").write_text("file,kind\n")
    address = f"/brought/{workspace.token}/"
    answer = client.get(address + quote("night #1/owl?.wav"))
    assert (answer.status_code, answer.content) == (200, path.read_bytes())
    assert answer.headers["content-type"] == "audio/wav"
    part = client.get(address + quote("night #1/owl?.wav"), headers={"Range": "bytes=44-143"})
    assert (part.status_code, part.content) == (206, answer.content[44:144])
    for other in ("kinds.csv", "night #1", "../x.wav", str(path)):
        refused = client.get(address + quote(other))
        assert refused.status_code == 404
        assert refused.text == f"There is no recording {other!r} in this workspace."


def test_what_browsers_do_not_read_is_sent_as_wav(client, workspace, samples, monkeypatch):
    sf.write(workspace.uploads / "owl.aiff", samples, RATE_HZ, subtype="PCM_16")
    address = f"/brought/{workspace.token}/owl.aiff"
    answer = client.get(address)
    got, rate_hz = answer.sound
    assert answer.headers["content-type"] == "audio/wav"
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(got, samples)
    assert client.get(address, headers={"Range": "bytes=44-143"}).content == answer.content[44:144]
    monkeypatch.setattr(whole, "LONGEST_DECODED_S", 1.0)
    refused = client.get(address)
    assert refused.status_code == 404
    assert "it is too long to be converted" in refused.text


def test_answers_are_private_and_never_sniffed(client, workspace, heard):
    for kind, ending in (("sound", ".wav"), ("picture", ".png"), ("recording", "")):
        headers = client.get(f"/{kind}/{workspace.token}/esc10/0{ending}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"].startswith("private")
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/sound/{token}/esc10/8.wav", "The set has 8 rows; row 8 is not one."),
        ("/sound/{token}/esc10/99999999999999999999.wav", "is not one."),
        ("/sound/{token}/none/0.wav", "There is no set 'none' in this workspace."),
        ("/sound/{token}/demo/0.wav", "There is no set 'demo' in this workspace."),
        ("/sound/{token}/..%2Fesc10/0.wav", None),
        ("/sound/{token}/%2e%2e/0.wav", None),
        ("/sound/{other}/esc10/0.wav", "There is no set 'esc10' in this workspace."),
        ("/sound/aaaaaaaaaaaaaaaaaaaaaa/esc10/0.wav", "This workspace is gone"),
        ("/sound/..%2F..%2Fetc/esc10/0.wav", None),
        ("/sound/{token}/esc10/-1.wav", None),
        ("/sound/{token}/esc10/0.wav?around=much", "around=much is no number of seconds."),
        ("/sound/{token}/esc10/0.wav?around=nan", "around=nan is no number of seconds."),
        ("/picture/{token}/esc10/0.png?colours=pink", "'pink' is no choice of colours"),
        ("/recording/{token}/esc10/8", "The set has 8 rows; row 8 is not one."),
    ],
)
def test_whatever_the_token_does_not_open_is_not_found(client, workspace, heard, address, sentence):
    answer = client.get(address.format(token=workspace.token, other=Workspace.create().token))
    assert answer.status_code == 404
    assert "\n" not in answer.text
    if sentence is not None:
        assert sentence in answer.text
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["sound", "recording"])
def test_a_missing_recording_is_said_to_be_missing(client, workspace, heard, kind):
    (workspace.uploads / "clip.wav").unlink()
    ending = ".wav" if kind == "sound" else ""
    answer = client.get(f"/{kind}/{workspace.token}/esc10/0{ending}")
    assert answer.status_code == 404
    assert answer.text == "clip000.wav is not where it was when the set was made."


@pytest.mark.parametrize("kind", ["sound", "recording"])
@pytest.mark.parametrize("where", ["another workspace", "the disk", "a link"])
def test_a_set_cannot_reach_files_outside_its_workspace(
    client, workspace, make_set, samples, tmp_path, kind, where
):
    outside = (Workspace.create().uploads if where == "another workspace" else tmp_path) / "x.wav"
    sf.write(outside, samples, RATE_HZ)
    named = outside
    if where == "a link":
        named = workspace.uploads / "link.wav"
        named.symlink_to(outside)
    put_set(make_set, workspace, named)
    ending = ".wav" if kind == "sound" else ""
    answer = client.get(f"/{kind}/{workspace.token}/esc10/0{ending}")
    assert answer.status_code == 404
    assert answer.text == "clip000.wav lies outside the folders the app may read."


def test_the_owner_of_the_machine_can_open_more_folders(
    client, workspace, make_set, samples, tmp_path, monkeypatch
):
    path = tmp_path / "field" / "x.wav"
    path.parent.mkdir()
    sf.write(path, samples, RATE_HZ)
    put_set(make_set, workspace, path)
    monkeypatch.setenv("EMBEDVIZ_RECORDINGS", str(path.parent))
    assert client.get(f"/sound/{workspace.token}/esc10/0.wav").status_code == 200


def test_the_demo_can_be_heard_and_seen_from_every_workspace(client, workspace, make_set, samples):
    path = workspace.set_path("demo").parent / "recordings" / "clip.flac"
    path.parent.mkdir(parents=True)
    sf.write(path, samples, RATE_HZ)
    put_set(make_set, workspace, path, name="demo")
    for token in (workspace.token, Workspace.create().token):
        assert client.get(f"/sound/{token}/demo/0.wav").status_code == 200
        assert client.get(f"/picture/{token}/demo/0.png").status_code == 200
        assert client.get(f"/recording/{token}/demo/0").headers["content-type"] == "audio/flac"


def test_listening_keeps_a_workspace_alive(client, workspace, heard, monkeypatch):
    touched = []
    monkeypatch.setattr(Workspace, "touch", lambda self: touched.append(self.token))
    client.get(f"/sound/{workspace.token}/esc10/0.wav")
    assert touched == [workspace.token]


def test_a_set_without_pictures_says_so(client, workspace, make_set, heard):
    made = make_set(8)
    write_set(replace(made, thumbnails=None), workspace.set_path("bare"))
    answer = client.get(f"/picture/{workspace.token}/bare/0.png")
    assert (answer.status_code, answer.text) == (404, "This set was made without pictures.")


def test_a_very_long_sound_is_not_cut_out(client, workspace, heard, monkeypatch):
    monkeypatch.setattr(sounds, "LONGEST_SOUND_S", 0.5)
    answer = client.get(f"/sound/{workspace.token}/esc10/0.wav")
    assert answer.status_code == 404
    assert "play the recording instead" in answer.text


def test_a_running_server_sweeps_at_once_and_warms_up_when_idle(monkeypatch):
    swept, warmed = [], []
    jobs = Queue(idle_s=0.05)
    monkeypatch.setattr(server, "queue", lambda: jobs)
    monkeypatch.setattr(server, "sweep", lambda: swept.append(True))
    monkeypatch.setattr(server, "warm_up", lambda report: warmed.append(True))

    async def run():
        async with server.lifespan(None):
            await anyio.sleep(0.5)

    anyio.run(run)
    assert swept == [True]
    assert warmed == [True]
