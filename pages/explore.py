"""Explore: placeholder."""

import streamlit as st

st.title("Explore")
with st.container(
    border=True, height=320, horizontal_alignment="center", vertical_alignment="center"
):
    st.subheader("No set yet", anchor=False, text_alignment="center")
    st.caption("Embed some recordings to see them as a map.", text_alignment="center")
