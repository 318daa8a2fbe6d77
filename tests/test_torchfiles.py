"""Reading PyTorch's files: real ones, damaged ones, and ones that were made to do harm."""

import pickle
import random
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from torch_writer import Raw, write_torch_legacy, write_torch_zip

from embedviz.errors import WeightsError
from embedviz.torchfiles import read_torch, state_dict

FIXTURES = Path(__file__).parent / "fixtures" / "torch"
FILES = sorted(path.name for path in FIXTURES.glob("*.pt"))
FORMATS = pytest.mark.parametrize("write", [write_torch_zip, write_torch_legacy])
BOTH = pytest.mark.parametrize("kind", ["zip", "legacy"])


def short(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode()


def storage(key: str = "0", count: int = 12, name: str = "FloatStorage") -> bytes:
    """Instructions that refer to a storage which the file holds."""
    kind = f"ctorch\n{name}\n".encode()
    size = b"J" + struct.pack("<i", count)
    return b"(" + short("storage") + kind + short(key) + short("cpu") + size + b"tQ"


def numbers(values: tuple[int, ...]) -> bytes:
    longs = (b"\x8a\x09" + value.to_bytes(9, "little", signed=True) for value in values)
    return b"(" + b"".join(longs) + b"t"


def tensor(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Raw:
    """A tensor in storage 0, twelve numbers."""
    place = storage() + numbers((offset,))[1:-1] + numbers(shape) + numbers(strides)
    return Raw(b"ctorch._utils\n_rebuild_tensor_v2\n(" + place + b"\x89NtR")


def repack(path: Path, changes: dict[str, bytes]) -> Path:
    """Exchange members of a zip file, so that its checksums still fit."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | changes).items():
            archive.writestr(name, data)
    return path


@BOTH
def test_every_kind_of_tensor_comes_out_as_it_went_in(kind):
    found = read_torch(FIXTURES / f"everything.{kind}.pt")["tensors"]
    storage = np.arange(12, dtype=np.float32)
    eighths = np.arange(4) / 8
    around_zero = np.arange(-2, 2)
    expected = {
        "whole": storage,
        "part": storage[2:8].reshape(2, 3),
        "transposed": storage.reshape(3, 4).T,
        "strided": storage[1::4],
        "scalar": np.array(7),
        "empty": np.zeros((0, 3), np.float32),
        "half": eighths.astype(np.float16),
        "bfloat16": eighths.astype(np.float32),
        "bfloat16_scalar": np.array(-1.5, np.float32),
        "double": eighths,
        "bool": np.array([True, False, True]),
        "int8": around_zero.astype(np.int8),
        "uint8": np.arange(4, dtype=np.uint8),
        "int16": around_zero.astype(np.int16),
        "int32": around_zero.astype(np.int32),
        "parameter": np.arange(3, dtype=np.float32),
    }
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].flags.c_contiguous, name
        np.testing.assert_array_equal(found[name], array, strict=True, err_msg=name)


@BOTH
def test_tensors_of_one_storage_have_memory_of_their_own(kind):
    found = read_torch(FIXTURES / f"everything.{kind}.pt")["tensors"]
    found["whole"][:] = 0
    assert found["part"].tolist() == [[2, 3, 4], [5, 6, 7]]
    assert found["strided"].tolist() == [1, 5, 9]


@BOTH
def test_numbers_texts_and_containers_come_out_as_they_went_in(kind):
    found = read_torch(FIXTURES / f"everything.{kind}.pt")
    assert {name: found[name] for name in list(found)[:8]} == {
        "iteration": 600000,
        "big": 2**40,
        "rate": 1e-3,
        "done": True,
        "nothing": None,
        "name": "Größe",
        "list": [1, (2, "three")],
        "size": (3, 4),
    }


@BOTH
def test_numpy_values_beside_the_weights_are_read_too(kind):
    found = read_torch(FIXTURES / f"numpy.{kind}.pt")["sampler"]
    expected = {
        "indexes": np.arange(5),
        "matrix": np.arange(6.0).reshape(2, 3),
        "big_endian": np.arange(3, dtype=np.int32),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 2), np.float32),
        "names": np.array([b"one", b"three"]),
        "words": np.array(["one", "Größe"]),
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, strict=True, err_msg=name)
    assert found["number"] == 0.5
    name, keys, *rest = np.random.RandomState(0).get_state()  # noqa: NPY002
    assert [found["state"][0], *found["state"][2:]] == [name, *rest]
    np.testing.assert_array_equal(found["state"][1], keys, strict=True)


def test_a_newer_pickle_protocol_is_read_too():
    found = state_dict(FIXTURES / "protocol4.zip.pt")
    assert found["weight"].tolist() == [0, 1, 2]


@BOTH
def test_a_state_dict_loses_the_prefix_of_data_parallel_and_the_counters(kind):
    plain = state_dict(FIXTURES / f"everything.{kind}.pt")
    parallel = state_dict(FIXTURES / f"parallel.{kind}.pt")
    names = ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var"]
    assert list(plain) == list(parallel) == names
    for start, name in enumerate(names):
        expected = np.arange(plain[name].size, dtype=np.float32).reshape(plain[name].shape) + start
        np.testing.assert_array_equal(plain[name], expected)
        np.testing.assert_array_equal(parallel[name], expected)


def test_a_state_dict_is_found_under_its_key_under_model_or_at_the_top(tmp_path):
    path = FIXTURES / "everything.zip.pt"
    assert state_dict(path, "tensors")["whole"].size == 12
    assert "0.weight" in state_dict(path, "no such entry")
    write_torch_zip(tmp_path / "flat.pt", {"a": np.zeros(1), "module.b": np.ones(2), "epoch": 3})
    assert list(state_dict(tmp_path / "flat.pt")) == ["a", "module.b"]


@pytest.mark.parametrize("obj", [{"model": {"epoch": 1}}, {}, [np.zeros(3)], 5])
def test_a_file_without_named_tensors_is_no_weight_file(tmp_path, obj):
    write_torch_zip(tmp_path / "a.pt", obj)
    with pytest.raises(WeightsError, match=r"^a\.pt holds no tensors by name"):
        state_dict(tmp_path / "a.pt")


@pytest.mark.shared
def test_the_real_weights_of_efficientat_are_read(shared):
    found = state_dict(shared / "weights" / "mn04_as_mAP_432.pt")
    assert len(found) == 266
    assert found["features.0.0.weight"].shape == (8, 1, 3, 3)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in found.values())


def sample() -> dict:
    rng = np.random.default_rng(3)
    kinds = ["f4", "f8", "f2", "i8", "i4", "i2", "i1", "u1"]
    tensors = {kind: (100 * rng.normal(size=(3, 4))).astype(kind) for kind in kinds}
    tensors |= {"bool": rng.random(5) < 0.5, "none": np.zeros((0, 2)), "one": np.array(2.5)}
    return {"iteration": 2**35, "model": OrderedDict(tensors), "text": "t" * 300, "t": (1.5, None)}


@pytest.mark.parametrize("options", [{}, {"compression": zipfile.ZIP_DEFLATED}, {"python2": True}])
def test_what_the_test_writer_writes_is_read_back(tmp_path, options):
    obj, path = sample(), tmp_path / "a.pt"
    write = write_torch_legacy if "python2" in options else write_torch_zip
    write(path, obj, **options)
    found = read_torch(path)
    assert {**found, "model": None} == {**obj, "model": None}
    for name, array in obj["model"].items():
        np.testing.assert_array_equal(found["model"][name], array, strict=True)


@FORMATS
def test_a_large_file_takes_little_more_memory_than_its_size(tmp_path, write):
    arrays = {str(i): np.full((1000, 500), i, np.float32) for i in range(8)}
    write(tmp_path / "a.pt", arrays)
    del arrays
    tracemalloc.start()
    found = state_dict(tmp_path / "a.pt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["7"][-1, -1] == 7
    assert peak < 1.6 * (tmp_path / "a.pt").stat().st_size


def test_the_first_files_of_pytorch_are_read(tmp_path):
    """Before 0.2 a tensor was an object with a state, and a storage could be part of another."""
    part = storage()[:-2] + b"(" + short("v") + b"K\x02K\x06ttQ"
    state = b"(" + part + b"K\x01(K\x02K\x02t(K\x02K\x01tt"
    old = Raw(b"ctorch.cuda\nFloatTensor\n)R" + state + b"b")
    write_torch_legacy(tmp_path / "a.pkl", {"w": np.arange(12.0, dtype="f4"), "v": old})
    assert state_dict(tmp_path / "a.pkl")["v"].tolist() == [[3, 4], [5, 6]]


def test_numpy_arrays_of_python_2_are_read(tmp_path):
    kind = b"cnumpy\ndtype\n(" + short("i2") + b"I00\nI01\ntR(K\x03" + short("<") + b"NNNJ\xff\xff"
    kind += b"\xff\xffJ\xff\xff\xff\xffK\0tb"
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0t" + short("b") + b"tR"
    data = b"U\x04" + np.array([-2, 300], "<i2").tobytes()
    array = made + b"(K\x01(K\x02t" + kind + b"\x89" + data + b"tb"
    write_torch_legacy(tmp_path / "a.pkl", {"a": Raw(array)}, python2=True)
    assert read_torch(tmp_path / "a.pkl")["a"].tolist() == [-2, 300]


def test_a_zip_file_of_a_big_endian_machine_is_read(tmp_path):
    values = np.array([1.5, -2.25, 1e10], np.float32)
    write_torch_zip(tmp_path / "a.pt", {"w": values, "b": np.array([True, False])})
    swapped = values.byteswap().tobytes()
    repack(tmp_path / "a.pt", {"archive/byteorder": b"big", "archive/data/0": swapped})
    found = read_torch(tmp_path / "a.pt")
    assert found["w"].tolist() == values.tolist()
    assert found["b"].tolist() == [True, False]


def test_a_legacy_file_of_a_big_endian_machine_is_refused(tmp_path):
    write_torch_legacy(tmp_path / "a.pt", {"w": np.zeros(3)})
    data = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(data.replace(b"little_endian\x88", b"little_endian\x89"))
    with pytest.raises(WeightsError, match="big-endian machine, which is not supported"):
        read_torch(tmp_path / "a.pt")


HARM = {
    "a call": (b"cposix\nsystem\n({command}tR", r"wants to call posix\.system when opened, which"),
    "eval": (b"cbuiltins\neval\n({code}tR", r"builtins\.eval"),
    "exec": (b"c__builtin__\nexec\n({code}tR", r"__builtin__\.exec"),
    "open": (b"cbuiltins\nopen\n({path}U\x01wtR", r"builtins\.open"),
    "getattr": (b"cbuiltins\ngetattr\n(cos\nsystem\nU\x01xtR", r"builtins\.getattr"),
    "a nested torch file": (b"ctorch.storage\n_load_from_bytes\n({path}tR", "_load_from_bytes"),
    "torch.load": (b"ctorch\nload\n({path}tR", r"torch\.load"),
    "names from the stack": (b"U\x05posixU\x06system\x93({command}tR", r"posix\.system"),
    "names from the memo": (
        b"U\x05posixq\x640U\x06systemq\x650h\x64h\x65\x93({command}tR",
        r"posix\.system",
    ),
    "a dotted way": (
        b"U\x0bcollectionsU\x1aOrderedDict.__subclasses__\x93)R",
        r"collections\.OrderedDict\.__subclasses__",
    ),
    "an old class": (b"({command}iposix\nsystem\n", r"posix\.system"),
    "a class on the stack": (b"(cposix\nsystem\n{command}o", r"posix\.system"),
    "a listed class made new": (b"ccollections\nOrderedDict\n)\x81", "instruction NEWOBJ"),
    "a listed class made otherwise": (b"(ccollections\nOrderedDict\no", "instruction OBJ"),
    "an extension": (b"\x82\x05", "instruction EXT1"),
    "a state for a function": (b"ctorch\nSize\n}U\x0c__defaults__N\x86sb", "is damaged"),
    "a state for a number": (b"K\x05}b", "is damaged"),
    "a storage that is called": (b"ctorch\nFloatStorage\n)R", "no function of a weight file"),
    "a text that is called": (b"U\x06system({command}tR", "no function of a weight file"),
    "a whole module": (b"(U\x06modulectorch\nSize\nU\x01aU\x01btQ", "refers to 'module' outside"),
    "an id that is no tuple": (b"U\x07storageQ", "refers to something outside of its pickle"),
    "an id as a line": (b"Pstorage\n", "instruction PERSID"),
    "a storage in a folder above": (
        b"(U\x07storagectorch\nFloatStorage\nU\x09../../a/bU\x03cpuK\x04tQ",
        "names a storage that no weight file has",
    ),
    "a class left as it is": (b"ctorch\nFloatStorage\n", "more than tensors, numbers and names"),
    "NumPy's objects": (b"cnumpy\ndtype\n(U\x02O8I00\nI01\ntR", "not of plain numbers"),
    "a NumPy record": (
        b"cnumpy\ndtype\n(U\x02i4K\0K\x01tR(K\x03U\x01|N(U\x01at}K\x04K\x01K\0tb",
        "not of plain numbers",
    ),
    "NumPy's own load": (b"cnumpy\nload\n({path}tR", r"numpy\.load"),
    "another codec": (b"c_codecs\nencode\n(U\x01xU\x03hextR", "is damaged"),
    "a tuple as key": (b"}" + b"N" + 100_000 * b"\x85" + b"Ns", "is damaged"),
    "a list of itself": (b"]q\x64h\x64a", "nested deeper"),
    "a deep list": (100 * b"(" + 100 * b"l", "nested deeper"),
    "a name of another script": ("cposix\nsyst\u00e9m\n".encode(), "is damaged"),
    "a call without a function": (b")R", "no function of a weight file"),
}


def harmful(name: str, target: Path) -> bytes:
    texts = {
        "command": f"touch {target}",
        "code": f"__import__('pathlib').Path({str(target)!r}).touch()",
        "path": str(target),
    }
    data = HARM[name][0]
    for key, text in texts.items():
        length = struct.pack("<I", len(text))
        data = data.replace(f"{{{key}}}".encode(), b"X" + length + text.encode())
    return data


@FORMATS
@pytest.mark.parametrize("name", HARM)
def test_nothing_in_a_file_is_run_and_the_message_says_what_was_wanted(tmp_path, name, write):
    target = tmp_path / "made"
    tensors = {"a": np.zeros(3), "bad": Raw(harmful(name, target)), "b": np.zeros(3)}
    write(tmp_path / "x.pth", tensors)
    with pytest.raises(WeightsError, match=HARM[name][1]) as caught:
        read_torch(tmp_path / "x.pth")
    assert not target.exists()
    assert str(caught.value).startswith("x.pth ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a call", "eval", "an old class", "names from the memo"])
def test_the_same_harm_is_done_where_python_unpickles(tmp_path, name):
    """So that the test above cannot pass because its pickles are harmless."""
    target = tmp_path / "made"
    pickle.loads(b"\x80\x04" + harmful(name, target) + b".")
    assert target.exists()


@pytest.mark.parametrize("place", range(5))
def test_harm_in_any_of_the_five_pickles_of_a_legacy_file_is_refused(tmp_path, place):
    write_torch_legacy(tmp_path / "a.pt", {"n": 5})
    pickles = (tmp_path / "a.pt").read_bytes().split(b".\x80\x02")
    assert len(pickles) == 5
    target = tmp_path / "made"
    pickles[place] = b"\x80\x02"[2 * (place > 0) :] + harmful("a call", target)
    (tmp_path / "a.pt").write_bytes(b".\x80\x02".join(pickles) + b".")
    with pytest.raises(WeightsError, match=r"posix\.system"):
        read_torch(tmp_path / "a.pt")
    assert not target.exists()


LIES = {
    "an offset outside": (tensor(12, (1,), (1,)), "reaches outside its storage"),
    "one element too many": (tensor(0, (13,), (1,)), "reaches outside its storage"),
    "strides that lead outside": (tensor(1, (3, 4), (4, 1)), "reaches outside its storage"),
    "a huge shape": (tensor(0, (2**61, 2**61), (1, 1)), "reaches outside its storage"),
    "a negative stride": (tensor(4, (3,), (-1,)), "impossible shape"),
    "a negative size": (tensor(0, (-1, -3), (1, 1)), "impossible shape"),
    "a negative offset": (tensor(-4, (3,), (1,)), "impossible shape"),
    "a stride too few": (tensor(0, (3, 2), (1,)), "impossible shape"),
    "too many axes": (tensor(0, (1,) * 33, (1,) * 33), "impossible shape"),
    "an empty one with huge axes": (tensor(0, (0, 2**61), (1, 1)), "impossible shape"),
    "one number a billion times": (tensor(0, (2**30,), (0,)), "far more than its own size"),
    "one number beyond counting": (tensor(0, (2**61,) * 9, (0,) * 9), "far more than its own"),
    "two sizes of a storage": (Raw(storage("0", 11)), "two things about one storage"),
    "two kinds of a storage": (Raw(storage(name="IntStorage")), "two things about one storage"),
}


@FORMATS
@pytest.mark.parametrize("lie", LIES)
def test_a_tensor_that_does_not_lie_in_its_storage_is_refused(tmp_path, lie, write):
    bad, message = LIES[lie]
    write(tmp_path / "a.pt", {"w": np.arange(12, dtype=np.float32), "bad": bad})
    with pytest.raises(WeightsError, match=message):
        read_torch(tmp_path / "a.pt")


@FORMATS
def test_strides_of_axes_of_length_one_do_not_matter(tmp_path, write):
    odd = tensor(2, (1, 3, 1), (2**61, 4, 2**60))
    write(tmp_path / "a.pt", {"w": np.arange(12, dtype=np.float32), "odd": odd})
    assert read_torch(tmp_path / "a.pt")["odd"].tolist() == [[[2], [6], [10]]]


@FORMATS
def test_copies_of_one_storage_cannot_fill_the_memory(tmp_path, write):
    place = storage("0", 2**20) + b"K\x01J\xff\xff\x0f\x00\x85K\x01\x85"
    views = {str(i): Raw(b"ctorch._utils\n_rebuild_tensor\n(" + place + b"tR") for i in range(9)}
    write(tmp_path / "a.pt", {"w": np.zeros(2**20, np.float32), **views})
    with pytest.raises(WeightsError, match="far more than its own size"):
        read_torch(tmp_path / "a.pt")


def test_a_storage_that_is_shorter_or_longer_than_it_claims_is_refused(tmp_path):
    for wrong in (b"", bytes(47), bytes(49), bytes(96)):
        write_torch_zip(tmp_path / "a.pt", {"w": np.arange(12, dtype=np.float32)})
        repack(tmp_path / "a.pt", {"archive/data/0": wrong})
        with pytest.raises(WeightsError, match="holds fewer bytes, or more, than its tensors"):
            read_torch(tmp_path / "a.pt")


def test_a_legacy_storage_that_claims_more_than_the_file_has_is_refused(tmp_path):
    for count in (13, 2**40, 2**62, -1):
        write_torch_legacy(tmp_path / "a.pt", {"w": np.arange(12, dtype=np.float32)})
        data = (tmp_path / "a.pt").read_bytes()
        lying = data[:-56] + struct.pack("<q", count) + data[-48:]
        (tmp_path / "a.pt").write_bytes(lying)
        with pytest.raises(WeightsError, match="holds fewer bytes, or more, than its tensors"):
            read_torch(tmp_path / "a.pt")


def test_a_zip_bomb_is_refused_unopened(tmp_path):
    bomb = {"w": np.zeros(10_000_000, np.float32)}
    write_torch_zip(tmp_path / "a.pt", bomb, compression=zipfile.ZIP_DEFLATED)
    del bomb
    tracemalloc.start()
    with pytest.raises(WeightsError, match="unpacks to far more than its own size"):
        read_torch(tmp_path / "a.pt")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_member_that_understates_its_size_is_refused(tmp_path):
    write_torch_zip(tmp_path / "a.pt", {"w": np.zeros(1000, np.float32)}, compression=8)
    data = (tmp_path / "a.pt").read_bytes()
    lying = data.replace(struct.pack("<I", 4000), struct.pack("<I", 400))
    assert lying != data
    (tmp_path / "a.pt").write_bytes(lying)
    with pytest.raises(WeightsError):
        read_torch(tmp_path / "a.pt")


def test_a_pickle_bomb_of_shared_lists_is_no_bomb(tmp_path):
    layers = b"".join(b"q" + bytes([i]) + b"0](h" + bytes([i]) + b"h" + bytes([i]) + b"e"
                      for i in range(100, 140))  # fmt: skip
    write_torch_zip(tmp_path / "a.pt", {"bomb": Raw(b"]" + layers), "w": np.zeros(2)})
    assert list(state_dict(tmp_path / "a.pt")) == ["w"]


def test_an_endless_pickle_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("embedviz.torchfiles.machine._MAX_INSTRUCTIONS", 1000)
    write_torch_zip(tmp_path / "a.pt", {"w": Raw(b"N0" * 1000 + b"N")})
    with pytest.raises(WeightsError, match="holds far more than a weight file does"):
        read_torch(tmp_path / "a.pt")


def test_two_members_of_one_name_are_refused(tmp_path):
    write_torch_zip(tmp_path / "a.pt", {"w": np.zeros(3, np.float32)})
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "a.pt", "a") as archive,
    ):
        archive.writestr("archive/data/0", bytes(12))
    with pytest.raises(WeightsError, match="two members of one name"):
        read_torch(tmp_path / "a.pt")


def test_other_kinds_of_zip_file_are_named(tmp_path):
    path = tmp_path / "a.pt"
    for members, options, message in [
        ({"b.txt": b""}, {}, "is a zip archive, but not one of torch.save"),
        ({"a/data.pkl": b"N.", "b/data.pkl": b"N."}, {}, "not one of torch.save"),
        ({"a/data.pkl": b"N.", "a/constants.pkl": b""}, {}, "is a TorchScript program"),
        ({"a/data.pkl": b"N."}, {"compression": zipfile.ZIP_BZIP2}, "packed in a way that"),
        ({"a/data.pkl": b"N.", "a/byteorder": b"middle"}, {}, "is damaged"),
        ({"a/data.pkl": b""}, {}, "is damaged"),
    ]:
        with zipfile.ZipFile(path, "w", **options) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with pytest.raises(WeightsError, match=message):
            read_torch(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n\n<!DOCTYPE html>\n<html lang=en>", "is a web page, not a weight file"),
        (b"<html><head>", "is a web page, not a weight file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (
            b"storages".ljust(257, b"\0") + b"ustar\x0000" + bytes(300),
            "is in PyTorch's first format",
        ),
        (pickle.dumps({"w": [1, 2]}), "is no file that torch.save wrote"),
        (b"\x80\x02K\x05.\x80\x02K\x06.", "is no file that torch.save wrote"),
        (b"\x80\x02K\x05.\x80\x02cposix\nsystem\n.", "is no file that torch.save wrote"),
        (bytes(range(256)), "is no file that torch.save wrote"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "is no file that torch.save wrote"),
        (b"\x80\x02", "is damaged or cut short"),
    ],
)
def test_other_files_are_named(tmp_path, data, message):
    (tmp_path / "a.pkl").write_bytes(data)
    with pytest.raises(WeightsError, match=rf"^a\.pkl {message}"):
        read_torch(tmp_path / "a.pkl")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "a.pt", tmp_path):
        with pytest.raises(WeightsError, match=f"^{path.name} cannot be read"):
            read_torch(path)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_anywhere_is_refused(tmp_path, name):
    data = (FIXTURES / name).read_bytes()
    path = tmp_path / name
    for length in {*range(0, len(data), 41), *range(len(data) - 40, len(data))}:
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError):
            read_torch(path)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused_quickly(tmp_path, name):
    rng, path = random.Random(5), tmp_path / name
    data = (FIXTURES / name).read_bytes()
    refused = 0
    tracemalloc.start()
    for _ in range(60):
        damaged = flip(data, rng)
        path.write_bytes(damaged)
        if ".zip." in name and rng.random() < 0.8:
            path.write_bytes(data)
            with zipfile.ZipFile(path) as archive:
                pickled = next(n for n in archive.namelist() if n.endswith("data.pkl"))
                damaged = flip(archive.read(pickled), rng)
            repack(path, {pickled: damaged})  # beyond the checksum
        try:
            read_torch(path)
        except WeightsError:
            refused += 1
    assert refused > 10
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


def flip(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)
