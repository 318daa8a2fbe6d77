"""Addresses of sounds and pictures, as the browser must ask for them."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import streamlit as st

from embedviz.ui.workspace import Workspace


def address(kind: str, workspace: Workspace, name: str, rest: str = "") -> str:
    """Give the absolute address of something that `embedviz.server` serves.

    Parameters
    ----------
    kind
        The first part of the address, such as `sound` or `picture`.
    name
        The set's name in the workspace.
    rest
        Row and ending, for example `12.wav`.
    """
    page = urlsplit(st.context.url or "http://localhost:8501")
    found = f"{page.scheme}://{page.netloc}/{kind}/{workspace.token}/{quote(name)}"
    return f"{found}/{rest}" if rest else found
