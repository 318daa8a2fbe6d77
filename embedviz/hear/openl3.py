"""OpenL3 0.4 as a HEAR module: 48,000 Hz, `mel256_music_512`, 512 values.

The other variants have the names of embedviz's, those ending in 6144 with as many values.
Timestamps: windows of 1 s every 0.1 s, the first centred on the first sample. Scene: their mean.
"""

from embedviz.hear._module import HearModule

_MODULE = HearModule("openl3")

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
