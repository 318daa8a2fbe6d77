"""How a cluster's nodes are shared among workers, and what a worker refuses; without a cluster."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

import embedviz
from embedviz.cli_cluster import embed_on_cluster
from embedviz.cluster.crew import Crew
from embedviz.cluster.orders import Loaded, Order, Task
from embedviz.cluster.places import Places, connected, places
from embedviz.cluster.run import embed_with_ray
from embedviz.cluster.tally import Tally
from embedviz.cluster.worker import Worker
from embedviz.data import Recording
from embedviz.errors import EmbedvizError, SetError
from embedviz.partitions import Outcome
from embedviz.progress import Progress

SMALL, LARGE, CARDS = {"CPU": 2.0}, {"CPU": 64.0}, {"CPU": 16.0, "GPU": 8.0}
HEAD = {"CPU": 0.0}
VERSION = embedviz.__version__
ASKED = {"m": {"weights": "a"}}


@pytest.mark.parametrize(
    ("nodes", "wishes", "expected"),
    [
        ([SMALL], {}, Places(1, 2, 0)),
        ([SMALL], {"cpus": 1}, Places(2, 1, 0)),
        ([HEAD, LARGE, LARGE], {}, Places(32, 4, 0)),
        ([HEAD, LARGE], {"cpus": 16}, Places(4, 16, 0)),
        ([CARDS, LARGE], {}, Places(8, 2, 1)),
        ([CARDS], {"gpus": 0.5}, Places(16, 1, 0.5)),
        ([CARDS], {"gpus": 0}, Places(4, 4, 0)),
    ],
)
def test_nodes_are_shared_among_workers(nodes, wishes, expected):
    assert places(nodes, **wishes) == expected


@pytest.mark.parametrize("wishes", [{"cpus": 4}, {"gpus": 1}])
def test_a_worker_that_fits_nowhere_is_refused(wishes):
    with pytest.raises(EmbedvizError, match="No node of the cluster has room .* 2 CPUs and 0 GPUs"):
        places([SMALL, HEAD], **wishes)


def test_without_ray_the_requirement_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EmbedvizError, match=r"pip install -r requirements-cluster\.txt"):
        connected(None).__enter__()


def test_a_cluster_that_does_not_answer_is_named_at_once():
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(EmbedvizError, match=r"cannot be reached at 127\.0\.0\.1:1 "):
        connected("127.0.0.1:1").__enter__()


def test_a_node_without_the_recordings_is_named(monkeypatch):
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "1")  # put back after the test
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    worker = Worker(Order(variants={}, folders={}), threads=1, environment={})
    with pytest.raises(EmbedvizError, match=r"cannot read /elsewhere/a\.wav; .* same path"):
        worker.load(Path("/elsewhere/a.wav"))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Loaded("node-7", "0.0.1", ASKED), r"node-7 has embedviz 0\.0\.1, this machine "),
        (
            Loaded("node-7", VERSION, {"m": {"weights": "b"}}),
            "node-7 and node-1 have other weights",
        ),
    ],
)
def test_workers_that_would_give_other_vectors_are_refused(other, words):
    crew = Crew(
        Order({"m": None}, {"m": "/m.parquet"}),
        example=Path("a.wav"),
        count=lambda: Places(2, 1, 0),
        most=2,
        environment={},
        say=lambda sentence: None,
    )
    crew.welcome(Loaded("node-1", VERSION, ASKED))
    with pytest.raises(EmbedvizError, match=words):
        crew.welcome(other)


def test_memory_is_no_place_for_parts():
    recording = Recording("a.wav", Path("a.wav"), 1.0, 16000, 1)
    with pytest.raises(SetError, match="memory of one process"):
        embed_with_ray([recording], Order({"logmel": None}, {"logmel": "memory://a.parquet"}))


@pytest.mark.parametrize(
    ("names", "out", "words"),
    [
        (["logmel"], "s3://bucket/folder", "wanted a name that ends in .parquet"),
        (["logmel", "vggish"], "all.parquet", "wanted a plain folder"),
    ],
)
def test_a_name_for_the_parts_that_does_not_fit_is_refused(names, out, words):
    with pytest.raises(click.UsageError, match=words):
        embed_on_cluster(
            [],
            {},
            names=names,
            variants={},
            precision="float32",
            per="window",
            hop_s=None,
            channel=None,
            out=out,
            address=None,
        )


def test_progress_adds_up_what_all_workers_do():
    def recording(name):
        return Recording(name, Path(name), 10.0, 16000, 1)

    first = Task(0, (recording("a"), recording("b")), ("m",))
    second = Task(1, (recording("c"),), ("m",))
    told = []
    tally = Tally([first, second], lambda name, progress: told.append(progress))
    tally.see(0, {"m": Progress("b", 5.0, 10.0, 15.0, 20.0, 1, 2, 0)})
    tally.see(1, {"m": Progress("c", 4.0, 10.0, 4.0, 10.0, 0, 1, 0)})
    tally.report()
    assert (told[-1].done_s, told[-1].total_s) == (19.0, 30.0)
    assert (told[-1].recordings_done, told[-1].recordings) == (1, 3)
    tally.forget(1)
    tally.add(first, {"m": Outcome(None, {"a": "a: no."})})
    tally.report()
    assert (told[-1].done_s, told[-1].recordings_done, told[-1].failures) == (20.0, 2, 1)


def test_workers_and_ray_are_not_loaded_with_the_commands():
    code = (
        "import sys, embedviz.cli, embedviz.cli_cluster, embedviz.cluster.run\n"
        "assert not {'ray', 'fsspec', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
