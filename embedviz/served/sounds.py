"""Sounds: a row's window, any stretch of its recording, whole recordings."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from embedviz import audio
from embedviz.errors import EmbedvizError
from embedviz.served.answers import number, ranged
from embedviz.served.rows import Row, workspace_of
from embedviz.served.whole import whole
from embedviz.ui.recordings import collected
from embedviz.wav import faded, wav

LONGEST_AROUND_S = 60.0
LONGEST_SOUND_S = 600.0
"""A longer sound is not cut into a WAV in memory; its recording can be played instead."""


def sound(request: Request) -> Response:
    """Cut a row's window, or more around it, out of its recording as a 16-bit WAV file."""
    row = Row.of(request)
    around_s = number(request, "around", "seconds", default="0")
    return _cut(request, row, row.seconds(min(max(around_s, 0.0), LONGEST_AROUND_S)))


def stretch(request: Request) -> Response:
    """Cut any stretch out of a row's recording as a 16-bit WAV file."""
    row = Row.of(request)
    start_s, stop_s = number(request, "start", "seconds"), number(request, "stop", "seconds")
    duration_s = row.source.duration_s
    if not 0 <= start_s < stop_s <= duration_s:
        raise EmbedvizError(
            f"{start_s:g} to {stop_s:g} s is no stretch of {row.recording}, which lasts "
            f"{duration_s:.2f} s."
        )
    return _cut(request, row, (start_s, stop_s))


def recording(request: Request) -> Response:
    """Send the whole file that a row was cut from."""
    row = Row.of(request)
    return whole(row.file(), row.recording, request)


def brought(request: Request) -> Response:
    """Send a recording that lies in the workspace, by its name there."""
    name = request.path_params["recording"]
    for one in collected(workspace_of(request)).recordings:
        if one.name == name:
            return whole(one.path, name, request)
    raise EmbedvizError(f"There is no recording {name[:200]!r} in this workspace.")


def _cut(request: Request, row: Row, span_s: tuple[float, float]) -> Response:
    start_s, stop_s = span_s
    if stop_s - start_s > LONGEST_SOUND_S:
        raise EmbedvizError(
            f"{stop_s - start_s:.0f} s are too long to be cut out; play the recording instead."
        )
    samples, rate_hz = audio.read(
        row.file(), start_s=start_s, stop_s=stop_s, channel=row.embedding_set.provenance.channel
    )
    if request.query_params.get("fade") == "1":
        samples = faded(samples, rate_hz)
    return ranged(wav(samples, rate_hz), "audio/wav", request)
