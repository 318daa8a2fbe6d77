"""The state of a page that has nothing to show yet: it says what to do next."""

from __future__ import annotations

import streamlit as st

from embedviz.ui import session

HEIGHT_PX = 340


def nothing_yet(headline: str, sentence: str) -> None:
    """Say that there is no set, and lead to the page that makes one."""
    with st.container(
        border=True, height=HEIGHT_PX, horizontal_alignment="center", vertical_alignment="center"
    ):
        st.subheader(headline, anchor=False, text_alignment="center")
        st.caption(sentence, text_alignment="center")
        session.link("embed", label="Embed recordings", icon=":material/graphic_eq:")
