"""SavedModels are programs: what may be unpacked and what may be run."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from embedviz import savedgraphs, savedmodels
from embedviz.errors import WeightsError
from embedviz.folders import cache_folder

# One worker for all: TensorFlow loads once.
pytestmark = pytest.mark.xdist_group("savedmodels")


@pytest.fixture
def tf():
    import tensorflow

    import embedviz.engine  # noqa: F401 (quietly)

    return tensorflow


# Kinds of members of a tar file that are no plain files.
LNK, SYM, CHR, DIR, FIFO = "12356"


def unpacked_entries() -> list[str]:
    """Everything that unpacking has left in the cache."""
    folder = cache_folder() / "savedmodels"
    return sorted(os.listdir(folder)) if folder.exists() else []


# Archives


@pytest.fixture
def packed(tmp_path):
    """Write a tar.gz file of (name, content, or else the kind of member)."""

    def write(*members, zipped=True) -> Path:
        path, inner = tmp_path / "model.tar.gz", io.BytesIO()
        with tarfile.open(fileobj=inner, mode="w") as tar:
            for name, content in members:
                member = tarfile.TarInfo(name)
                if isinstance(content, bytes):
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
                else:
                    member.type, member.linkname = content.encode(), "/etc/passwd"
                    tar.addfile(member)
        # Without the second in which it is written: equal members are equal files.
        plain = inner.getvalue()
        path.write_bytes(gzip.compress(plain, mtime=0) if zipped else plain)
        return path

    return write


GOOD = [
    ("./", DIR),
    ("./saved_model.pb", b"graph"),
    ("./variables/variables.index", b"index" * 1000),
]


def test_an_archive_is_unpacked_once(packed):
    folder = savedmodels.unpack(packed(*GOOD))
    assert (folder / "saved_model.pb").read_bytes() == b"graph"
    assert (folder / "variables" / "variables.index").stat().st_size == 5000
    stamp = (folder / "saved_model.pb").stat().st_mtime_ns
    (folder / "README").write_text("a note")
    assert savedmodels.unpack(packed(*GOOD)) == folder
    assert (folder / "saved_model.pb").stat().st_mtime_ns == stamp
    assert (folder / "README").exists()
    assert unpacked_entries() == [folder.name]


@pytest.mark.parametrize("loss", ["gone", "cut"])
def test_a_folder_that_lost_something_since_is_unpacked_again(packed, loss):
    folder = savedmodels.unpack(packed(*GOOD))
    index = folder / "variables" / "variables.index"
    index.unlink() if loss == "gone" else index.write_bytes(b"index")
    assert savedmodels.unpack(packed(*GOOD)) == folder
    assert index.stat().st_size == 5000


def test_a_savedmodel_one_folder_down_is_found(packed):
    folder = savedmodels.unpack(packed(("whale/saved_model.pb", b"graph")))
    assert folder.name == "whale"


def test_a_plain_tar_file_is_taken_too(packed):
    """Some servers take the gzip layer off on the way."""
    folder = savedmodels.unpack(packed(*GOOD, zipped=False))
    assert (folder / "saved_model.pb").read_bytes() == b"graph"


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (("../outside.txt", b"out"), "outside"),
        (("variables/../../../outside.txt", b"out"), "outside"),
        (("assets/passwd", SYM), "assets/passwd is a link or a device"),
        (("assets/passwd", LNK), "assets/passwd is a link or a device"),
        (("variables/pipe", FIFO), "variables/pipe is a link or a device"),
        (("variables/zero", CHR), "variables/zero is a link or a device"),
    ],
    ids=["parent", "parent-inside", "symlink", "hard-link", "pipe", "device"],
)
def test_an_archive_with_tricks_is_refused_whole(packed, tmp_path, member, words):
    with pytest.raises(WeightsError, match=r"model\.tar\.gz was not unpacked") as failure:
        savedmodels.unpack(packed(*GOOD, member))
    assert words in str(failure.value)
    assert unpacked_entries() == []
    assert not list(tmp_path.rglob("outside.txt"))


def test_an_absolute_name_stays_inside(packed):
    folder = savedmodels.unpack(packed(*GOOD, ("/outside.txt", b"in")))
    assert (folder / "outside.txt").read_bytes() == b"in"
    assert not Path("/outside.txt").exists()


@pytest.mark.parametrize("where", ["file", "header"])
def test_an_archive_that_grows_without_end_is_stopped(packed, monkeypatch, where):
    monkeypatch.setattr(savedmodels, "RATIO_FROM_BYTES", 1_000_000)
    if where == "file":
        bomb = packed(*GOOD, ("variables/zeros", bytes(50_000_000)))
    else:
        # The member's name, 50 MB long, stands in a header of its own.
        bomb = packed(*GOOD, ("a" * 50_000_000, b""))
    assert bomb.stat().st_size < 100_000
    written = []
    monkeypatch.setattr(savedmodels, "_Metered", _watched(savedmodels._Metered, written))
    with pytest.raises(WeightsError, match="grows to more than .* MB; unpack it yourself"):
        savedmodels.unpack(bomb)
    assert sum(written) < 10_000_000
    assert unpacked_entries() == []


def _watched(metered, written):
    class Watched(metered):
        def read(self, size):
            data = super().read(size)
            written.append(len(data))
            return data

    return Watched


def test_an_archive_of_very_many_files_is_refused(packed, monkeypatch):
    monkeypatch.setattr(savedmodels, "MAX_MEMBERS", 3)
    savedmodels.unpack(packed(*GOOD))
    with pytest.raises(WeightsError, match="holds over 3 files"):
        savedmodels.unpack(packed(*GOOD, ("one more", b"")))


def test_a_larger_archive_than_the_free_disk_is_refused(packed, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(savedmodels.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(WeightsError, match="grows to more than 0 MB"):
        savedmodels.unpack(packed(*GOOD))
    assert unpacked_entries() == []


@pytest.mark.parametrize("content", [b"", b"not an archive" * 100, b"\x1f\x8b" + b"?" * 1000])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.tar\.gz (is no whole tar\.gz|holds no saved_)"):
        savedmodels.unpack(path)


def test_an_archive_of_something_else_is_told(packed):
    with pytest.raises(WeightsError, match=r"model\.tar\.gz holds no saved_model\.pb"):
        savedmodels.unpack(packed(("notes.txt", b"hello")))


# Graphs


@pytest.fixture
def saved(tf, tmp_path):
    """Save a module that calls `compute` on a waveform (n,)."""

    def save(compute, **members) -> Path:
        module = tf.Module()
        module.gain = tf.Variable(2.0)
        for name, member in members.items():
            setattr(module, name, member)
        module.hear = tf.function(compute, input_signature=[tf.TensorSpec((None,))])
        tf.saved_model.save(module, str(tmp_path / "model"))
        return tmp_path / "model"

    return save


def refused(folder: Path, what: str) -> None:
    with pytest.raises(WeightsError) as failure:
        savedmodels.load(folder)
    assert f"its graph uses {what}, which does more than compute" in str(failure.value)


def test_a_model_that_computes_is_loaded(saved, tf):
    def compute(x):
        y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2), (0, x))[1]
        tf.debugging.assert_all_finite(y, "finite")
        return y + tf.random.stateless_normal((1,), (1, 2)) * 0 + tf.random.uniform((1,)) * 0

    loaded = savedmodels.load(saved(compute))
    np.testing.assert_allclose(loaded.hear(np.ones(2, np.float32)), [8, 8])


@pytest.fixture
def with_class_map(saved, tf, tmp_path):
    """A model that gives its class map as a path, as YAMNet does, and as a table."""
    (tmp_path / "classes.csv").write_text("bird\nwhale\n")
    initialiser = tf.lookup.TextFileInitializer(
        str(tmp_path / "classes.csv"),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    asset = tf.saved_model.Asset(str(tmp_path / "classes.csv"))
    table = tf.lookup.StaticHashTable(initialiser, -1)
    folder = saved(
        lambda x: x,
        table=table,
        asset=asset,
        number=tf.function(table.lookup, input_signature=[tf.TensorSpec((), tf.string)]),
        class_map_path=tf.function(lambda: asset.asset_path, input_signature=[]),
    )
    (tmp_path / "classes.csv").unlink()
    return folder


def test_class_maps_among_the_assets_may_be_read(with_class_map, tf, tmp_path):
    loaded = savedmodels.load(with_class_map)
    assert loaded.number("whale") == 1
    assert Path(loaded.class_map_path().numpy().decode()).read_text() == "bird\nwhale\n"
    # Saved once more, the table is initialised by a function that calls a function.
    tf.saved_model.save(loaded, str(tmp_path / "again"))
    assert savedmodels.load(tmp_path / "again").number("bird") == 0


def test_a_table_must_be_bound_to_an_asset(with_class_map):
    def bind_elsewhere(proto):
        objects = proto.meta_graphs[0].object_graph_def
        for function in objects.concrete_functions.values():
            for i, node in enumerate(function.bound_inputs):
                if objects.nodes[node].HasField("asset"):
                    function.bound_inputs[i] = 0

    _edited(with_class_map, bind_elsewhere)
    refused(with_class_map, "InitializeTableFromTextFileV2 on a file of its own choice")


@pytest.mark.parametrize("operation", ["WriteFile", "ReadFile", "MatchingFiles", "PrintV2"])
def test_a_model_that_touches_files_is_refused_before_anything_runs(saved, tf, tmp_path, operation):
    target = tmp_path / "touched"

    def compute(x):
        if operation == "WriteFile":
            tf.io.write_file(str(target), "x")
        elif operation == "PrintV2":
            tf.print(x, output_stream=f"file://{target}")
        elif operation == "ReadFile":
            return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), tf.float32)
        else:
            return x + tf.cast(tf.size(tf.io.matching_files("/etc/*")), tf.float32)
        return x

    refused(saved(compute), operation)
    assert not target.exists()


def test_printing_on_the_screen_is_allowed(saved, tf, capfd):
    def compute(x):
        tf.print("heard", tf.shape(x)[0])
        return x

    savedmodels.load(saved(compute)).hear(np.ones(3, np.float32))
    assert "heard 3" in capfd.readouterr().err


@pytest.mark.parametrize("way", ["py_function", "numpy_function", "in a loop", "in a gradient"])
def test_a_model_that_calls_python_is_refused(saved, tf, way):
    called = []

    def compute(x):
        if way == "py_function":
            return tf.py_function(called.append, [x], tf.float32)
        if way == "numpy_function":
            return tf.numpy_function(called.append, [x], tf.float32, stateful=False)
        if way == "in a loop":
            return tf.map_fn(lambda one: tf.py_function(called.append, [one], tf.float32), x)
        return tf.cond(x[0] > 2, lambda: tf.py_function(called.append, [x], tf.float32), lambda: x)

    refused(saved(compute), "PyFuncStateless" if way == "numpy_function" else "EagerPyFunc")
    assert called == []


def test_what_would_run_while_loading_is_refused_too(saved, tf, tmp_path):
    """A table's initialiser runs when the model is loaded, not when it is used."""

    class Initialiser(tf.lookup.KeyValueTensorInitializer):
        def initialize(self, table):
            tf.io.write_file(str(tmp_path / "touched"), "x")
            return super().initialize(table)

    initialiser = Initialiser(["a"], [1], tf.string, tf.int64)
    folder = saved(lambda x: x, table=tf.lookup.StaticHashTable(initialiser, -1))
    (tmp_path / "touched").unlink(missing_ok=True)
    refused(folder, "WriteFile")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("direct", [True, False])
def test_storing_variables_is_left_to_the_saver(saved, tf, tmp_path, direct):
    """`SaveV2` is in every SavedModel, but only where loading does not run it."""
    target = str(tmp_path / "touched")

    def compute(x):
        tf.raw_ops.SaveV2(prefix=target, tensor_names=["x"], shape_and_slices=[""], tensors=[x])
        return x

    def calling(x):
        return tf.function(compute)(x)

    refused(saved(compute if direct else calling), "SaveV2")
    assert not list(tmp_path.glob("touched*"))


def test_restoring_from_elsewhere_is_refused(saved, tf, tmp_path):
    def compute(x):
        [found] = tf.raw_ops.RestoreV2(
            prefix=str(tmp_path / "other"),
            tensor_names=["x"],
            shape_and_slices=[""],
            dtypes=[tf.float32],
        )
        return x + found

    refused(saved(compute), "RestoreV2")


@pytest.mark.parametrize("hidden", [False, True])
def test_a_table_from_another_file_than_an_asset_is_refused(saved, tf, hidden):
    def fill(path, x):
        table = tf.raw_ops.AnonymousHashTable(key_dtype=tf.int64, value_dtype=tf.string)
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=table, filename=path, key_index=-1, value_index=-2
        )
        found = tf.raw_ops.LookupTableFindV2(
            table_handle=table, keys=tf.constant(0, tf.int64), default_value=""
        )
        return x + tf.cast(tf.strings.length(found), tf.float32)

    def compute(x):
        inner = tf.function(fill) if hidden else fill
        return inner(tf.constant("/etc/passwd"), x)

    refused(saved(compute), "InitializeTableFromTextFileV2 on a file of its own choice")


def _edited(folder: Path, edit) -> Path:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path = folder / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    edit(saved)
    path.write_bytes(saved.SerializeToString())
    return folder


def test_an_operation_that_this_tensorflow_does_not_know_is_refused(saved, tf):
    def add(proto):
        for function in proto.meta_graphs[0].graph_def.library.function:
            if function.signature.name in proto.meta_graphs[0].object_graph_def.concrete_functions:
                function.node_def.add(name="more", op="RunProgram")

    refused(_edited(saved(lambda x: x), add), "RunProgram")


def test_a_function_cannot_pass_for_an_operation(saved, tf):
    """A harmless function called `WriteFile` must not cover the operation of that name."""

    def add(proto):
        library = proto.meta_graphs[0].graph_def.library
        library.function.add().signature.name = "WriteFile"
        library.function[0].node_def.add(name="more", op="WriteFile")

    refused(_edited(saved(lambda x: x), add), "WriteFile")


@pytest.mark.parametrize("module", [b"ML\xefRstablehlo add", b"ML\xefRstablehlo custom_call"])
def test_a_compiled_program_may_not_call_out(saved, tf, module):
    def add(proto):
        node = proto.meta_graphs[0].graph_def.node.add(name="more", op="XlaCallModule")
        node.attr["module"].s = module

    folder = _edited(saved(lambda x: x), add)
    if b"custom_call" in module:
        refused(folder, "XlaCallModule")
    else:
        savedgraphs.check(folder)


def test_an_asset_outside_of_the_folder_is_refused(saved, tf):
    def add(proto):
        proto.meta_graphs[0].asset_file_def.add(filename="../../secret.txt")

    refused(_edited(saved(lambda x: x), add), "a file outside of the folder (../../secret.txt)")


@pytest.mark.parametrize("way", ["two graphs", "no objects"])
def test_the_format_of_tensorflow_1_is_refused(saved, tf, way):
    """Its loader would run the graph itself, with its own saver's operations."""

    def change(proto):
        if way == "two graphs":
            proto.meta_graphs.add().CopyFrom(proto.meta_graphs[0])
        else:
            proto.meta_graphs[0].ClearField("object_graph_def")

    with pytest.raises(WeightsError, match="no SavedModel of TensorFlow 2"):
        savedmodels.load(_edited(saved(lambda x: x), change))


@pytest.mark.parametrize("damage", ["graph", "variables"])
def test_a_damaged_savedmodel_is_told(saved, tf, damage):
    folder = saved(lambda x: x)
    if damage == "graph":
        (folder / "saved_model.pb").write_bytes(b"not a graph" * 100)
        words = r"holds no saved_model\.pb that can be read"
    else:
        (folder / "variables" / "variables.index").write_bytes(b"cut")
        words = "cannot be loaded as a SavedModel"
    with pytest.raises(WeightsError, match=words):
        savedmodels.load(folder)


def test_no_listed_operation_is_unknown_and_none_touches_files(tf):
    """The list of operations that may keep state names real ones, and none for files."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session as session

    every = op_def_pb2.OpList.FromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
    passing = {
        op.name for op in every.op if op.is_stateful and savedgraphs.STATEFUL.fullmatch(op.name)
    }
    assert 100 < len(passing) < 140
    assert not [name for name in passing if "File" in name or "Func" in name or "Save" in name]
    strings = {
        op.name
        for op in every.op
        if op.name in passing and any(a.name in ("filename", "path") for a in op.input_arg)
    }
    assert strings == set()
