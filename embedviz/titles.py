"""Models and axes as people call them."""

from __future__ import annotations

from embedviz import models
from embedviz.data import Projection, Provenance


def model_title(made: Provenance) -> str:
    """Give a set's model as people call it, with a word on unverified weights."""
    known = made.model in models.names()
    title = models.facts(made.model).title if known else made.model
    return made.title.replace(made.model, title, 1)


def receiver(made: Provenance) -> str:
    """Give the model whose pictures a set keeps: of an ensemble the first."""
    if not made.members:
        return model_title(made)
    first = made.members[0]
    return models.facts(first).title if first in models.names() else first


def why_unverified(made: Provenance) -> str:
    """Say why a set's rows are not known to be those of the published weights."""
    if made.weights:
        return "These rows were made with weights that are not the published ones."
    return "These rows were imported; nothing is known of the weights that made them."


def axis_titles(projection: Projection) -> list[str] | None:
    """Name the axes, where they mean something: components of PCA and their share of variance."""
    if projection.method != "pca":
        return None
    numbers = projection.settings.get("axes") or range(1, projection.dims + 1)
    # What was imported may not say how much each axis holds.
    shares = (*projection.explained_variance, None, None, None)
    return [
        f"PC{number}" + ("" if share is None else f" ({share:.0%})")
        for number, share in zip(numbers, shares, strict=False)
    ]
