"""Writing a bundle: sets as files that the Embedding Projector and TensorBoard both open."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from embedviz.data import EmbeddingSet
from embedviz.errors import BundleError
from embedviz.projector.options import Options, refuse_unfit
from embedviz.projector.targets import put, refuse_target
from embedviz.projector.writer import Writer, rows_to_write
from embedviz.thumbnails import Colours

Progress = Callable[[int, int], None]


def write_bundle(
    sets: Mapping[str, EmbeddingSet],
    out: Path,
    *,
    columns: Sequence[str] | None = None,
    label: str | None = None,
    cell_px: int | None = None,
    colours: Colours = "inverted grey",
    frame_by: str | None = None,
    with_sprite: bool = True,
    join_windows: bool = False,
    digits: int | None = None,
    sample: int | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write sets as a folder, or as a zip if `out` ends in `.zip`; nothing half-done stays.

    One set lies at the root of the bundle, several lie in a folder each. Whatever is shown
    otherwise than it was is said in `README.txt` and in `changes.json`.

    Parameters
    ----------
    sets
        Name to show -> set, each of at least 2 rows and 2 dimensions, all values finite.
    out
        Where the bundle goes. A bundle that is already there is replaced, anything else is not.
    columns
        The columns of the metadata in their order; None for all.
    label
        The column that points are labelled by, and that samples keep the shares of; None for the
        first label column.
    cell_px
        Width and height of a sprite cell in pixels; None chooses, and leaves the pictures out of
        sets so large that they could not be told apart.
    colours
        Of the pictures. Points are drawn in their colour times the picture's, so dark ones hide it.
    frame_by
        The column whose values give each picture a frame of their colour.
    with_sprite
        False leaves out the sprite sheet, also where a set has thumbnails.
    join_windows
        Whether a line joins the windows of each recording.
    digits
        Significant digits of the vectors, 1 to 8; None writes them exactly.
    sample
        At most so many rows of each set, chosen evenly over the values of `label`.
    base_url
        The web address where the files will lie; None writes relative addresses.
    progress
        Called with rows written so far and rows in all; raising from it cancels.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    BundleError
        If a set cannot be shown, or `out` holds something else or cannot be written.
    """
    options = Options(
        cell_px=cell_px,
        base_url=base_url,
        with_sprite=with_sprite,
        columns=None if columns is None else tuple(columns),
        label=label,
        colours=colours,
        frame_by=frame_by,
        join_windows=join_windows,
        digits=digits,
        sample=sample,
    )
    refuse_unfit(sets, options)
    refuse_target(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as work:
            folder = Path(work, "bundle")
            folder.mkdir()
            Writer(folder, options, _counter(progress, rows_to_write(sets, sample))).write(sets)
            put(folder, out)
    except OSError as problem:
        raise BundleError(f"The bundle could not be written to {out}: {problem}.") from problem
    return out


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    done = 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    return wrote
