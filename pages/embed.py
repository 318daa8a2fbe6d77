"""Embed: bring recordings, choose models, turn windows of sound into vectors."""

import streamlit as st

from embedviz.ui import cards, intake, runbar, session

st.title("Embed", anchor=False)
workspace = session.workspace()
left, right = st.columns([7, 5], gap="large")
with left:
    collection, labelling = intake.intake(workspace)
with right:
    chosen = cards.choose_models()
    choices = runbar.choose_points(chosen, collection)
with st.bottom:
    runbar.results(workspace)
    runbar.run_bar(workspace, collection, labelling.recordings, choices)
