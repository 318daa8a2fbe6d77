"""The app: `streamlit run app.py`, or `embedviz app`, which prepares the demo set first."""

import streamlit as st

from embedviz.server import lifespan, routes
from embedviz.ui.home import MAIN
from embedviz.ui.keras_state import keep_keras_state


def explain(error: Exception) -> bool:
    """Show one sentence in place of a traceback, which Streamlit writes to its log."""
    st.error(
        f"This page met an error inside embedviz ({type(error).__name__}). "
        "Reload it to go on; the log of the server says more.",
        icon=":material/error:",
    )
    return True


keep_keras_state()
app = st.App(MAIN, routes=routes(), lifespan=lifespan, on_script_error=explain)
