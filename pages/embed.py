"""Embed: placeholder."""

import streamlit as st

st.title("Embed")
with st.container(
    border=True, height=320, horizontal_alignment="center", vertical_alignment="center"
):
    st.subheader("No recordings yet", anchor=False, text_alignment="center")
    st.caption(
        "Drop files, a folder or a zip here, record, or try the demo.", text_alignment="center"
    )
