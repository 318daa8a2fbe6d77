"""Models: placeholder."""

import streamlit as st

st.title("Models")
with st.container(
    border=True, height=320, horizontal_alignment="center", vertical_alignment="center"
):
    st.subheader("No models yet", anchor=False, text_alignment="center")
    st.caption("Their cards appear here.", text_alignment="center")
