"""A real RTSP server for tests: `with rtsp_server({"/gate": clip}) as server: server.url("/gate")`."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"  # the bindings of GStreamer belong to the system's Python, not to a virtual environment
PROGRAM = Path(__file__).with_name("rtsp_server.py")
PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@dataclass(frozen=True)
class RtspServer:
    """A running server. `process` may be killed by a test that wants it to fail."""

    port: int
    process: subprocess.Popen[str]

    def url(self, path: str, user: str = "") -> str:
        """Address of a clip; `user` like "name:password"."""
        return f"rtsp://{user + '@' if user else ''}127.0.0.1:{self.port}{path}"


def require_gstreamer() -> None:
    """Skip the test where the server's packages are not installed."""
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        found = False
    if not found:
        pytest.skip("GStreamer's RTSP server is absent (gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-good/-bad)")


@contextmanager
def rtsp_server(
    clips: Mapping[str, Path], *, clock_offset_s: float = 0, users: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[RtspServer]:
    """Serve these clips on loopback. `clock_offset_s`: how much its clock is ahead; `users`: who may see them (basic)."""
    require_gstreamer()
    wanted = {
        "clips": {path: str(clip) for path, clip in clips.items()},
        "clock_offset_s": clock_offset_s,
        "users": dict(users or {}),
        "port": port,
    }
    process = subprocess.Popen(
        [SYSTEM_PYTHON, str(PROGRAM), json.dumps(wanted)], stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    )
    try:
        line = process.stdout.readline().strip()
        assert line.isdigit(), "the RTSP server did not start"
        yield RtspServer(int(line), process)
    finally:
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()
