"""On PYTHONPATH while openl3 is installed.

Its setup.py downloads twelve weight files, of which parity needs none, so an empty one stands for
each; and it uses `imp`, which Python 3.12 has no more.
"""

import gzip
import sys
import urllib.request
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType


def _write_empty(url: str, path: str) -> None:
    with gzip.open(path, "wb"):
        pass


def _load_source(name: str, path: str) -> ModuleType:
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


urllib.request.urlretrieve = _write_empty
if sys.version_info >= (3, 12):
    sys.modules["imp"] = ModuleType("imp")
    sys.modules["imp"].load_source = _load_source
