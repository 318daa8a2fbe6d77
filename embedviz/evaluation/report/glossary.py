"""What the report's words mean, and who defined them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from embedviz.evaluation.report.words import of_rarer
from embedviz.evaluation.results import Evaluation


@dataclass(frozen=True)
class Term:
    """A word of the report."""

    name: str
    meaning: str
    source: str = ""


ALWAYS = (
    Term(
        "Probe",
        "A simple classifier trained on the vectors alone. What it can tell, the vectors hold; the "
        "model itself is not trained.",
        "Alain and Bengio, ICLR workshop 2017",
    ),
    Term(
        "Fold",
        "A share of the recordings. Every unit is tested once, by a probe that was trained on the "
        "other folds; scaling and PCA are fitted on those alone. A recording is never on both "
        "sides.",
    ),
    Term(
        "95 % interval",
        "A range that holds the true number in about 95 of 100 such evaluations. Recordings (or "
        "groups) are drawn anew with replacement, because windows of one recording resemble each "
        "other; the spread of the scores is made an interval by Wilson's rule.",
        "Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Korn and Graubard, Survey "
        "Methodology 24, 1998",
    ),
    Term(
        "Cannot be told apart",
        "The interval of the difference, over the same drawn recordings for both models, holds 0. "
        "Against chance the best of several models and probes is judged by a wider interval "
        "(Bonferroni), because by chance alone one of many comes out high.",
    ),
    Term("Majority", "What always saying the commonest class would get right."),
)
SCORES = {
    "accuracy": Term("Accuracy", "The share of units that are classified right."),
    "balanced_accuracy": Term(
        "Balanced accuracy",
        "The mean over the classes of the share of their units that are classified right: rare "
        "classes count as much as common ones.",
        "Brodersen et al., ICPR 2010",
    ),
    "macro_f1": Term(
        "Macro F1",
        "The mean over the classes of F1, the harmonic mean of precision and recall.",
    ),
    "roc_auc": Term(
        "ROC AUC",
        "The chance that a unit of the one class gets a higher score than one of the other; 0.5 is "
        "guessing.",
        "Fawcett, Pattern Recognition Letters 27, 2006",
    ),
    "average_precision": Term(
        "Average precision",
        "The area under precision against recall of the rarer class; guessing gives its share.",
    ),
}
METHODS = {
    "HDBSCAN": Term(
        "HDBSCAN",
        "Clusters as regions denser than what lies around them; the rest is in no cluster.",
        "Campello, Moulavi and Sander, PAKDD 2013",
    ),
    "k-means": Term(
        "k-means",
        "As many clusters as one asks for, each unit in that with the nearest mean.",
        "Lloyd, IEEE Transactions on Information Theory 28, 1982",
    ),
}
CLUSTERS = (
    Term(
        "Adjusted Rand",
        "How well clusters and classes agree over pairs of units: 0 by chance, 1 in full.",
        "Hubert and Arabie, Journal of Classification 2, 1985",
    ),
    Term(
        "Adjusted mutual information",
        "How much clusters say about classes: 0 by chance, 1 all.",
        "Vinh, Epps and Bailey, JMLR 11, 2010",
    ),
    Term(
        "Silhouette",
        "How much nearer units are to their own cluster than to the next: \N{MINUS SIGN}1 to 1.",
        "Rousseeuw, Journal of Computational and Applied Mathematics 20, 1987",
    ),
)
TRUST = (
    Term(
        "Trustworthiness, continuity",
        "Trustworthiness falls where neighbours on the map are none in truth, continuity where "
        "true neighbours are torn apart on the map; 1 is perfect.",
        "Venna and Kaski, ICANN 2001",
    ),
    Term(
        "Neighbours kept",
        "The share of the true nearest neighbours that are nearest on the map too.",
        "Lee and Verleysen, Neurocomputing 72, 2009",
    ),
)
CONFOUNDS = Term(
    "Confound",
    "Something else that the vectors predict, as the recorder or the loudness. Where it goes with "
    "the label, a model may hear it instead of the call.",
)
NUMBERS = Term(
    "Share explained",
    "Of the variance of a number, by ridge regression tested on other folds; 0 is no better than "
    "its mean.",
)
CORRECTIONS = Term(
    "Without the first components",
    "The directions in which the vectors vary most often hold what all share, as the recorder.",
    "Mu and Viswanath, ICLR 2018",
)


def terms(evaluation: Evaluation) -> list[Term]:
    """Give the terms that this evaluation's report uses."""
    found = list(ALWAYS)
    used = {key for one in evaluation.probed for key in one.scores}
    found += [_named(term, key, evaluation) for key, term in SCORES.items() if key in used]
    methods = [one.method for one in evaluation.clustered]
    found += [term for name, term in METHODS.items() if any(m.startswith(name) for m in methods)]
    if methods:
        found += CLUSTERS
    if evaluation.trusted:
        found += TRUST
    if evaluation.confounds:
        found.append(CONFOUNDS)
    if any(one.kind == "number" for one in evaluation.confounds):
        found.append(NUMBERS)
    if evaluation.corrected:
        found.append(CORRECTIONS)
    return found


def _named(term: Term, key: str, evaluation: Evaluation) -> Term:
    """Add which class is meant to the one score that depends on it."""
    if key != "average_precision":
        return term
    return replace(term, meaning=f"{term.meaning} {of_rarer(evaluation)}")
