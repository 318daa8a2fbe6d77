"""Compare: two models' maps of the same rows; what is chosen in one is marked in the other."""

import streamlit as st

from embedviz.errors import SetError
from embedviz.ui.compare import (
    EXPLAINED,
    asked_label,
    beside,
    choose_colour,
    choose_method,
    choose_pair,
    summary,
)
from embedviz.ui.controls import choose_row
from embedviz.ui.counterparts import show_both_neighbours, show_counterparts
from embedviz.ui.empty import nothing_yet
from embedviz.ui.jobs import Job
from embedviz.ui.map import Beside, chosen_pairs, show_pair
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
    compare(own, pair, agreement, beside(pair, agreement, (left, right), colour_by))


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
def compare(own: Workspace, pair: Pair, agreement: Agreement, sides: tuple[Beside, Beside]) -> None:
    """Draw both maps and the row chosen on either; a choice reruns only this."""
    key = f"pair-{pair.left.name}-{pair.right.name}"
    rows = chosen_pairs(key, len(pair))
    maps = st.container()
    row = choose_row(key, pair.left.embedding_set, rows)
    with maps:
        show_pair(own, sides, key=key, pinned=row)
    if len(rows) > 1:
        st.caption(
            f"The models share {agreement.shared[rows].mean():.0%} of the neighbours of the "
            f"{len(rows):,} selected points."
        )
    if row is None:
        st.caption("Choose a point on either map, or a window by its name, to hear and see it.")
        return
    with st.container(border=True):
        show_counterparts(own, pair, row)
    show_both_neighbours(own, pair, row)


main()
