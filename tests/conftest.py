"""Fixtures that every kind of test shares. The database, Redis, the Celery worker and the browser are real ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation
from rest_framework.test import APIClient

from webapp.accounts.models import Jurisdiction, User
from webapp.cameras.models import Camera
from webapp.crimes.models import Incident
from webapp.forecasts.models import ForecastRun

from . import factories

ROOT = Path(__file__).resolve().parent.parent
WORKER_QUEUES = "default,ingest,train"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with the Celery worker come last: once it runs, it takes up what any test sends, also while tables are emptied."""
    items.sort(key=lambda item: "worker" in getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> None:
    """Keep uploads and models of tests out of the real data folder; a worker, if any, shares the session's folder."""
    base = Path(os.environ["HAECHI_DATA_DIR"])
    settings.UPLOAD_DIR, settings.MODEL_DIR = base / "uploads", base / "models"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one takes 50 ms a sign-in


@pytest.fixture(scope="session", autouse=True)
def _session_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["HAECHI_DATA_DIR"] = str(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True, scope="session")
def _empty_cache() -> None:
    """Nothing of an earlier run is remembered. Only once: the broker's queues live in the same Redis database."""
    cache.clear()


@pytest.fixture(autouse=True)
def _english_unless_said(settings: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests read the sentences in English, the language they are written in; those marked `korean` or `browser` in Korean."""
    korean = request.node.get_closest_marker("korean") or request.node.get_closest_marker("browser")
    settings.LANGUAGE_CODE = "ko" if korean else "en"
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True, scope="session")
def _flush_may_empty_the_audit_trail() -> Iterator[None]:
    """Between transactional tests Django empties all tables, which the audit trail's trigger rightly refuses.

    Only the owner of the table can do what this does; `tests/integration/test_audit.py` proves the refusal itself.
    """
    plain = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER USER")
        try:
            plain(self)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER USER")

    TransactionTestCase._fixture_teardown = teardown
    yield
    TransactionTestCase._fixture_teardown = plain


@pytest.fixture
def jurisdiction(db: None) -> Jurisdiction:
    return factories.make_jurisdiction()


@pytest.fixture
def other_jurisdiction(db: None) -> Jurisdiction:
    return factories.make_jurisdiction("othergu", factories.OTHER_CITY, name="다른구", name_en="Other-gu")


@pytest.fixture
def users(jurisdiction: Jurisdiction) -> dict[str, User]:
    return {role: factories.make_user(jurisdiction, role) for role in User.Role.values}


@pytest.fixture
def analyst(users: dict[str, User]) -> User:
    return users["analyst"]


@pytest.fixture
def operator(users: dict[str, User]) -> User:
    return users["operator"]


@pytest.fixture
def administrator(users: dict[str, User]) -> User:
    return users["administrator"]


@pytest.fixture
def auditor(users: dict[str, User]) -> User:
    return users["auditor"]


@pytest.fixture
def outsider(other_jurisdiction: Jurisdiction) -> User:
    """An administrator of another jurisdiction: may do everything there and nothing here."""
    return factories.make_user(other_jurisdiction, "administrator")


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """`api(user)`: an API client signed in as this person; `api(None)`: nobody."""

    def client(user: User | None) -> APIClient:
        made = APIClient()
        if user is not None:
            made.force_login(user)
        return made

    return client


@pytest.fixture
def incidents() -> Callable[..., list[Incident]]:
    return factories.make_incidents


@pytest.fixture
def cameras() -> Callable[..., list[Camera]]:
    return factories.make_cameras


@pytest.fixture
def published_run() -> Callable[..., ForecastRun]:
    return factories.make_published_run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets beside the project."""
    folder = Path(os.environ.get("HAECHI_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def worker(django_db_setup: None, django_db_blocker: Any, _session_folder: None) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker on the test database. Tests that use it need `transactional_db`, or it would not see their rows."""
    database = settings.DATABASES["default"]
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
    address = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    url = f"postgis://{database['USER']}{password}@{address}/{name}"
    if str(database["HOST"]).startswith("/"):
        url = f"postgis://{database['USER']}{password}@{database['HOST'].replace('/', '%2F')}:{database['PORT']}/{name}"
    environment = os.environ | {"DATABASE_URL": url, "HAECHI_LOG_LEVEL": "INFO"}
    log = Path(os.environ["HAECHI_DATA_DIR"]) / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "webapp", "worker", "--pool=prefork", "--concurrency=1", "--loglevel=INFO"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-Q", WORKER_QUEUES, "-n", f"test-{os.getpid()}@%h", "--purge", "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_line(process, log, "ready.")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await_line(process: subprocess.Popen[bytes], log: Path, needle: str, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while needle not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the worker did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
