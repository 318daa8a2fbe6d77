"""A real Ray cluster of two nodes on this machine: lost workers and nodes, stops, refusals."""

import os
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from cluster_workers import BareWorker, LosingWorker, PatientWorker, QuickWorker
from conftest import tone

from embedviz import models, shards
from embedviz.cluster import hands
from embedviz.cluster.orders import Order
from embedviz.cluster.places import QUIET
from embedviz.cluster.run import embed_with_ray
from embedviz.embed import embed_with_all
from embedviz.errors import Cancelled, EmbedvizError, RecordingError, SetError, WeightsError
from embedviz.partitions import parts
from embedviz.recordings import gather
from embedviz.store import read_set

THREADS = os.cpu_count()
NODE = {"num_cpus": THREADS, "object_store_memory": 80 * 2**20, "include_dashboard": False}

pytestmark = [
    # Not `importorskip`: Ray reads some of its variables when it is imported, see `nodes`.
    pytest.mark.skipif(
        find_spec("ray") is None,
        reason="Ray is not installed: pip install -r requirements-cluster.txt",
    ),
    pytest.mark.xdist_group("cluster"),
    # Ray leaves files and sockets of the processes that it starts to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*"),
]


@pytest.fixture(scope="module")
def nodes():
    """Two nodes, each with as many CPUs as this process has threads: then vectors are the same."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # for `cluster_workers`
        from ray.cluster_utils import Cluster

        cluster = Cluster()
        for _ in range(2):
            cluster.add_node(**NODE)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def quick(monkeypatch):
    """Workers without a model, and one recording a shard."""
    monkeypatch.setattr(hands, "Worker", QuickWorker)
    monkeypatch.setattr(shards, "SHARD_S", 0.5)


@pytest.fixture
def clips(write_wav, tmp_path):
    """Write a second of sound under each name and give the recordings."""

    def write(*names):
        for name in names:
            write_wav(f"clips/{name}", tone(440, 1.0))
        return gather([tmp_path / "clips"], unpack_to=tmp_path / "unpacked").recordings

    return write


def order(out, **settings):
    return Order(variants={"quick": None}, folders={"quick": str(out)}, **settings)


def workers_at_work():
    """Give the processes in which workers of this test embed."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "Worker.work" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_two_workers_of_which_one_is_killed_give_what_one_machine_gives(
    nodes, write_wav, tmp_path, monkeypatch
):
    monkeypatch.setattr(hands, "Worker", PatientWorker)
    monkeypatch.setattr(shards, "SHARD_S", 20.0)
    rng = np.random.default_rng(5)
    for number in range(8):
        write_wav(f"night/{number}.wav", rng.normal(0, 0.1, 10 * 16000))
    write_wav("night/4-nan.wav", np.full(16000, np.nan, np.float32), subtype="FLOAT")
    recordings = gather([tmp_path / "night"], unpack_to=tmp_path / "unpacked").recordings
    killed, told, said = [], [], []

    def kill_one(name, progress):
        told.append(progress)
        if not killed and (at_work := workers_at_work()):
            killed.append(at_work[0])
            at_work[0].kill()

    names = ("logmel", "hear:hear_modules.good")
    made = embed_with_ray(
        recordings,
        Order(
            dict.fromkeys(names), {name: str(tmp_path / f"{name[:4]}.parquet") for name in names}
        ),
        address=nodes.address,
        cpus=THREADS,
        progress=kill_one,
        say=said.append,
    )
    assert killed
    assert re.fullmatch(r"Shard \d is tried again, 2 of 3 \(.+\)\.", said[0])
    assert told[-1].done_s == pytest.approx(told[-1].total_s) == pytest.approx(81)
    assert told[-1].recordings_done == told[-1].recordings == 9
    assert told[-1].failures == 1

    monkeypatch.setenv("EMBEDVIZ_CACHE", str(tmp_path / "another cache"))
    alone = embed_with_all(recordings, {name: models.load_model(name) for name in names})
    for name in names:
        assert made[name] == parts(tmp_path / f"{name[:4]}.parquet")
        assert len(made[name].parts) == 4
        assert_same(made[name], alone[name])


def assert_same(made, alone):
    found = [read_set(Path(made.address) / part.name) for part in made.parts]
    for values in ("vectors", "thumbnails"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(one, values) for one in found]), getattr(alone, values)
        )
    table = pd.concat([one.table for one in found], ignore_index=True)
    pd.testing.assert_frame_equal(table, alone.table)
    assert made.failures == alone.provenance.failures
    assert made.rows == len(alone)


def test_a_recording_that_kills_every_worker_is_given_up_and_the_rest_go_on(
    nodes, quick, clips, tmp_path, embedviz_command
):
    clips("a.wav", "crooked.wav", "deadly.wav", "z.wav")
    (tmp_path / "clips" / "none.wav").touch()
    out = tmp_path / "set.parquet"
    command = ["embed", tmp_path / "clips", "--model", "quick", "--out", out]
    said = embedviz_command(*command, "--engine", "ray", "--address", nodes.address, status=3)
    assert said.out == f"{out}: 2 rows in 2 parts from 2 recordings, quick\n"
    failures = parts(out).failures
    assert sorted(failures) == ["crooked.wav", "deadly.wav", "none.wav"]
    assert "given up after 3 tries" in failures["deadly.wav"]
    assert "ZeroDivisionError: a bug in some library" in failures["crooked.wav"]
    for sentence in failures.values():
        assert f"warning: {sentence}" in said.err
    assert "note: Shard 2 is tried again, 3 of 3" in said.err


def test_a_lost_node_is_done_without(nodes, quick, clips, tmp_path):
    recordings = clips(*(f"slow{number}.wav" for number in range(12)))
    gone = []

    def lose_a_node(name, progress):
        if not gone and progress.recordings_done >= 2:
            gone.append(nodes.list_all_nodes()[-1])
            nodes.remove_node(gone[0], allow_graceful=False)

    out = tmp_path / "set.parquet"
    try:
        embed_with_ray(recordings, order(out), address=nodes.address, progress=lose_a_node)
    finally:
        nodes.add_node(**NODE)
    assert gone
    assert parts(out).rows == 12
    assert parts(out).failures == {}


def test_a_stopped_run_goes_on_with_what_is_missing(nodes, quick, clips, tmp_path):
    recordings = clips(*(f"slow{number}.wav" for number in range(6)))
    out = f"local://{tmp_path}/set.parquet"  # behind fsspec, like every address

    def stop(name, progress):
        if progress.recordings_done >= 3:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        embed_with_ray(recordings, order(out), address=nodes.address, progress=stop)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/part-*")}
    assert 3 <= len(before) < 6
    with pytest.raises(SetError, match="not finished"):
        parts(out)

    said, told = [], []
    embed_with_ray(
        recordings,
        order(out),
        address=nodes.address,
        progress=lambda name, progress: told.append(progress),
        say=said.append,
    )
    assert said == [f"{len(before)} of 6 shards are there already."]
    assert told[-1].total_s == pytest.approx(6 - len(before))
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/part-*")}
    assert len(after) == parts(out).rows == 6
    assert before.items() <= after.items()

    with pytest.raises(SetError, match="its hop is None, this one's 0.5"):
        embed_with_ray(recordings, order(out, hop_s=0.5), address=nodes.address)


def test_where_nothing_can_be_heard_there_is_no_set(nodes, quick, clips, tmp_path):
    found = embed_with_ray(
        clips("crooked.wav"), order(tmp_path / "s.parquet"), address=nodes.address
    )
    assert isinstance(found["quick"], RecordingError)
    assert "Not one of 1 recordings could be heard" in str(found["quick"])
    assert not (tmp_path / "s.parquet" / "_embedviz.json").exists()


def test_workers_that_are_lost_while_they_load_end_the_run(
    nodes, quick, clips, tmp_path, monkeypatch
):
    monkeypatch.setattr(hands, "Worker", LosingWorker)
    with pytest.raises(EmbedvizError, match="3 workers were lost while they loaded the models"):
        embed_with_ray(clips("a.wav"), order(tmp_path / "s.parquet"), address=nodes.address)


def test_a_worker_without_the_weights_is_done_without(nodes, quick, clips, tmp_path, monkeypatch):
    monkeypatch.setattr(hands, "Worker", BareWorker)
    recordings, said = clips(*(f"slow{number}.wav" for number in range(4))), []
    out = tmp_path / "set.parquet"
    embed_with_ray(recordings, order(out), address=nodes.address, say=said.append)
    assert said == [
        "One worker gets no work. On node-7: the weights of Quick are not there; fetch them."
    ]
    assert parts(out).rows == 4
    assert parts(out).failures == {}


def test_weights_that_a_node_lacks_are_named(nodes, clips, tmp_path):
    wanted, said = Order({"vggish": None}, {"vggish": str(tmp_path / "s.parquet")}), []
    with pytest.raises(WeightsError, match=r"On .+: .*embedviz weights fetch vggish"):
        embed_with_ray(clips("a.wav"), wanted, address=nodes.address, say=said.append)
    assert said == []
    assert not (tmp_path / "s.parquet").exists()
