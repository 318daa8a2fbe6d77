"""embedviz: hear and see what audio models hear.

>>> import embedviz
>>> model = embedviz.load_model("logmel")
>>> heard = model.embed(samples, rate_hz=16000)          # doctest: +SKIP
>>> heard.vectors.shape, heard.start_s, heard.patches    # doctest: +SKIP

Everything here is loaded when it is first used, so that `import embedviz` stays quick.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# TensorFlow takes oneDNN by itself only where there is AVX-512; its convolutions are quicker with
# AVX2 alone too (EfficientAT 1.5, YAMNet 1.35, OpenL3 1.2, VGGish 1.1 times). It is said here
# because UMAP may load TensorFlow before a model does.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from embedviz.data import EmbeddingSet, Projection, Recording
    from embedviz.embed import embed as embed_recordings
    from embedviz.embed import embed_to_files, embed_with_all
    from embedviz.ensemble import ensemble as ensemble_sets
    from embedviz.evaluation.evaluate import evaluate as evaluate_sets
    from embedviz.labels import from_folders, from_table
    from embedviz.models import load_model, names
    from embedviz.project import project as project_set
    from embedviz.projector.bundle import write_bundle
    from embedviz.projector.validate import validate_bundle
    from embedviz.recordings import gather
    from embedviz.store import read_set, write_set

_HOMES = {
    "EmbeddingSet": ("embedviz.data", "EmbeddingSet"),
    "Projection": ("embedviz.data", "Projection"),
    "Recording": ("embedviz.data", "Recording"),
    "embed_recordings": ("embedviz.embed", "embed"),
    "embed_to_files": ("embedviz.embed", "embed_to_files"),
    "embed_with_all": ("embedviz.embed", "embed_with_all"),
    "ensemble_sets": ("embedviz.ensemble", "ensemble"),
    "evaluate_sets": ("embedviz.evaluation.evaluate", "evaluate"),
    "from_folders": ("embedviz.labels", "from_folders"),
    "from_table": ("embedviz.labels", "from_table"),
    "gather": ("embedviz.recordings", "gather"),
    "load_model": ("embedviz.models", "load_model"),
    "names": ("embedviz.models", "names"),
    "project_set": ("embedviz.project", "project"),
    "read_set": ("embedviz.store", "read_set"),
    "validate_bundle": ("embedviz.projector.validate", "validate_bundle"),
    "write_bundle": ("embedviz.projector.bundle", "write_bundle"),
    "write_set": ("embedviz.store", "write_set"),
}

__all__ = [
    "EmbeddingSet",
    "Projection",
    "Recording",
    "embed_recordings",
    "embed_to_files",
    "embed_with_all",
    "ensemble_sets",
    "evaluate_sets",
    "from_folders",
    "from_table",
    "gather",
    "load_model",
    "names",
    "project_set",
    "read_set",
    "validate_bundle",
    "write_bundle",
    "write_set",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (any public name)
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)
