"""Models: every model's facts, citation and weights."""

import streamlit as st

from embedviz.ui import session
from embedviz.ui.cards import every_model
from embedviz.ui.dossier import dossier

st.title("Models", anchor=False)
workspace = session.workspace()
for facts in every_model():
    dossier(workspace, facts)
