"""Google's humpback model as a HEAR module: 16,000 Hz, 2048 values.

The model hears 10,000 Hz, which HEAR does not allow. So the module states 16,000 Hz and resamples
inside (soxr HQ), although HEAR asks modules not to.

Timestamps: windows of 3.84 s every 0.48 s, each centred on its time, with silence before and after
the clip. So the first stands at 0 ms and a clip of one second has three of them. Scene: the mean of
the model's own windows, one after the other.
"""

from embedviz.facts import Framing
from embedviz.hear._module import HearModule

_MODULE = HearModule(
    "humpback",
    framing=Framing(
        window_s=3.84,
        window_samples=39_124,
        hop_s=0.48,
        tail="drop",
        lead_samples=19_200,
        trail_samples=19_924,
    ),
    rate_hz=16000,
)

load_model = _MODULE.load_model
get_timestamp_embeddings = _MODULE.get_timestamp_embeddings
get_scene_embeddings = _MODULE.get_scene_embeddings
