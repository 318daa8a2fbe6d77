"""Stands in for torchaudio, whose compiled library wants the torch it was built with.

`torchaudio.compliance.kaldi`, which makes the mel bands of PaSST, is the official file: it is
plain Python. Only the two masks of training are replaced, see `transforms`.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

_here = Path(__file__).parent
_elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != _here.parent]
_official = PathFinder.find_spec("torchaudio", _elsewhere)
if _official is not None and _official.submodule_search_locations is not None:
    __path__ = [str(_here), *_official.submodule_search_locations]

from torchaudio import compliance, transforms  # noqa: E402, F401 (found along the path above)
