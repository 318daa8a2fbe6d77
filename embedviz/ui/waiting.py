"""A page that waits for jobs: it keeps the place of what is to come and goes on by itself."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from embedviz.ui.job import Job
from embedviz.ui.progress import plain
from embedviz.ui.results import again

AWAITED = "awaited_jobs"
HEIGHT_PX = 620


def wait_for(jobs: Sequence[Job], headline: str, without: str) -> None:
    """Wait for one job or several.

    Parameters
    ----------
    jobs
        At least one. The progress of each is below, where every page shows it.
    headline, without
        What is said while they run, and when one of them failed or was stopped.
    """
    ids = {job.id for job in jobs}
    if not ids <= st.session_state.get(AWAITED, set()):
        # The progress below was drawn before these jobs began.
        st.session_state[AWAITED] = ids
        st.rerun()
    # One that is done meanwhile needs no word: its progress below starts the page anew.
    ended = next((job for job in jobs if job.state in ("failed", "stopped")), None)
    with st.container(
        border=True, height=HEIGHT_PX, horizontal_alignment="center", vertical_alignment="center"
    ):
        if ended is None:
            st.subheader(headline, anchor=False, text_alignment="center")
            st.caption(
                "Its progress is below; the page goes on by itself.", text_alignment="center"
            )
        else:
            st.subheader(without, anchor=False, text_alignment="center")
            st.caption(plain(ended.message), text_alignment="center")
            st.button("Try again", on_click=again, args=(ended,))
