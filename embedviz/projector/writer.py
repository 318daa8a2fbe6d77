"""The files of a bundle, one set after the other: which rows, which pictures, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from embedviz.data import ByteArray, EmbeddingSet
from embedviz.large import fitted_words
from embedviz.projector import contents
from embedviz.projector.bookmarks import write_bookmarks
from embedviz.projector.cells import safe_cells
from embedviz.projector.changes import CHANGES, Change, changes_json
from embedviz.projector.contents import Written
from embedviz.projector.frames import frame_colours, frames, legend
from embedviz.projector.metadata import metadata_bytes, metadata_table
from embedviz.projector.options import Options
from embedviz.projector.readme import readme
from embedviz.projector.sampling import sampled, stratum_of
from embedviz.projector.tensors import write_tensors
from embedviz.thumbnails import MOST_CLEAR_WINDOWS, sprite_sheet

TENSORBOARD_ROWS = 100_000
"""TensorBoard shows no more rows than this, the first ones."""

_PNG_LEVEL = 3


def rows_to_write(sets: Mapping[str, EmbeddingSet], sample: int | None) -> int:
    """Give how many rows a writer will have told of in the end."""
    rows = [min(len(one), sample or len(one)) for one in sets.values()]
    return sum(rows) + TENSORBOARD_ROWS * sum(count > TENSORBOARD_ROWS for count in rows)


@dataclass(frozen=True)
class Writer:
    """Writes sets into an empty folder, with whatever it had to change said beside them."""

    folder: Path
    options: Options
    wrote: Callable[[int], None]
    """Called with the number of rows of each finished block."""
    changes: list[Change] = field(default_factory=list)

    def write(self, sets: Mapping[str, EmbeddingSet]) -> None:
        """Write everything that the folder of a bundle holds."""
        for_page: list[Written] = []
        for_tensorboard: list[Written] = []
        # The names of what only TensorBoard shows must be apart from all others, too.
        names = contents.tensor_names([*sets, *(f"{name}-sample" for name in sets)])
        for place, one in enumerate(sets.values()):
            name, prefix = names[place], f"{names[place]}/" if len(sets) > 1 else ""
            chosen = self._chosen(one, prefix)
            page = self._write_set(chosen, name, prefix)
            fits = len(chosen) <= TENSORBOARD_ROWS
            for_page.append(page)
            for_tensorboard.append(
                page if fits else self._write_sample(chosen, names[len(sets) + place], prefix)
            )
        base_url = self.options.base_url
        files = {
            contents.CONFIG_JSON: contents.config_json(for_page, base_url),
            contents.CONFIG_PBTXT: contents.config_pbtxt(for_tensorboard),
            contents.README: readme(sets, for_page, base_url, self.changes).encode(),
            contents.SERVE: contents.serve_script(),
        }
        if self.changes:
            files[CHANGES] = changes_json(self.changes)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)

    def _say(self, where: str, message: str) -> None:
        self.changes.append(Change(where, message))

    def _chosen(self, one: EmbeddingSet, prefix: str) -> EmbeddingSet:
        """Give the rows and pictures of a set that are written."""
        options = self.options
        if not options.with_sprite:
            one = replace(one, thumbnails=None)
        if options.sample is not None and options.sample < len(one):
            self._say(
                f"{prefix}{contents.TENSORS_TSV}",
                f"It holds {options.sample:,} of {len(one):,} windows{self._evenly(one)}.",
            )
            one = sampled(one, options.sample, label=options.label)
        too_many = options.cell_px is None and len(one) > MOST_CLEAR_WINDOWS
        if one.thumbnails is not None and too_many:
            one = replace(one, thumbnails=None)
            self._say(
                f"{prefix}{contents.SPRITE}",
                f"There is none: a sheet holds the pictures of {MOST_CLEAR_WINDOWS:,} windows, and "
                f"these are {len(one):,}. Export a sample of so many to have them.",
            )
        return one

    def _write_sample(self, one: EmbeddingSet, name: str, prefix: str) -> Written:
        """Write a set that is too large for TensorBoard once more, as what it can show."""
        self._say(
            contents.CONFIG_PBTXT,
            f"TensorBoard shows no more than {TENSORBOARD_ROWS:,} windows, so it is given so many "
            f"of {len(one):,}{self._evenly(one)}, as {name}. The other ways show all.",
        )
        part = sampled(one, TENSORBOARD_ROWS, label=self.options.label)
        # Its table is the same but shorter; nothing new is to be said of it.
        silent = replace(self, changes=[])
        written = silent._write_set(part, name, f"{prefix}{contents.FOR_TENSORBOARD}")
        (self.folder / written.prefix / contents.TENSORS_BYTES).unlink()
        return written

    def _evenly(self, one: EmbeddingSet) -> str:
        by = self.options.label or stratum_of(one)
        return f", chosen so that every {by} keeps its share" if by else ", chosen evenly"

    def _write_set(self, one: EmbeddingSet, name: str, prefix: str) -> Written:
        here, options = self.folder / prefix, self.options
        here.mkdir(exist_ok=True)
        # First, because a sheet that would grow too large is refused before the long work.
        cell_px, framed = self._write_sprite(one, here)
        shown = metadata_table(
            one, columns=options.columns, label=options.label, join_windows=options.join_windows
        )
        for message in shown.changes:
            self._say(f"{prefix}{contents.METADATA}", message)
        (here / contents.METADATA).write_bytes(metadata_bytes(shown.table))
        if options.digits is not None:
            self._say(
                f"{prefix}{contents.TENSORS_TSV}",
                f"The vectors are rounded to {options.digits} significant digits.",
            )
        if one.projection is not None:
            if (said := fitted_words(one.projection)) is not None:
                self._say(f"{prefix}{contents.BOOKMARKS}", said)
            with (here / contents.BOOKMARKS).open("wb") as stream:
                write_bookmarks(
                    stream, one.vectors, one.projection, label=shown.label, colour=shown.colour
                )
        write_tensors(one.vectors, here, self.wrote, digits=options.digits)
        rows, dims = one.vectors.shape
        return Written(
            name=name,
            prefix=prefix,
            rows=rows,
            dims=dims,
            cell_px=cell_px,
            bookmarked=one.projection is not None,
            colours=options.colours,
            frames=framed,
        )

    def _write_sprite(self, one: EmbeddingSet, here: Path) -> tuple[int | None, Mapping[str, str]]:
        """Give the size of a cell and the colours of frames, if there are pictures."""
        if one.thumbnails is None:
            return None, {}
        drawn: ByteArray | None = None
        colours: Mapping[str, str] = {}
        if self.options.frame_by is not None:
            values = safe_cells(one.table[self.options.frame_by], lambda _: None)
            colours = frame_colours(values)
            drawn = frames(values, colours)
        sprite = sprite_sheet(
            one.thumbnails,
            cell_px=self.options.cell_px,
            colours=self.options.colours,
            frames=drawn,
        )
        sprite.image.save(here / contents.SPRITE, compress_level=_PNG_LEVEL)
        return sprite.cell_px, legend(colours)
