"""A finished bundle on the page: what the validator says of it, and the ways to open it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import streamlit as st

from embedviz.projector.configs import CONFIG_JSON
from embedviz.ui.addresses import address
from embedviz.ui.exports import Bundle
from embedviz.ui.hosting import host, hosted_address, withdraw
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace

STANDALONE = "https://projector.tensorflow.org/"
LOCAL = ("localhost", "127.0.0.1", "::1")
FRAMED, HOSTED = "export-framed", "export-hosted"
FRAME_PX = 760
ICONS = {"warning": ":material/warning:", "note": ":material/edit_note:"}
"""Of what shows less than it could, and of what was made safe or left out."""


def show_bundle(own: Workspace, bundle: Bundle) -> None:
    """Show the validator's words about a bundle, its download and where it opens."""
    verdict(bundle)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button(
            "Open in the projector",
            projector_address(own, bundle.name),
            icon=":material/open_in_new:",
            help="The Embedding Projector itself, served by this app, in a new tab.",
        )
        download(bundle)
    st.toggle(
        "Show the projector on this page",
        key=FRAMED,
        persist_state="session",
        help="The same page in a frame below.",
    )
    hosting(own, bundle)


def verdict(bundle: Bundle) -> None:
    """Show the validator's summary, what is wrong, and what else it has to say."""
    show = st.success if bundle.report.ok else st.error
    show(plain(bundle.report.summary), icon=":material/rule:")
    rest = []
    for finding in bundle.report.findings:
        sentence = plain(f"{finding.where}: {finding.message}")
        if finding.level == "error":
            st.error(sentence)
        else:
            rest.append(f"- {ICONS[finding.level]} {sentence}")
    if rest:
        with st.expander(f"Good to know ({len(rest):,})", key="bundle-notes"):
            st.markdown("\n".join(rest))


def download(bundle: Bundle) -> None:
    """Offer the zip."""
    size = bundle.path.stat().st_size / 1e6
    st.download_button(
        f"Download {plain(bundle.path.name)} ({size:.1f} MB)",
        bundle.path.read_bytes,
        file_name=bundle.path.name,
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="Its README.txt says how to open it elsewhere, TensorBoard included.",
    )


def hosting(own: Workspace, bundle: Bundle) -> None:
    """Offer the switch that lets projector.tensorflow.org read the bundle, and the link to it."""
    key = f"{HOSTED}-{bundle.name}"
    # Another tab may have switched it; the file says how it is.
    found = hosted_address(own, bundle.name)
    st.session_state[key] = found is not None
    st.toggle(
        "Serve for projector.tensorflow.org",
        key=key,
        on_change=_switch,
        args=(own, bundle.name, key),
        help="Off, only this workspace can read the bundle. On, whoever has its address can, from "
        "any site: vectors, labels and pictures, no sound. Switching it off closes the address "
        "for good; deleting the workspace does as well.",
    )
    if found is None:
        return
    link = standalone_link(found, st.context.url)
    st.code(link, language=None, wrap_lines=True)
    st.link_button("Open projector.tensorflow.org", link, icon=":material/public:")
    page = urlsplit(st.context.url or "")
    if page.scheme == "http" and page.hostname not in LOCAL:
        st.warning(
            "Browsers let an https page read http addresses on their own machine only; open this "
            "app over https, or as localhost, for this link to work.",
            icon=":material/lock_open:",
        )


def frame(own: Workspace, bundle: Bundle) -> None:
    """Show the projector on the page where that was asked for."""
    if st.session_state.get(FRAMED):
        st.iframe(
            projector_address(own, bundle.name),
            height=FRAME_PX,
            alt="The Embedding Projector on this bundle",
        )


def projector_address(own: Workspace, name: str) -> str:
    """Give the address of the projector on a bundle of the workspace."""
    return address("projector", own, name, "?").removesuffix("?")


def standalone_link(hosted: str, page: str | None) -> str:
    """Give the address of projector.tensorflow.org on a hosted bundle.

    Parameters
    ----------
    hosted
        The address of `hosting.host`.
    page
        The address of the app's page in the user's browser.

    >>> standalone_link("abc", "http://localhost:8501/export?w=secret")
    'https://projector.tensorflow.org/?config=http%3A%2F%2Flocalhost%3A8501%2Fhosted%2Fabc%2Fprojector_config.json'
    """
    at = urlsplit(page or "http://localhost:8501")
    config = f"{at.scheme}://{at.netloc}/hosted/{hosted}/{CONFIG_JSON}"
    if at.scheme == "https":
        # Behind a proxy only the browser knows; the server would list http addresses.
        config += "?over=https"
    return f"{STANDALONE}?config={quote(config, safe='')}"


def _switch(own: Workspace, name: str, key: str) -> None:
    if st.session_state[key]:
        host(own, name)
    else:
        withdraw(own, name)
