"""A worker of a cluster without a model, so that a test waits for Ray and not for TensorFlow."""

import os
import signal
import time

import numpy as np
import pandas as pd

import embedviz
from embedviz.cluster.orders import Loaded
from embedviz.cluster.worker import Worker
from embedviz.data import EmbeddingSet, Provenance, Source
from embedviz.errors import WeightsError
from embedviz.partitions import Outcome, part_name, part_of
from embedviz.storage import folder
from embedviz.store import write_set


class PatientWorker(Worker):
    """Pauses in the middle of every recording, so that a test can interfere there."""

    def _note(self, model, progress):
        super()._note(model, progress)
        time.sleep(0.1)


class QuickWorker(Worker):
    """Writes one row a recording; what a recording is called decides what happens to it."""

    def load(self, example):
        asked = {"model": "quick", "hop": self._order.hop_s}
        return Loaded("node", embedviz.__version__, dict.fromkeys(self._order.variants, asked))

    def work(self, task):
        for recording in task.recordings:
            if "slow" in recording.name:
                time.sleep(0.3)
            if "deadly" in recording.name:
                os.kill(os.getpid(), signal.SIGKILL)
            if "crooked" in recording.name:
                raise ZeroDivisionError("a bug in some library")
        name = part_name(task.shard)
        made = quick_set(task.recordings)
        for model in task.models:
            with folder(self._order.folders[model]).receive(name) as path:
                write_set(made, path)
        outcome = Outcome(part_of(name, len(made), made.provenance), {})
        return dict.fromkeys(task.models, outcome)


class LosingWorker(QuickWorker):
    """Is lost while it loads."""

    def load(self, example):
        os.kill(os.getpid(), signal.SIGKILL)


class BareWorker(QuickWorker):
    """Lacks the weights, if it is the first that looks for them."""

    def load(self, example):
        try:
            example.with_suffix(".taken").touch(exist_ok=False)
        except FileExistsError:
            time.sleep(0.3)
            return super().load(example)
        raise WeightsError("On node-7: the weights of Quick are not there; fetch them.")


def quick_set(recordings):
    names = [recording.name for recording in recordings]
    return EmbeddingSet(
        table=pd.DataFrame({"recording": names, "start_s": 0.0, "stop_s": 1.0}),
        vectors=np.array([[len(name), os.getpid()] for name in names], np.float32),
        provenance=Provenance(
            model="quick",
            variant="default",
            weights={},
            verified=True,
            rate_hz=16000,
            window_s=1.0,
            hop_s=1.0,
            per="recording",
            precision="float32",
            version=embedviz.__version__,
            recordings={one.name: Source(str(one.path), "0", 1.0, 16000, 1) for one in recordings},
        ),
    )
