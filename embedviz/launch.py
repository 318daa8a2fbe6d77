"""Starting the app: the demo set first, then the server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from embedviz.folders import demo_recordings, demo_set_path

Say = Callable[[str], None]


def prepare_demo(say: Say) -> Path:
    """Write, embed and project the demo recordings unless that was done before."""
    path = demo_set_path()
    if path.is_file():
        return path
    from embedviz.demo import write_demo
    from embedviz.embed import embed
    from embedviz.labels import from_folders
    from embedviz.models import load_model
    from embedviz.project import project
    from embedviz.recordings import gather
    from embedviz.store import write_set

    say("Writing the demo recordings …")
    folder = demo_recordings()
    write_demo(folder)
    gathered = gather([folder / "clips"], unpack_to=path.parent)
    say("Embedding them with log-mel …")
    found = embed(from_folders(gathered.recordings), load_model("logmel"))
    say(f"Projecting {len(found)} windows with UMAP (compiled on first use) …")
    write_set(found.with_projection(project(found, "umap", min_dist=0.4)), path)
    return path


def serve(host: str, port: int, say: Say) -> int:
    """Run the server until it is stopped and give its exit status."""
    from embedviz.ui.home import home

    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host
    say(f"embedviz is at http://{shown}:{port} (stop with Ctrl-C)")
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = [f"--server.port={port}", f"--server.address={host}", "--server.headless=true"]
    try:
        return subprocess.call(command + options, cwd=home())
    except KeyboardInterrupt:
        return 0
