"""Export: placeholder."""

import streamlit as st

st.title("Export")
with st.container(
    border=True, height=320, horizontal_alignment="center", vertical_alignment="center"
):
    st.subheader("Nothing to export yet", anchor=False, text_alignment="center")
    st.caption("Sets that you make appear here.", text_alignment="center")
