"""How well do the vectors tell labelled clips apart? Leave-one-out nearest neighbour by cosine.

python benchmarks/nearest.py FOLDER     FOLDER/<label>/<clip>, for example ESC-10
python benchmarks/nearest.py            the synthetic demo clips

Every model whose weights are on this machine hears each clip as one vector.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embedviz import catalogue, models
from embedviz.demo import write_demo
from embedviz.embed import embed
from embedviz.labels import from_folders
from embedviz.recordings import gather


def nearest_neighbour_accuracy(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Give the share of rows whose nearest other row, by cosine, has the same label."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -np.inf)
    return float((labels[similar.argmax(axis=1)] == labels).mean())


def main() -> None:
    """Print one line a model."""
    with TemporaryDirectory() as work:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
        else:
            write_demo(Path(work))
            folder = Path(work) / "clips"
        recordings = from_folders(gather([folder], unpack_to=Path(work)).recordings)
        print(f"{len(recordings)} clips, {len({r.labels['label'] for r in recordings})} labels")
        for name in models.names():
            if not catalogue.ready(models.facts(name)):
                print(f"{name:10} its weights are not here")
                continue
            found = embed(recordings, models.load_model(name), per="recording")
            accuracy = nearest_neighbour_accuracy(
                found.vectors, found.table["label"].to_numpy(dtype=str)
            )
            print(f"{found.provenance.title:28} 1-NN accuracy {accuracy:.1%}")


if __name__ == "__main__":
    main()
