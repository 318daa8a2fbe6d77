"""A whole recording as a browser plays it: its file, or a WAV where browsers do not read that."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from embedviz import audio
from embedviz.errors import EmbedvizError
from embedviz.served.answers import ranged
from embedviz.wav import wav

LARGEST_FILE_BYTES = 2 << 30
"""Of a larger one browsers lose their way."""
LONGEST_DECODED_S = 600.0
"""What is decoded here is held in memory."""
MEDIA_TYPES = {
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
}
"""Of what all browsers read."""


def refuse_unplayable(path: Path, name: str) -> None:
    """Refuse what a browser could not play, or is no sound.

    Raises
    ------
    EmbedvizError
        With one sentence that names the recording.
    """
    # A set can name any file of a folder that the app may read; what is no sound is not given away.
    found = audio.inspect(path, name=name)
    if path.suffix.lower() in MEDIA_TYPES:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise EmbedvizError(f"{name} is too large to be played in a browser.")
    elif found.duration_s > LONGEST_DECODED_S:
        raise EmbedvizError(
            f"{name} cannot be played here: browsers do not read this kind of file, and it is too "
            "long to be converted."
        )


def whole(path: Path, name: str, request: Request) -> Response:
    """Answer with a recording, by ranges where the browser asks for them.

    Raises
    ------
    EmbedvizError
        As `refuse_unplayable`.
    """
    refuse_unplayable(path, name)
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is not None:
        return FileResponse(path, media_type=media_type)
    return ranged(wav(*audio.read(path)), "audio/wav", request)
