"""A HEAR module that keeps the contract: mean levels around points 100 ms apart.

Row n of a sound holds the mean magnitude of the 50 ms before and after n * 100 ms, so that a test
can tell where in a recording a row was heard. The scene is the mean, the largest and the smallest.
"""

import numpy as np
import tensorflow as tf

HOP_S = 0.1


class Levels(tf.Module):
    sample_rate = 16000
    timestamp_embedding_size = 2
    scene_embedding_size = 3

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain


def load_model(model_file_path: str = "", variant: str = "quiet") -> Levels:
    if model_file_path:
        with open(model_file_path, encoding="utf-8") as file:
            return Levels(float(file.read()))
    return Levels({"quiet": 1.0, "loud": 100.0}[variant])


def get_timestamp_embeddings(audio, model):
    hop = round(HOP_S * model.sample_rate)
    magnitudes = np.abs(np.asarray(audio, np.float64))
    count = magnitudes.shape[1] // hop + 1
    padded = np.pad(magnitudes, [(0, 0), (hop // 2, 2 * hop)])
    halves = padded[:, : count * hop].reshape(len(padded), count, 2, hop // 2).mean(axis=3)
    times_ms = np.tile(np.arange(count) * 1000 * HOP_S, (len(padded), 1))
    return tf.constant(model.gain * halves, tf.float32), tf.constant(times_ms, tf.float32)


def get_scene_embeddings(audio, model):
    magnitudes = np.abs(np.asarray(audio, np.float64))
    found = [magnitudes.mean(axis=1), magnitudes.max(axis=1), magnitudes.min(axis=1)]
    return tf.constant(model.gain * np.stack(found, axis=1), tf.float32)
