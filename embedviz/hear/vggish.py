"""VGGish as a HEAR module: 16,000 Hz, 128 values before any activation.

Variant `postprocessed` gives the form of the AudioSet release. Timestamps: windows of 0.96 s, one
after the other; sound after the last whole one is left out. Scene: their mean.
"""

from embedviz.hear._module import HearModule

_MODULE = HearModule("vggish")

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
