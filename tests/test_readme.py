"""The README's Python examples run as they stand."""

import re
from pathlib import Path

import numpy as np
from conftest import tone

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_python_examples_of_the_readme_run(tmp_path, monkeypatch, write_wav):
    for name, hz in [
        ("night.wav", 400),
        ("sounds/clips/low/a.wav", 300),
        ("sounds/clips/high/b.wav", 3000),
    ]:
        write_wav(name, tone(hz, 2.0))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 2
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert names["heard"].vectors.shape[1] == 192
    assert names["heard"].patches.shape[1:] == (96, 64)
    assert names["heard"].vectors.dtype == np.float32
    assert (tmp_path / "clips.parquet").is_file()
    assert (tmp_path / "bundle" / "projector_config.json").is_file()


def test_every_picture_of_the_readme_is_there():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parents[1] / path).is_file(), path
