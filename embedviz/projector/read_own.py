"""What a bundle says of itself in its `README.txt`, if embedviz wrote it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from embedviz.imported import Made
from embedviz.projector.configs import Entry
from embedviz.projector.files import BundleFiles
from embedviz.thumbnails import FRAME_PX, Colours

README = "README.txt"
_LARGEST_BYTES = 4 << 20
_UNVERIFIED = "-unverified"
_ABOUT = (
    r"^{name}: [\d,]+ points of [\d,]+ dimensions by .+, windows of (?P<window_s>\S+) s, "
    r"embedviz (?P<version>\S+)\.$\n(?P<more>(?:^  .*$\n?)*)"
)


@dataclass(frozen=True)
class Said:
    """What is known of a set beyond its files."""

    model: str
    made: Made
    is_own: bool = False
    """Whether embedviz wrote it."""
    colours: Colours = "grey"
    """Of the pictures."""
    frame_px: int = 0
    """The width of a frame around each picture."""


def read_own(files: BundleFiles, entry: Entry) -> Said:
    """Give what a bundle's README says of one of its sets; without one, only the set's name."""
    # TensorFlow's own names end so, and its projector leaves it out.
    name = entry.name.removesuffix(":0")
    about = re.search(_ABOUT.format(name=re.escape(entry.name)), _readme(files), re.MULTILINE)
    if about is None:
        return Said(name, Made())
    made = Made(
        version=about["version"],
        verified="CAUTION" not in about["more"] and not name.endswith(_UNVERIFIED),
        window_s=_seconds(about["window_s"]),
    )
    frame_px = FRAME_PX if "Frames of the pictures" in about["more"] else 0
    return Said(
        name.removesuffix(_UNVERIFIED),
        made,
        is_own=True,
        colours=_colours(about["more"]),
        frame_px=frame_px,
    )


def _readme(files: BundleFiles) -> str:
    size = files.size(README)
    if size is None or size > _LARGEST_BYTES:
        return ""
    with files.open(README) as stream:
        return stream.read().decode("utf-8", "replace").replace("\r\n", "\n")


def _colours(more: str) -> Colours:
    drawn = re.search(r"^  Pictures: ([a-z ]+),", more, re.MULTILINE)
    # The first bundles did not say so: all were drawn on white.
    return next((c for c in get_args(Colours) if drawn and c == drawn[1]), "inverted grey")


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None
