"""Zip archives: what is unpacked, what is left out, and what no archive may do."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from embedviz import archives
from embedviz.archives import unpack
from embedviz.errors import RecordingError


@pytest.fixture
def zipped(tmp_path):
    """Write an archive from names (or ZipInfo) and contents, in order."""

    def write(*members, name: str = "calls.zip", packed: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", packed) as bundle:
            for member, content in members:
                bundle.writestr(member, content)
        return path

    return write


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "unpacked" / "calls"


def names(unpacked, folder) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in unpacked.files]


def nothing_left(folder: Path) -> bool:
    return not folder.parent.exists() or not list(folder.parent.iterdir())


def linked(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def test_files_come_out_sorted_with_their_folders(zipped, folder):
    archive = zipped(("b/two.wav", b"2"), ("b/", b""), ("a.wav", b"1"), ("notes.txt", b"n"))
    unpacked = unpack(archive, folder)
    assert names(unpacked, folder) == ["a.wav", "b/two.wav", "notes.txt"]
    assert (folder / "b" / "two.wav").read_bytes() == b"2"
    assert unpacked.failures == {}
    assert [path.name for path in folder.parent.iterdir()] == ["calls"]


def test_hidden_files_are_skipped_without_a_word(zipped, folder):
    archive = zipped(
        ("a.wav", b"1"),
        ("__MACOSX/._a.wav", b"x"),
        (".DS_Store", b"x"),
        ("deep/.git/b.wav", b"x"),
        ("./c.wav", b"3"),
        (".", b"x"),
    )
    unpacked = unpack(archive, folder)
    assert names(unpacked, folder) == ["a.wav", "c.wav"]
    assert unpacked.failures == {}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.wav",
        "a/../../evil.wav",
        "/evil.wav",
        "//server/evil.wav",
        "C:/evil.wav",
        "c:evil.wav",
        "..\\evil.wav",
        "a\\..\\..\\evil.wav",
        "\\\\server\\evil.wav",
        "C:\\evil.wav",
        "../.hidden/../evil.wav",
    ],
)
def test_names_that_lead_out_of_the_archive_are_left_out(zipped, folder, tmp_path, name):
    unpacked = unpack(zipped((name, b"evil"), ("good.wav", b"1")), folder)
    assert names(unpacked, folder) == ["good.wav"]
    assert unpacked.failures == {name: f"{name} is left out: its name leads out of the archive."}
    assert not list(tmp_path.rglob("evil.wav"))


def test_backslashes_of_old_windows_archivers_separate_folders(zipped, folder):
    unpacked = unpack(zipped(("a\\", b""), ("a\\b.wav", b"1")), folder)
    assert names(unpacked, folder) == ["a/b.wav"]


def test_names_without_the_utf8_mark_of_macos_are_read(zipped, folder):
    archive = zipped(("Vogel/Wren\u0303.wav", b"1"))
    content = bytearray(archive.read_bytes())
    for start in (content.find(b"PK\x03\x04") + 6, content.find(b"PK\x01\x02") + 8):
        (flags,) = struct.unpack_from("<H", content, start)
        struct.pack_into("<H", content, start, flags & ~0x800)
    archive.write_bytes(content)
    assert names(unpack(archive, folder), folder) == ["Vogel/Wren\u0303.wav"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_left_out(zipped, folder, kind):
    unpacked = unpack(zipped((linked("link.wav", kind), b"/etc/passwd"), ("a.wav", b"1")), folder)
    assert names(unpacked, folder) == ["a.wav"]
    assert "a link or a device" in unpacked.failures["link.wav"]


def test_encrypted_members_are_left_out(zipped, folder):
    archive = zipped(("secret.wav", b"1"), ("a.wav", b"1"))
    content = bytearray(archive.read_bytes())
    content[content.find(b"PK\x03\x04") + 6] |= 1
    content[content.find(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    unpacked = unpack(archive, folder)
    assert names(unpacked, folder) == ["a.wav"]
    assert "secret.wav is encrypted" in unpacked.failures["secret.wav"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Wren.wav", "wren.WAV"),
        ("a/Wren.wav", "A/wren.wav"),
        ("caf\u00e9.wav", "cafe\u0301.wav"),
        ("a.wav", "a.wav. "),
        ("a", "a/b.wav"),
        ("a/b.wav", "a"),
        ("a/b.wav", "a\\B.wav"),
    ],
)
def test_names_that_would_overwrite_each_other_are_left_out(zipped, folder, first, second):
    unpacked = unpack(zipped((first, b"1"), (second, b"2")), folder)
    assert names(unpacked, folder) == [first]
    assert (folder / first).read_bytes() == b"1"
    assert list(unpacked.failures) == [second]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_keeps_the_first(zipped, folder):
    unpacked = unpack(zipped(("a.wav", b"1"), ("a.wav", b"2")), folder)
    assert (folder / "a.wav").read_bytes() == b"1"
    assert "would take the place of a.wav" in unpacked.failures["a.wav"]


def test_an_archive_in_the_archive_is_left_out_by_name_and_by_content(zipped, folder):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as bundle:
        bundle.writestr("b.wav", b"2")
    unpacked = unpack(
        zipped(("in.zip", b""), ("in.wav", inner.getvalue()), ("a.wav", b"1")), folder
    )
    assert names(unpacked, folder) == ["a.wav"]
    assert set(unpacked.failures) == {"in.zip", "in.wav"}
    assert "archive inside the archive" in unpacked.failures["in.wav"]
    assert not (folder / "in.wav").exists()


def test_a_damaged_member_is_reported_and_the_rest_goes_on(zipped, folder):
    archive = zipped(("bad.wav", b"1" * 999), ("good.wav", b"2"), packed=zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[content.find(b"1111") + 500] ^= 0xFF
    archive.write_bytes(content)
    unpacked = unpack(archive, folder)
    assert names(unpacked, folder) == ["good.wav"]
    assert "bad.wav is damaged" in unpacked.failures["bad.wav"]
    assert not (folder / "bad.wav").exists()


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_cannot_be_unpacked_in_bounded_memory_are_left_out(zipped, folder, packed):
    unpacked = unpack(zipped(("a.wav", b"1"), packed=packed), folder)
    assert "pack it again with Deflate" in unpacked.failures["a.wav"]


def test_names_that_no_disk_can_store_are_left_out(zipped, folder):
    long = "x" * 300 + ".wav"
    unpacked = unpack(zipped((long, b"1"), ("bell\x07.wav", b"1"), ("a.wav", b"1")), folder)
    assert names(unpacked, folder) == ["a.wav"]
    assert set(unpacked.failures) == {long, "bell?.wav"}


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_half_an_archive_is_refused_and_leaves_nothing(zipped, folder, keep):
    archive = zipped(*[(f"{i}.wav", bytes(range(256)) * 10) for i in range(20)])
    content = archive.read_bytes()
    archive.write_bytes(content[: round(len(content) * keep)])
    with pytest.raises(RecordingError, match=r"calls\.zip is not a whole zip archive"):
        unpack(archive, folder)
    assert nothing_left(folder)


def test_too_many_files_are_refused_before_any_work(zipped, folder, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    unpack(zipped(*[(f"{i}.wav", b"1") for i in range(3)], ("__MACOSX/x", b"")), folder)
    archive = zipped(*[(f"{i}.wav", b"1") for i in range(4)], name="more.zip")
    with pytest.raises(RecordingError, match=r"more\.zip holds 4 files, more than 3; split it"):
        unpack(archive, folder.parent / "more")
    assert [path.name for path in folder.parent.iterdir()] == ["calls"]


def test_too_many_declared_bytes_are_refused_before_any_work(zipped, folder, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(archives, "_write", None)
    archive = zipped(("a.wav", bytes(600_000)), ("b.wav", bytes(600_000)))
    with pytest.raises(RecordingError, match="unpacks to more than 0.0 GB"):
        unpack(archive, folder)
    assert nothing_left(folder)


def overlapping(archive: Path, copies: int) -> None:
    """Let many entries of the directory share the data of one member."""
    content = archive.read_bytes()
    start, end = content.find(b"PK\x01\x02"), content.find(b"PK\x05\x06")
    entry = content[start:end]
    ending = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, copies, copies, len(entry) * copies, start, 0
    )
    entries = [entry.replace(b"0000.wav", f"{i:04d}.wav".encode()) for i in range(copies)]
    archive.write_bytes(content[:start] + b"".join(entries) + ending)


def test_entries_that_share_their_bytes_gain_nothing(zipped, folder, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 1_000_000)
    archive = zipped(("0000.wav", bytes(500_000)))
    overlapping(archive, 50)
    with pytest.raises(RecordingError, match="unpacks to more than 200 times its size"):
        unpack(archive, folder)
    assert nothing_left(folder)


def lie_about_size(archive: Path, size: int) -> None:
    content = bytearray(archive.read_bytes())
    struct.pack_into("<L", content, content.find(b"PK\x01\x02") + 24, size)
    archive.write_bytes(content)


def test_a_bomb_that_declares_little_is_stopped(zipped, folder, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 1_000_000)
    archive = zipped(("bomb.wav", bytes(50_000_000)))
    with pytest.raises(RecordingError, match="200 times"):
        unpack(archive, folder)
    lie_about_size(archive, 1000)
    unpacked = unpack(archive, folder)
    assert unpacked.files == ()
    assert "bomb.wav is damaged" in unpacked.failures["bomb.wav"]


def test_bytes_are_counted_as_they_are_written(zipped, folder, monkeypatch):
    monkeypatch.setattr(archives, "_check_declared", lambda *_: None)
    monkeypatch.setattr(archives, "MAX_BYTES", 3_000_000)
    written = []
    write = archives._write

    def watched(*arguments):
        for count in write(*arguments):
            written.append(count)
            yield count

    monkeypatch.setattr(archives, "_write", watched)
    with pytest.raises(RecordingError, match="unpacks to more than"):
        unpack(zipped(("a.wav", bytes(50_000_000))), folder)
    assert sum(written) <= 3_000_000 + 2**20
    assert nothing_left(folder)


def test_silence_packs_well_and_is_no_bomb(zipped, folder):
    unpacked = unpack(zipped(("silence.wav", bytes(5_000_000))), folder)
    assert unpacked.files[0].stat().st_size == 5_000_000


def test_an_archive_larger_than_the_disk_is_refused(zipped, folder, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RecordingError, match="make room first"):
        unpack(zipped(("a.wav", b"1" * 11)), folder)
    assert nothing_left(folder)


def test_an_interrupted_unpacking_never_looks_complete(zipped, folder, monkeypatch):
    archive = zipped(("a.wav", b"1"), ("b.wav", b"2"))

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_check_size", interrupt)
        with pytest.raises(KeyboardInterrupt):
            unpack(archive, folder)
    assert nothing_left(folder)
    assert names(unpack(archive, folder), folder) == ["a.wav", "b.wav"]


def test_an_archive_is_unpacked_only_once(zipped, folder, monkeypatch):
    archive = zipped(("b/a.wav", b"1"), ("../evil.wav", b"2"))
    first = unpack(archive, folder)
    monkeypatch.setattr(archives, "_fill", None)
    assert unpack(archive, folder) == first


def test_an_unpacked_folder_that_lost_a_file_is_made_again(zipped, folder):
    archive = zipped(("a.wav", b"1"), ("b.wav", b"2"))
    (unpack(archive, folder).files[0]).unlink()
    unpack(archive, folder).files[1].write_bytes(b"")
    assert [path.read_bytes() for path in unpack(archive, folder).files] == [b"1", b"2"]


def test_a_folder_that_holds_something_else_is_left_alone(zipped, folder):
    folder.mkdir(parents=True)
    assert len(unpack(zipped(("a.wav", b"1")), folder).files) == 1
    with pytest.raises(RecordingError, match="holds something else"):
        unpack(zipped(("b.wav", b"1"), name="other.zip"), folder)
    assert [path.name for path in folder.glob("*.wav")] == ["a.wav"]
