"""Explore: the listening map of a set."""

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.large import fitted_words, sampled_words
from embedviz.titles import why_unverified
from embedviz.ui import share
from embedviz.ui.actions import show_actions
from embedviz.ui.asking import show_asking
from embedviz.ui.chosen import Chosen
from embedviz.ui.controls import choose_look, choose_projection, choose_set
from embedviz.ui.empty import nothing_yet
from embedviz.ui.extras import CLUSTER, TITLES, Found, cluster_words, extra
from embedviz.ui.job import Job
from embedviz.ui.jobs import queue
from embedviz.ui.map import Drawn, Look, show_map
from embedviz.ui.progress import plain
from embedviz.ui.projections import projection
from embedviz.ui.query import answers, places
from embedviz.ui.results import again
from embedviz.ui.session import workspace
from embedviz.ui.waiting import AWAITED, wait_for
from embedviz.ui.workspace import Workspace


def main() -> None:
    """Draw the page."""
    own = workspace()
    share.opened()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose_set(own)
        if name is not None:
            embedding_set = own.open_set(name)
            said = share.of_set(name)
            choice = choose_projection(name, embedding_set, share.projection_of(said))
            colour, size = choose_look(name, embedding_set, said)
    if name is None:
        nothing_yet("No sounds on the map yet", "Embed some recordings to see them here.")
        return
    if not embedding_set.provenance.verified:
        st.warning(why_unverified(embedding_set.provenance), icon=":material/gpp_maybe:")
    found = projection(own, name, embedding_set, choice)
    if isinstance(found, Job):
        wait_for([found], "Arranging the map …", "There is no map yet")
        return
    if of_how_many := list(filter(None, [sampled_words(embedding_set), fitted_words(found)])):
        st.caption(" ".join(of_how_many))
    placed = embedding_set.with_projection(found)
    address = share.address_of(name, choice, colour, size)
    explore(own, name, placed, colour, size, address)


@st.fragment
def explore(
    own: Workspace,
    name: str,
    embedding_set: EmbeddingSet,
    colour: str,
    size: str | None,
    address: dict[str, str | None],
) -> None:
    """Draw the map and what can be done with what is chosen on it; a choice reruns only this."""
    # Labels may have been set since the page was drawn.
    embedding_set = own.open_set(name).with_projection(embedding_set.projection)
    key = f"map-{name}"
    # The component forgets what was chosen whenever the page shows something else for a while.
    kept = st.session_state.get(f"chosen-{name}") or begun(name, len(embedding_set))
    chosen = Chosen.on(key, len(embedding_set), before=kept)
    st.session_state[f"chosen-{name}"] = chosen
    found = computed(own, name, embedding_set, (colour, size))
    look = Look(
        seen(colour, found, embedding_set) or first_column(embedding_set),
        seen(size, found, embedding_set),
        chosen.shown_of(colour),
    )
    words = []
    if colour in found and colour == CLUSTER:
        words = cluster_words(found[colour], embedding_set, embedding_set.projection)
    asked = answers(own, name)
    stars = places(own, asked[0], embedding_set) if asked else None
    show_new_work(own)
    drawn = Drawn(
        name,
        embedding_set,
        [one.column for one in found.values()],
        names=words,
        guests=[] if stars is None else stars.tolist(),
    )
    show_map(
        own,
        [drawn],
        look,
        key=key,
        selection=chosen.selection,
        pinned=chosen.pinned,
        address=address,
    )
    show_actions(own, name, embedding_set, chosen, colour)
    show_asking(own, name, embedding_set)


def begun(name: str, count: int) -> Chosen:
    """Give what the page's address says is chosen."""
    said = share.of_set(name)
    pinned = said.get(share.PINNED, "")
    # Python refuses to read thousands of digits.
    inside = pinned.isdecimal() and len(pinned) < 10 and int(pinned) < count
    return Chosen(said.get(share.SELECTION, ""), int(pinned) if inside else None)


def computed(
    own: Workspace, name: str, embedding_set: EmbeddingSet, wanted: tuple[str | None, ...]
) -> dict[str, Found]:
    """Give the computed columns among those wanted; say of the others that they are on the way."""
    found = {}
    for which in dict.fromkeys(wanted):
        if which not in TITLES:
            continue
        one = extra(own, name, embedding_set, embedding_set.projection, which)
        if isinstance(one, Found):
            found[which] = one
        elif one.state in ("failed", "stopped"):
            st.warning(f"{TITLES[which]}: {plain(one.message)}", icon=":material/error:")
            st.button("Try again", key=f"again-{which}", on_click=again, args=(one,))
        else:
            st.caption(f"{TITLES[which]} is being computed; its progress is below.")
    return found


def show_new_work(own: Workspace) -> None:
    """Draw the page again where jobs have begun since the progress below was drawn."""
    # Also those that are done already: what they found is not on the map yet.
    jobs = {job.id for job in queue().of(own.token)}
    if not jobs <= st.session_state.get(AWAITED, set()):
        st.session_state[AWAITED] = jobs
        st.rerun()


def seen(column: str | None, found: dict[str, Found], embedding_set: EmbeddingSet) -> str | None:
    """Give the column if it can be shown yet."""
    return column if column in found or column in embedding_set.table else None


def first_column(embedding_set: EmbeddingSet) -> str:
    """Give what a map shows while something else is computed."""
    return next(iter(embedding_set.label_columns), "recording")


main()
