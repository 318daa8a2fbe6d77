"""PaSST as a HEAR module: 32,000 Hz, 1295 values: 527 logits, then 768 features.

Variant `features` gives the 768 alone. Both embeddings are those of hear21passt.base. Timestamps:
windows of 160 ms every 50 ms, the clip mirrored at its ends. Scene: one pass up to 10 s, beyond the
mean of 10 s every 2.5 s.
"""

from embedviz.hear._module import HearModule

_MODULE = HearModule("passt")

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
