"""Log-mel statistics as a HEAR module: 16,000 Hz, 192 values, no weights.

Timestamps: windows of 0.96 s every 0.48 s. Scene: their mean.
"""

from embedviz.hear._module import HearModule

_MODULE = HearModule("logmel")

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
