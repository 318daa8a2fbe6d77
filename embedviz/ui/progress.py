"""Long work as the user sees it: what happens, how far it is, how long it takes, a way to stop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import streamlit as st

from embedviz.ui.job import Job
from embedviz.ui.jobs import queue

POLL_S = 0.5
MOST_SHOWN = 3
ENDED = "ended_jobs"
MEGABYTE = 1e6
ACCENT = "#16939E"
"""Between the accents of the light and the dark theme, like the logo."""
TRACK = "rgba(128, 144, 160, 0.25)"


def progress_panel(jobs: Sequence[Job]) -> None:
    """Show the jobs that wait, run or went wrong; nothing where there are none.

    The panel asks for news only while a job is active, and reruns the page once when one ends.
    """
    for sentence in st.session_state.pop(ENDED, []):
        st.toast(sentence, icon=":material/check:")
    shown = [job for job in jobs if job.state != "done"]
    active = frozenset(job.id for job in shown if job.active)
    if shown:
        # No higher than a part of the window, see `page.css`.
        with st.container(key="running", gap="small"):
            st.fragment(_panel, run_every=POLL_S if active else None)(shown, active)


def amount(job: Job) -> str:
    """Give how much is done: `168 / 240 recordings`."""
    update = job.update
    if update.unit == "bytes":
        return f"{update.done / MEGABYTE:.0f} / {update.total / MEGABYTE:.0f} MB"
    if update.unit == "s":
        return f"{clock(update.done)} / {clock(update.total)} of sound"
    if update.unit == "%":
        return f"{update.done:.0f} %"
    return f"{update.done:,.0f} / {update.total:,.0f} {update.unit}".rstrip()


def speed(job: Job) -> str:
    """Give how fast it goes: `412x real time`, `12.4 MB/s`; nothing until it can be told."""
    rate, unit = job.rate, job.update.unit
    if rate is None or unit == "%":
        return ""
    if unit == "s":
        return f"{rate:,.0f}x real time" if rate >= 10 else f"{rate:.1f}x real time"
    if unit == "bytes":
        return f"{rate / MEGABYTE:.1f} MB/s"
    return f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.1f} {unit}/s"


def time_left(job: Job) -> str:
    """Give how long it will take: `0:07 left`; nothing until it can be told."""
    return "" if job.eta_s is None else f"{clock(job.eta_s)} left"


def clock(seconds: float) -> str:
    """Write seconds as `0:07` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _in(seconds: float) -> str:
    """Say how long it took, where it was long enough to be noticed."""
    return f" in {clock(seconds)}" if seconds >= 1 else ""


def plain(text: str) -> str:
    """Escape text, such as a file's name, so that Markdown leaves it alone."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:])", r"\\\1", text)


def _panel(jobs: Sequence[Job], active: frozenset[str]) -> None:
    ended = [job for job in jobs if job.id in active and not job.active]
    if ended:
        # Said by the next run: what this one says may never arrive.
        st.session_state[ENDED] = [
            f"{plain(job.title)}: done{_in(job.elapsed_s)}" for job in ended if job.state == "done"
        ]
        st.rerun()
    # What needs the user comes first where there is no room for all.
    for job in sorted(jobs, key=lambda job: job.state == "queued")[:MOST_SHOWN]:
        with st.container(border=True, gap="xsmall"):
            _active(job) if job.active else _ended(job)
    if len(jobs) > MOST_SHOWN:
        st.caption(f"and {len(jobs) - MOST_SHOWN} more")


def _active(job: Job) -> None:
    update = job.update
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(job.title)}**", width="content")
        st.caption(_state(job), width="stretch")
        stop = "Stopping …" if job.stopping else "Stop"
        st.button(stop, key=f"stop-{job.id}", disabled=job.stopping, on_click=job.cancel)
    if job.state == "running":
        _bar(update.fraction, 6, job.title)
    if update.detail:
        st.caption(plain(update.detail))
    if update.detail_fraction is not None:
        _bar(update.detail_fraction, 2, update.detail)


def _state(job: Job) -> str:
    if job.state == "queued":
        ahead = queue().ahead(job)
        return f"waiting, {ahead} ahead" if ahead else "starting"
    parts = [amount(job) if job.update.total else "", speed(job), time_left(job)]
    return " · ".join(filter(None, parts)) or "starting"


def _bar(fraction: float, height_px: int, label: str) -> None:
    # Streamlit's own bar has the surface's white for its track: on white it has no end.
    percent = round(100 * fraction)
    st.html(
        f'<div role="progressbar" aria-valuenow="{percent}" aria-label="{escape(label)}" '
        f'style="height:{height_px}px;border-radius:3px;background:{TRACK};overflow:hidden">'
        f'<div style="height:100%;width:{100 * fraction:.1f}%;background:{ACCENT}"></div></div>'
    )


def _ended(job: Job) -> None:
    colour = "red" if job.state == "failed" else "orange"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(job.title)}**", width="content")
        st.markdown(f":{colour}[{plain(job.message)}]", width="stretch")
        if st.button("Dismiss", key=f"dismiss-{job.id}", type="tertiary"):
            queue().forget(job)
            st.rerun()
