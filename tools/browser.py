"""Find a Chromium for the browser tests, or install one: `python tools/browser.py`.

First whatever is installed, then Debian's own package, then the build that Playwright downloads.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = ("Google Chrome", "Chromium")


def find() -> Path | None:
    """Give a Chromium or Chrome that starts, or None; `CHROME_PATH` names one's own."""
    return next((path for path in _candidates() if _starts(path)), None)


def install() -> Path | None:
    """Find a browser, installing one if need be; None if that failed."""
    if not _driver_starts() and not (_apt_get("libatomic1") and _driver_starts()):
        return None
    for way in (find, _from_debian, _from_playwright):
        if (path := way()) is not None:
            return path
    return None


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("CHROME_PATH"):
        yield Path(chosen)
    yield from (Path(found) for name in NAMES if (found := shutil.which(name)))
    yield from (Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in APPLICATIONS)
    if (path := _playwrights_own()) is not None:
        yield path


def _playwrights_own() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.is_file() else None


def _starts(path: Path) -> bool:
    # Ubuntu's chromium-browser is a stub that only asks for a snap, so a name is not enough.
    try:
        return _run([str(path), "--version"], timeout_s=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _driver_starts() -> bool:
    """Tell whether what drives the browser starts; a bare Debian lacks one of its libraries."""
    return _run([sys.executable, "-m", "playwright", "--version"], timeout_s=60).returncode == 0


def _from_debian() -> Path | None:
    return find() if _apt_get("chromium") else None


def _apt_get(package: str) -> bool:
    """Install a package of Debian's; tell whether that went well."""
    if not shutil.which("apt-get") or "ID=debian" not in _os_release().splitlines():
        return False
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    sys.stdout.write(f"Installing Debian's {package} …\n")
    sys.stdout.flush()
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", package]):
        try:
            if _run([*root, *command], timeout_s=900).returncode != 0:
                return False
        except (OSError, subprocess.TimeoutExpired):
            return False
    return True


def _from_playwright() -> Path | None:
    sys.stdout.write("Downloading Playwright's Chromium …\n")
    sys.stdout.flush()
    # The libraries around it need root; without it the machine's own may do.
    extra = ["--with-deps"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = [sys.executable, "-m", "playwright", "install", *extra, "chromium"]
    return find() if subprocess.run(command, check=False).returncode == 0 else None


def _run(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        command, capture_output=True, check=False, timeout=timeout_s, env=environment
    )


def _os_release() -> str:
    path = Path("/etc/os-release")
    return path.read_text() if path.is_file() else ""


def main() -> int:
    """Install a browser if there is none and say where it is."""
    path = install()
    if path is None:
        sys.stderr.write(
            "No Chromium that Playwright can drive was found or could be installed; install "
            "Chromium or Google Chrome, or set CHROME_PATH, and see that "
            "`python -m playwright --version` works.\n"
        )
        return 1
    sys.stdout.write(f"Browser tests use {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
