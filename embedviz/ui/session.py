"""The workspace of the browser session that a page is drawn for, and the ways between pages."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from embedviz.errors import EmbedvizError
from embedviz.ui import home
from embedviz.ui.workspace import Workspace

ADDRESS = "w"
"""The query parameter that carries the token, so that a reload finds the same workspace."""
STATE = "workspace"
CHOSEN = "set"
"""The key under which a page finds the set that another page chose."""


def workspace() -> Workspace:
    """Give the workspace that `resume` found for this session."""
    found: Workspace = st.session_state[STATE]
    return found


def go(page: str) -> NoReturn:
    """Open another page by the name of its script, such as `explore`, in the same workspace."""
    st.switch_page(home.page(page), query_params={ADDRESS: workspace().token})


def link(page: str, *, label: str, icon: str | None = None) -> None:
    """Show a link to another page, in the same workspace."""
    token = {ADDRESS: workspace().token}
    st.page_link(home.page(page), label=label, icon=icon, query_params=token)


def resume() -> str:
    """Find the session's workspace, or make one, and put its token into the page's address.

    Returns
    -------
    str
        What to tell the user where an earlier workspace is gone, else nothing.
    """
    asked = st.query_params.get(ADDRESS)
    known = st.session_state[STATE].token if STATE in st.session_state else None
    gone = ""
    for token in filter(None, (asked, known)):
        try:
            found = Workspace.open(token)
            found.touch()
            gone = ""
            break
        except EmbedvizError as error:
            gone = str(error)
    else:
        found = Workspace.create()
    st.session_state[STATE] = found
    # A switch of pages empties the address.
    if asked != found.token:
        st.query_params[ADDRESS] = found.token
    return gone
