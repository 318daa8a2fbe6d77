"""Kumar's weakly labelled network as a HEAR module: 44,100 Hz, 1024 values of layer 18.

Timestamps: segments of 1.486 s every 0.743 s. Scene: their mean.
"""

from embedviz.hear._module import HearModule

_MODULE = HearModule("kumar")

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
