"""A page as Streamlit's own test driver shows it, for the tests that drive one."""

from __future__ import annotations

import gc
import json

import numpy as np
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from embedviz import packing
from embedviz.data import Projection
from embedviz.ui import home, packs


def visit(workspace, page="explore", timeout_s=20, **state) -> AppTest:
    """Open a page as a visitor of this workspace."""
    # Streamlit looks for garbage after every run; among TensorFlow's objects, which another test
    # may have loaded, that takes longer than the page.
    gc.freeze()
    app = AppTest.from_file(str(home.MAIN), default_timeout=timeout_s)
    app.query_params["w"] = workspace.token
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    if page != "explore":
        app.switch_page(str(home.page(page))).run()
    assert not app.exception
    return app


def laid_out(found, dims=2):
    """The set with a map that its file holds."""
    places = np.random.default_rng(0).normal(size=(len(found), dims)).astype(np.float32)
    return found.with_projection(Projection("pca", places, {}, (0.5, 0.25, 0.1)[:dims]))


def said(app):
    """Give every word of a page."""
    return "\n".join(
        element.value
        for kind in (app.markdown, app.caption, app.warning, app.error, app.info, app.subheader)
        for element in kind
    ).replace("\\", "")


def shown(app):
    """Give what the map was told."""
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def tell(app, **state):
    """Run as the browser does when the map says something."""
    (component,) = app.get("bidi_component")
    states = WidgetStates()
    states.CopyFrom(app._tree.get_widget_states())
    states.widgets.add(id=component.proto.id, json_value=json.dumps(state))
    app._run(states)
    assert not app.exception
    return app


def selection(workspace, rows, count=40, name="night"):
    """Keep a selection of a set of `count` rows as the server does, and give its id."""
    flags = packing.pack_rows(np.isin(np.arange(count), rows))
    return packs.keep_selection(workspace, name, flags, count)


def choose(app, rows=(), count=40, **state):
    """Run as the browser does when rows are selected on the map, or something else chosen."""
    if len(rows):
        state["selection"] = selection(app.session_state["workspace"], rows, count)
    return tell(app, **state)
