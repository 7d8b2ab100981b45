"""Set-up before a verb: everything installed, built and in place, each step skipped where its inputs did not change."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.launcher import environment, processes, services, system
from deploy.launcher.layout import Layout
from deploy.launcher.progress import Progress
from deploy.launcher.services import Given, Running


def tools(layout: Layout, progress: Progress) -> None:
    """The Python packages: enough for the checks that need neither services nor pages."""
    with processes.set_up_lock(layout):
        environment.ensure_venv(layout, progress)


def everything(layout: Layout, progress: Progress, *, browser: bool) -> None:
    """System packages, Python packages, front-end bundle, translations and static files."""
    given = Given.by(os.environ)
    with processes.set_up_lock(layout):
        # Packages of the system first: where they cannot be had, nobody should wait for the rest before being told.
        system.ensure_services(layout, progress, database=not given.database, redis=not given.redis)
        if browser:
            system.ensure_browser(layout, progress)
        environment.ensure_venv(layout, progress)
        env = services.base_environment(layout)
        environment.ensure_bundle(layout, progress, env)
        environment.ensure_catalogues(layout, progress, env)
        environment.ensure_static(layout, progress, env)


@contextmanager
def migrated(layout: Layout, progress: Progress) -> Iterator[Running]:
    """Running services with the newest tables."""
    with services.running(layout, progress) as running:
        with processes.set_up_lock(layout):
            environment.ensure_migrated(layout, progress, running.env, database=running.database)
        yield running
