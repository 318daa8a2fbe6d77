"""EfficientAT as a HEAR module: 32,000 Hz, `mn04`, 384 values (`mn10`: 960, `mn40`: 3840).

Timestamps: windows of 160 ms every 50 ms, the clip mirrored at its ends, as the authors' own HEAR
module cuts them; embedviz's other rows of this model stand for 10 s. Scene: the whole clip in one
pass, which the authors do up to 10 s and embedviz up to 10 minutes.

Source: https://github.com/fschmid56/EfficientAT_HEAR
"""

from embedviz.hear._module import HearModule
from embedviz.models.passt import TIMESTAMPS

_MODULE = HearModule("efficientat", framing=TIMESTAMPS)

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
