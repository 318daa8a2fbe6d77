"""Rows like a row, by distance in embedding space."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedviz import similar
from embedviz.errors import EmbedvizError
from embedviz.served.answers import number, whole_number
from embedviz.served.rows import Row


def nearest(request: Request) -> Response:
    """Give the rows nearest to a row, without itself, and their distances."""
    row = Row.of(request)
    k = whole_number(request, "k", default="10")
    rows, distances = similar.nearest(row.embedding_set.vectors, row.index, k=k)
    return JSONResponse({"rows": rows.tolist(), "distances": distances.tolist()})


def alike(request: Request) -> Response:
    """Give the k rows most like a row, or all within a distance of it, itself first."""
    row = Row.of(request)
    vectors = row.embedding_set.vectors
    if "distance" in request.query_params:
        distance = number(request, "distance", "cosine distance")
        if distance < 0:
            raise EmbedvizError("No row is at a distance below 0; choose 0 to 2.")
        rows = similar.within(vectors, row.index, distance=distance)
    else:
        k = whole_number(request, "k", default="50")
        rows = similar.most_similar(vectors, row.index, k=k)
    return JSONResponse({"rows": rows.tolist()})
