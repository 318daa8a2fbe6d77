"""The frame around every page: name, navigation, the session's workspace and its running work."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from embedviz.errors import EmbedvizError
from embedviz.ui import home, session
from embedviz.ui.jobs import queue
from embedviz.ui.progress import progress_panel

# The map is the start page, whose address is the bare one; a link to /explore must work as well.
LINKED = urlsplit(st.context.url or "").path.rstrip("/").endswith("/explore")
PAGES = [
    st.Page(
        home.page("embed"),
        title="Embed",
        icon=":material/graphic_eq:",
        help="Add recordings, choose models and turn every window of sound into a vector.",
    ),
    st.Page(
        home.page("explore"),
        title="Explore",
        icon=":material/scatter_plot:",
        help="See the windows as a map; hear and compare what lies close together.",
        default=not LINKED,
    ),
    st.Page(
        home.page("compare"),
        title="Compare",
        icon=":material/compare:",
        help="Two models' maps of the same sounds side by side, and how far they agree.",
    ),
    st.Page(
        home.page("evaluate"),
        title="Evaluate",
        icon=":material/rule:",
        help="Which model separates your labels, and how far its map can be trusted.",
    ),
    st.Page(
        home.page("export"),
        title="Export",
        icon=":material/ios_share:",
        help="Take a set to the Embedding Projector, with pictures and sound, or as a table.",
    ),
    st.Page(
        home.page("models"),
        title="Models",
        icon=":material/hearing:",
        help="What each model hears, its licence and citation, and its weights on this machine.",
    ),
]
START = st.Page(lambda: None, title="Start", url_path="start", default=True, visibility="hidden")

# Both before the navigation: the icon, or the page's own would be fetched from Google as the
# tab's, and the workspace, or its token would be a step of its own on the way back.
st.set_page_config(page_icon=str(home.asset("mark.svg")), layout="wide")
gone = session.resume()
chosen = st.navigation([START, *PAGES] if LINKED else PAGES, position="top")
st.set_page_config(page_title=f"{chosen.title} · embedviz")
st.logo(str(home.asset("logo.svg")), size="large")
if gone:
    st.toast(f"{gone} Here is a new one.", icon=":material/history:", duration="infinite")
st.html(home.asset("page.css"))
with st.bottom:
    progress_panel(queue().of(session.workspace().token))
try:
    chosen.run()
except EmbedvizError as error:
    st.error(str(error), icon=":material/error:")
