"""A real MQTT broker on loopback, with a password."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.redis_server import free_port

USER, PASSWORD = "edge", "s3cret/@"


class Mosquitto:
    """Keeps its sessions on disk, so that it may be ended and started again."""

    def __init__(self, folder: Path):
        places = "/usr/local/sbin:/usr/sbin:/sbin"
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path=places)
        passwords = shutil.which("mosquitto_passwd") or shutil.which("mosquitto_passwd", path=places)
        if binary is None or passwords is None:
            pytest.skip("mosquitto is not installed")
        self.port = free_port()
        subprocess.run([passwords, "-b", "-c", str(folder / "passwords"), USER, PASSWORD], check=True, capture_output=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {folder / 'passwords'}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "user root",
        ]
        self.config = folder / "mosquitto.conf"
        self.config.write_text("\n".join(lines) + "\n")
        self.command = [binary, "-c", str(self.config)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Mosquitto":
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None
