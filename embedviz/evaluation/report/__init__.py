"""An evaluation as a page to read, print and hand on, with its numbers as JSON and CSV."""

from embedviz.evaluation.report.headline import headline
from embedviz.evaluation.report.writing import write

__all__ = ["headline", "write"]
