"""Imports only go down, and what is heavy waits until somebody needs it."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The layers of the architecture, lowest first. A layer is one subject, so its modules may import
# each other (`archives` hashes with `audio`, `catalogue` lists `models`), but never in a circle.
LAYERS = (
    # Values, errors, and where things lie.
    "__init__ atomic data errors facts folders heard interrupts palette progress shards wording",
    # Sound, numbers and files, without models.
    "archives arrow audio cache checkpoints classes downloads feed fetching frontends frontends.* "
    "headers mel openfiles pieces plans pooling savedgraphs savedmodels soundfiles spectrogram "
    "spool storage synthesis thumbnails torchfiles torchfiles.* wav weightfiles weights windows",
    # Models.
    "batches catalogue engine foreign foreign.* frozen hear hear.* listeners model models "
    "models.* networks networks.* packs precision spacing stepping sweeping",
    # What is done with recordings and rows.
    "agreement assembled bench bench.* clips clock cluster cluster.* clusters correspondence "
    "cutting demo embed ensemble imported imports imports.* labels large layouts likeness merges "
    "neighbours packing partcoordinates partfiles partitioned partitions partsample placing "
    "principal project projector projector.* recordings runs samplemaps searches setwriter sheets "
    "similar stamps store tidying titles trust unpacked",
    # Pictures of rows, and pages of them.
    "evaluation evaluation.* figures onefile onefile.*",
    # What people use. `server` and `ui` share the workspace and the queue of jobs.
    "cli cli_bench cli_cache cli_cluster cli_embed cli_ensemble cli_evaluate cli_export cli_import "
    "cli_open cli_places cli_project cli_weights launch served served.* server ui ui.*",
    # The program and the pages.
    "__main__ app pages.*",
)
FRAMEWORKS = {"tensorflow", "keras", "umap", "tensorboard", "numba", "tensorflow_hub"}
HEAVY = ("tensorflow", "keras", "umap", "numba", "streamlit", "pandas")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "embedviz":
        parts = parts[1:]
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


FILES = {
    module_name(path): path
    for pattern in ("embedviz/**/*.py", "pages/*.py", "app.py")
    for path in ROOT.glob(pattern)
}


# Only the building of a model imports these.
BUILD_MODELS = {
    name
    for name in FILES
    if name in ("engine", "networks.convolutions") or name.startswith("frontends.")
}


def layer(name: str) -> int | None:
    family = f"{name.partition('.')[0]}.*"
    for number, names in enumerate(LAYERS):
        if name in names.split() or ("." in name and family in names.split()):
            return number
    return None


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path: Path, *, only_top: bool = False):
    """Give (full module name, line) of what a file imports; types alone do not count."""
    waiting = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if is_type_checking(node):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is relative"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}".removeprefix("embedviz.")
                yield (f"embedviz.{deeper}" if deeper in FILES else node.module), node.lineno
        elif not (only_top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            waiting.extend(ast.iter_child_nodes(node))


def own(imported: str) -> str | None:
    package, _, rest = imported.partition(".")
    return (rest or "__init__") if package == "embedviz" else None


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_module_has_a_layer(name):
    assert layer(name) is not None, f"add {name} to LAYERS"


def test_every_listed_module_is_there():
    listed = {name for names in LAYERS for name in names.split() if not name.endswith(".*")}
    assert listed <= set(FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_imports_only_go_down(name):
    here = layer(name)
    for imported, line in imports(FILES[name]):
        target = own(imported)
        # The package itself offers the lazy public names and its version to everybody.
        if target is None or target == "__init__":
            continue
        above = layer(target)
        assert above is not None, f"{FILES[name]}:{line} imports {imported}, which has no layer"
        assert above <= here, f"{FILES[name]}:{line} imports {imported}, which is above it"


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        name: {own(imported) for imported, _ in imports(path, only_top=True)} - {None, name}
        for name, path in FILES.items()
    }
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    "name",
    sorted(name for name in FILES if name.partition(".")[0] not in ("ui", "pages", "app")),
)
def test_only_the_user_interface_knows_streamlit(name):
    used = {imported.partition(".")[0] for imported, _ in imports(FILES[name])}
    assert "streamlit" not in used


@pytest.mark.parametrize("name", sorted(FILES.keys() - BUILD_MODELS))
def test_frameworks_wait_inside_functions(name):
    for imported, line in imports(FILES[name], only_top=True):
        assert imported.partition(".")[0] not in FRAMEWORKS, f"{FILES[name]}:{line}"
        assert own(imported) not in BUILD_MODELS, f"{FILES[name]}:{line} loads TensorFlow"


def loaded_after(code: str, tmp_path: Path) -> set[str]:
    """Run code in a new process and give the top-level modules that are loaded then."""
    tell = "import json, sys; json.dump(sorted(sys.modules), open('loaded.json', 'w'))"
    subprocess.run(
        [sys.executable, "-c", f"import atexit\natexit.register(lambda: exec({tell!r}))\n{code}"],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    return {name.partition(".")[0] for name in json.loads((tmp_path / "loaded.json").read_text())}


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import embedviz", HEAVY),
        ("from embedviz.__main__ import main; main(['--help'])", (*HEAVY, "numpy", "sklearn")),
        ("from embedviz.__main__ import main; main(['embed', '--help'])", (*HEAVY, "numpy")),
        ("from embedviz.__main__ import main; main(['models'])", FRAMEWORKS | {"streamlit"}),
        ("from embedviz.catalogue import catalogue; catalogue()", FRAMEWORKS | {"streamlit"}),
    ],
    ids=["import", "help", "embed-help", "models", "catalogue"],
)
def test_quick_commands_load_nothing_heavy(code, unwanted, tmp_path):
    assert not loaded_after(code, tmp_path) & set(unwanted)


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.startswith("models.")))
def test_a_model_file_loads_no_framework(name, tmp_path):
    assert not loaded_after(f"import embedviz.{name}", tmp_path) & FRAMEWORKS


def test_what_the_pages_import_loads_no_framework(tmp_path):
    """The first paint of every page waits for its imports alone."""
    top = {
        imported
        for name, path in FILES.items()
        if name.startswith("pages.") or name == "app"
        for imported, _ in imports(path, only_top=True)
        if own(imported)
    }
    code = "\n".join(f"import {name}" for name in sorted(top))
    assert not loaded_after(code, tmp_path) & FRAMEWORKS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts no CPU time of children")
def test_help_is_quick():
    import resource

    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = seconds()
    subprocess.run([sys.executable, "-m", "embedviz", "--help"], check=True, capture_output=True)
    assert seconds() - before < 1.0
