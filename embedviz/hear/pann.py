"""PANN CNN14 as a HEAR module: 32,000 Hz, 512 values (variant `cnn14`: 2048).

Timestamps: windows of 1 s, one after the other, each pooled over time by the network itself; the
last one is filled up with zeros. Scene: the whole clip in one pass, at least 0.31 s of it.
"""

from embedviz.hear._module import HearModule

_MODULE = HearModule("pann")

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
