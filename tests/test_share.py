from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from embedviz.data import Projection
from embedviz.packing import pack_rows
from embedviz.store import write_set
from embedviz.ui import home, share
from embedviz.ui.jobs import queue
from embedviz.ui.packs import keep_selection
from embedviz.ui.projections import DEFAULTS, METHODS
from embedviz.ui.workspace import Workspace

UMAP = {"method": "umap", "dims": "2"}


@pytest.fixture(autouse=True)
def clean_queue():
    yield
    queue().close()


@pytest.fixture
def workspace(make_set):
    """A workspace with two sets, whose files hold PCA in two dimensions."""
    workspace = Workspace.create()
    found = make_set()
    places = np.random.default_rng(0).normal(size=(len(found), 2)).astype(np.float32)
    for name in ("day", "night"):
        stored = found.with_projection(Projection("pca", places, {}, (0.5, 0.25)))
        write_set(stored, workspace.set_path(name))
    return workspace


@pytest.fixture
def follow(workspace):
    """Open Explore under an address, as somebody does who was sent it."""

    def follow(**said):
        app = AppTest.from_file(str(home.MAIN), default_timeout=30)
        app.query_params["w"] = workspace.token
        for key, value in said.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        assert not app.error
        return app

    return follow


def shown(app):
    """Give what the map was told."""
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def kept(workspace, rows, name="night"):
    return keep_selection(workspace, name, pack_rows(np.isin(np.arange(40), rows)), 40)


def read(**said):
    return share.projection_of(UMAP | said)


@pytest.mark.parametrize(
    "choice",
    [
        {"method": "umap", "dims": 2, **DEFAULTS["umap"]},
        {
            "method": "umap",
            "dims": 3,
            "metric": "euclidean",
            "n_neighbors": 50,
            "min_dist": 0.0,
            "seed": 7,
        },
        {"method": "tsne", "dims": 2, "metric": "cosine", "perplexity": 12.5, "seed": 3},
        {"method": "tsne", "dims": 2, "metric": "cosine", "perplexity": 1.0, "seed": 3},
        {"method": "pca", "dims": 2},
        {"method": "pca", "dims": 3, "axes": [2, 5, 1]},
    ],
)
def test_a_projection_survives_the_way_through_an_address(choice):
    address = share.address_of("night", choice, "label", None)
    said = {key: value for key, value in address.items() if value is not None}
    assert share.projection_of(said) == choice
    assert said["set"] == "night"


def test_an_address_leaves_out_what_is_not_chosen():
    address = share.address_of("night", {"method": "pca", "dims": 2}, "label", None)
    assert {key for key, value in address.items() if value is not None} == {
        "set",
        "method",
        "dims",
        "colour",
    }
    # The map deletes them, where an earlier choice had put them.
    for values in DEFAULTS.values():
        assert all(address[key] is None for key in values)
    assert address["axes"] is None
    assert address["size"] is None


@pytest.mark.parametrize(
    "said",
    [{}, {"method": "umap"}, {"dims": "2"}, {"method": "PCA", "dims": "2"}]
    + [{"method": "umap", "dims": dims} for dims in ("", "1", "4", "two", "02")],
)
def test_an_address_without_a_whole_choice_asks_for_no_projection(said):
    assert share.projection_of(said) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        {"metric": "smell"},
        {"metric": "3"},
        {"n_neighbors": "many"},
        {"n_neighbors": "true"},
        {"n_neighbors": "1"},
        {"n_neighbors": "-5"},
        {"n_neighbors": "1" + 30 * "0"},
        {"n_neighbors": "7.5"},
        {"min_dist": "NaN"},
        {"min_dist": "1.5"},
        {"min_dist": "-0.1"},
        {"min_dist": "false"},
        {"seed": "-1"},
        {"seed": "1e400"},
        {"seed": str(2**40)},
        {"seed": 5000 * "9"},
        {"seed": "null"},
        {"metric": 2000 * "["},
        {"axes": "[1, 2]"},
    ],
)
def test_settings_that_cannot_be_are_the_usual_ones(nonsense):
    assert read(**nonsense) == {"method": "umap", "dims": 2, **DEFAULTS["umap"]}


def test_a_whole_number_is_read_where_any_number_may_be():
    assert read(min_dist="0")["min_dist"] == 0.0
    found = share.projection_of({"method": "tsne", "dims": "2", "perplexity": "30"})
    assert found["perplexity"] == 30.0
    assert isinstance(found["perplexity"], float)


@pytest.mark.parametrize("perplexity", ["0", "-3", "Infinity", "[30.0]"])
def test_a_perplexity_that_cannot_be_is_the_usual_one(perplexity):
    found = share.projection_of({"method": "tsne", "dims": "2", "perplexity": perplexity})
    assert found == {"method": "tsne", "dims": 2, **DEFAULTS["tsne"]}


@pytest.mark.parametrize(
    "axes",
    ["", "1,2", "[]", "[1]", "[1, 2, 3]", "[1, 1]", "[0, 1]", "[-1, 2]", "[1, 11]", "[true, 2]"]
    + ['["1", "2"]', "[1.0, 2.0]", '{"1": 2}', "[1, null]"],
)
def test_axes_that_cannot_be_are_the_first(axes):
    found = share.projection_of({"method": "pca", "dims": "2", "axes": axes})
    assert found == {"method": "pca", "dims": 2}


@pytest.mark.parametrize("axes", ["[1, 11]", "[0, 0]", "[2, 2]", "[[1], [2]]", "x"])
def test_a_page_opens_under_axes_that_cannot_be(follow, axes):
    app = follow(set="night", method="pca", dims="2", axes=axes)
    assert shown(app)["maps"][0]["axes"] == ["PC1 (50%)", "PC2 (25%)"]


def test_an_address_opens_the_same_map(follow, workspace):
    app = follow(
        set="night",
        method="pca",
        dims="2",
        colour="start_s",
        size="padding_s",
        sel=kept(workspace, [3, 5, 8]),
        pin="8",
    )
    found = shown(app)
    assert found["maps"][0]["title"] == "Map of night: 40 points"
    assert found["colour"]["name"] == "start_s"
    assert found["pinned"] == 8
    assert found["restore"] == kept(workspace, [3, 5, 8])
    assert "**3 selected**" in [text.value for text in app.markdown]
    assert found["address"]["colour"] == "start_s"
    assert found["address"]["set"] == "night"


def test_an_address_says_the_size(follow):
    assert shown(follow(set="night", size="recording"))["size"]["name"] == "recording"
    assert shown(follow(set="night"))["size"] is None


def test_an_address_asks_for_components_of_pca(follow, workspace, monkeypatch):
    monkeypatch.setattr("embedviz.project.project", lambda found, *_, **__: found.projection)
    app = follow(set="night", method="pca", dims="3", axes="[4, 1, 2]")
    (job,) = queue().of(workspace.token)
    assert job.title == "Projecting night with PCA"
    assert [box.value for box in app.number_input] == [4, 1, 2]
    assert app.button_group(key="dims-night").value == 3


def test_an_address_asks_for_settings(follow, monkeypatch):
    asked = []

    def project(found, method, **settings):
        asked.append((method, settings))
        return found.projection

    monkeypatch.setattr("embedviz.project.project", project)
    follow(set="night", method="tsne", dims="2", perplexity="5.5", metric="manhattan", seed="9")
    queue().close(10)
    ((method, settings),) = asked
    del settings["progress"]
    assert method == "tsne"
    assert settings == {"dims": 2, "perplexity": 5.5, "metric": "manhattan", "seed": 9}


def test_what_an_address_says_of_one_set_is_not_said_of_another(follow, workspace):
    app = follow(set="night", colour="start_s", sel=kept(workspace, [1]), pin="1")
    box = app.selectbox[0]
    other = next(name for name in box.options if name.startswith("day"))
    box.select(other).run()
    assert not app.exception
    found = shown(app)
    assert found["maps"][0]["title"].startswith("Map of day")
    assert (found["colour"]["name"], found["pinned"], found["restore"]) == ("label", None, None)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"set": "gone"},
        {"set": "../../etc"},
        {"method": "magic", "dims": "2"},
        {"colour": "loudness", "size": "<b>"},
        {"pin": "40"},
        {"pin": "-1"},
        {"pin": "1.5"},
        {"pin": "\u00b2"},
        {"pin": 5000 * "9"},
        {"pin": "nobody"},
        {"sel": "0123456789abcdef"},
        {"sel": "../night"},
        {"sel": ""},
    ],
)
def test_nonsense_in_an_address_changes_nothing(follow, nonsense):
    app = follow(**{"set": "night"} | nonsense)
    found = shown(app)
    assert found["maps"][0]["axes"] == ["PC1 (50%)", "PC2 (25%)"]
    assert found["colour"]["name"] == "label"
    assert found["size"] is None
    assert found["pinned"] is None
    assert "**0 selected**" in [text.value for text in app.markdown]


@pytest.mark.parametrize("method", list(METHODS))
def test_a_page_opens_under_settings_that_cannot_be(follow, method, monkeypatch):
    monkeypatch.setattr("embedviz.project.project", lambda found, *_, **__: found.projection)
    follow(
        set="night",
        method=method,
        dims="3",
        metric="smell",
        n_neighbors="1",
        min_dist="7.0",
        perplexity="NaN",
        seed="-4",
        axes="[9, 9, 9]",
    )
