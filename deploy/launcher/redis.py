"""The private Redis: on loopback behind a password, with an append-only file so that no waiting task is lost."""

import json
import os
import secrets
import signal
import socket
import time
from pathlib import Path

from deploy.launcher import processes, system
from deploy.launcher.layout import Layout, read_json, write_atomically
from deploy.launcher.messages import Trouble
from deploy.launcher.progress import Progress

NAME = "redis"
START_PATIENCE_S = 30
STOP = ((signal.SIGTERM, 20.0),)


def url(layout: Layout, database: int = 0) -> str:
    state = read_json(layout.local / "redis.json")
    return f"redis://:{state['password']}@{processes.LOOPBACK}:{state['port']}/{database}"


def ensure_running(layout: Layout, progress: Progress) -> None:
    """Start Redis where it does not run yet and wait until it answers."""
    if processes.alive(layout, NAME):
        return
    program = system.redis_program()
    if program is None:
        raise Trouble("Redis was not found. `./run doctor` says how to install it.")
    state_file = layout.local / "redis.json"
    state = read_json(state_file)
    password = state.get("password") or secrets.token_urlsafe(32)
    port = processes.free_port(int(state.get("port", 0)))
    write_atomically(state_file, json.dumps({"port": port, "password": password}), mode=0o600)
    with progress.step("Start the private Redis", key="redis", default_s=1):
        running = processes.start(layout, NAME, [program, _configuration(layout, port, password)], env=os.environ)
        until = time.monotonic() + START_PATIENCE_S
        while not _answers(port, password):
            if running.poll() is not None or time.monotonic() > until:
                stop(layout)
                raise Trouble(f"Redis did not start on port {port}. Log: {layout.log(NAME)}")
            time.sleep(0.05)


def stop(layout: Layout) -> bool:
    return processes.end(layout, NAME, orders=STOP)


def _configuration(layout: Layout, port: int, password: str) -> Path:
    folder = layout.local / "redis"
    folder.mkdir(exist_ok=True)
    path = folder / "redis.conf"
    lines = [
        f"bind {processes.LOOPBACK}",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        "daemonize no",
        "appendonly yes",
        'save ""',
        "set-proc-title no",  # the command line stays as it was started, which tells this Redis from another
        "maxmemory-policy noeviction",  # a broker must not forget
    ]
    write_atomically(path, "\n".join(lines), mode=0o600)
    return path


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection((processes.LOOPBACK, port), timeout=1) as link:
            link.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while b"PONG" not in answer and (part := link.recv(256)):
                answer += part
    except OSError:
        return False
    return b"PONG" in answer
