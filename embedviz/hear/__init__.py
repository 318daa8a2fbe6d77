"""Every model as a HEAR 2021 module: `embedviz.hear.vggish` and so on, one file a model.

A HEAR module offers `load_model(model_file_path="")`, `get_timestamp_embeddings(audio, model)`
and `get_scene_embeddings(audio, model)`. Source: https://hearbenchmark.com/hear-api.html
"""

from __future__ import annotations

RATES_HZ = (16000, 22050, 32000, 44100, 48000)
"""The sample rates that HEAR allows."""
