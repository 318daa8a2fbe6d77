"""Keeping Streamlit's hands off Keras.

After every run of a page, also the half-second looks at a job's progress, Streamlit 1.67 calls
`keras.backend.clear_session()` wherever Keras is loaded. That resets Keras for the whole process
while the worker thread may be building a network in it, and collects all garbage, which with
TensorFlow loaded takes half a second each time. Traced graphs need no such reset.
"""

from __future__ import annotations

from streamlit.runtime.scriptrunner import script_runner

HOOK = "_clean_problem_modules"


def keep_keras_state() -> None:
    """Leave Keras alone after page runs, for this process."""
    if hasattr(script_runner, HOOK):
        setattr(script_runner, HOOK, lambda: None)
