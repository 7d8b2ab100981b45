"""Database and Redis for one `./run`, and the environment that tells Django of them.

With DATABASE_URL or REDIS_URL given, that service is somebody else's: it is neither installed, started nor stopped.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.launcher import postgres, processes, redis, system
from deploy.launcher.commands import while_deaf
from deploy.launcher.layout import Layout
from deploy.launcher.messages import say
from deploy.launcher.progress import Progress

TEST_REDIS_DATABASE = 1


@dataclass(frozen=True)
class Given:
    """Which services the caller brings."""

    database: bool
    redis: bool

    @classmethod
    def by(cls, environ: Mapping[str, str]) -> "Given":
        return cls(
            database=bool(environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE")),
            redis=bool(environ.get("REDIS_URL") or environ.get("REDIS_URL_FILE")),
        )


@dataclass(frozen=True)
class Running:
    """What a verb needs to know of the running services."""

    env: dict[str, str]
    database: str  # name of the private cluster; empty for somebody else's


def base_environment(layout: Layout) -> dict[str, str]:
    """Environment for Django without services: enough for build steps that touch no database."""
    env = dict(os.environ)
    env["PATH"] = f"{layout.venv / 'bin'}:{env.get('PATH', os.defpath)}"
    env["VIRTUAL_ENV"] = str(layout.venv)
    env["PYTHONUNBUFFERED"] = "1"
    env.pop("PYTHONHOME", None)
    env.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    env.setdefault("HAECHI_DATA_DIR", str(layout.data))
    env.setdefault("HAECHI_STATIC_ROOT", str(layout.static))
    if not (env.get("HAECHI_SECRET_KEY") or env.get("HAECHI_SECRET_KEY_FILE")):
        env["HAECHI_SECRET_KEY"] = layout.secret("secret_key")
    return env


@contextmanager
def running(layout: Layout, progress: Progress, *, for_tests: bool = False) -> Iterator[Running]:
    """Services for the block; the last `./run` that leaves stops the private ones."""
    given = Given.by(os.environ)
    env = base_environment(layout)
    users = processes.Users(layout)
    database = ""
    try:
        with processes.set_up_lock(layout):
            users.enter()
            system.ensure_services(layout, progress, database=not given.database, redis=not given.redis)
            if not given.database:
                cluster, port = postgres.ensure_running(layout, progress)
                env["DATABASE_URL"], database = cluster.url(port), cluster.name
            if not given.redis:
                redis.ensure_running(layout, progress)
                env["REDIS_URL"] = redis.url(layout, TEST_REDIS_DATABASE if for_tests else 0)
        yield Running(env=env, database=database)
    finally:
        with while_deaf():
            if users.leave():
                stop(layout)


def stop(layout: Layout) -> bool:
    """Stop the private services that run. True if one did."""
    stopped = [name for name, stop_it in (("Redis", redis.stop), ("The private database", postgres.stop)) if stop_it(layout)]
    for name in stopped:
        say(f"{name} stopped.")
    return bool(stopped)
