"""Compare: two models' maps of the same rows; what is chosen in one is marked in the other."""

import numpy as np
import streamlit as st

from embedviz.errors import SetError
from embedviz.ui.chosen import Chosen
from embedviz.ui.compare import (
    EXPLAINED,
    asked_label,
    begun,
    choose_colour,
    choose_method,
    choose_pair,
    drawn,
    summary,
)
from embedviz.ui.counterparts import show_both_neighbours, show_counterparts
from embedviz.ui.empty import nothing_yet
from embedviz.ui.job import Job
from embedviz.ui.map import Drawn, Look, show_map
from embedviz.ui.pairs import Agreement, Pair, agreement_of, pair_of
from embedviz.ui.progress import plain
from embedviz.ui.projections import projection
from embedviz.ui.session import workspace
from embedviz.ui.waiting import wait_for
from embedviz.ui.workspace import Workspace


def main() -> None:
    """Draw the page."""
    own = workspace()
    names = own.set_names()
    if len(names) < 2:
        nothing_yet(
            "Two sets make a comparison",
            "Embed the same recordings with two models, with one point per recording or per the "
            "same number of seconds, to see both maps side by side.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = choose_pair(own, names)
        try:
            pair = pair_of(own, *chosen)
        except SetError as error:
            pair, why = None, str(error)
        else:
            choice = choose_method(pair)
            colour_by = choose_colour(pair)
    if pair is None:
        nothing_yet("These sets have no rows to compare", plain(why))
        return
    warn(pair)
    found = [projection(own, side.name, side.whole, choice) for side in pair.sides]
    with st.spinner("Looking up neighbours …"):
        found.append(agreement_of(own, pair, asked_label(pair, colour_by)))
    waited = [one for one in found if isinstance(one, Job)]
    if waited:
        wait_for(waited, "Arranging the maps …", "There are no maps yet")
        return
    left, right, agreement = found
    st.markdown(summary(pair, agreement), text_alignment="center", help=EXPLAINED)
    compare(own, pair, agreement, drawn(own, pair, agreement, (left, right)), colour_by)


def warn(pair: Pair) -> None:
    """Tell which rows were made with weights of unknown origin."""
    names = [side.name for side in pair.sides if not side.whole.provenance.verified]
    if names:
        st.warning(
            f"The rows of {plain(' and '.join(names))} were made with weights that are not the "
            "published ones.",
            icon=":material/gpp_maybe:",
        )


@st.fragment
def compare(
    own: Workspace, pair: Pair, agreement: Agreement, maps: tuple[Drawn, Drawn], colour: str
) -> None:
    """Draw both maps and the row pinned on either; a choice reruns only this."""
    key = f"pair-{pair.left.name}-{pair.right.name}"
    chosen = Chosen.on(key, len(pair), before=begun(pair))
    look = Look(colour, shown=chosen.shown_of(colour))
    show_map(own, maps, look, key=key, selection=chosen.selection, pinned=chosen.pinned)
    selected = chosen.rows(own, pair.left.name, len(pair.left.whole))
    rows = np.flatnonzero(np.isin(pair.left.numbers, selected))
    if len(rows) > 1:
        st.caption(
            f"The models share {agreement.shared[rows].mean():.0%} of the neighbours of the "
            f"{len(rows):,} selected points."
        )
    if chosen.pinned is None:
        st.caption("Choose a point on either map, or a row of the table, to hear and see it.")
        return
    with st.container(border=True):
        show_counterparts(own, pair, chosen.pinned)
    show_both_neighbours(own, pair, chosen.pinned)


main()
