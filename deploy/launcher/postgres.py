"""The private PostgreSQL cluster: made once with data checksums, on loopback only, behind a password of its own.

PostgreSQL refuses to run as root; then another user owns and runs it. Where that user cannot reach `.local/` (a checkout in
somebody's private folder), the cluster lies in /var/lib/haechi/<name>, where <name> comes from the checkout's path.
`.local/postgres.json` remembers the place and the port.
"""

import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.launcher import processes, system
from deploy.launcher.commands import identity, output_of, run_logged
from deploy.launcher.layout import Layout, read_json, read_text, write_atomically
from deploy.launcher.messages import Trouble, say
from deploy.launcher.progress import Progress

ELSEWHERE = Path("/var/lib/haechi")
ROLE = DATABASE = "haechi"
ACCOUNTS = ("postgres", "haechi")
CLUSTER_BYTES = 1_000_000_000
START_ATTEMPTS = 3
# Room for a city's rates and back-tests on a small machine; everything else is PostgreSQL's default.
SETTINGS = """
# --- Haechi ---
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


@dataclass(frozen=True)
class Cluster:
    """A private cluster on disk."""

    home: Path
    account: str | None  # the user who owns and runs it, where that is not the caller
    programs: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def name(self) -> str:
        """Random text made with the cluster: tells it from one that replaced it."""
        return read_text(self.home / "name")

    def url(self, port: int, database: str = DATABASE) -> str:
        return f"postgis://{ROLE}:{read_text(self.home / 'password')}@{processes.LOOPBACK}:{port}/{database}"

    def postmaster(self) -> tuple[int, int] | None:
        """Process id and port of the running server; None where it does not run."""
        lines = read_text(self.data / "postmaster.pid").splitlines()
        if len(lines) < 4 or not lines[0].isdigit():
            return None
        pid = int(lines[0])
        ours = processes.started_at(pid) is not None and str(self.data) in processes.command_line(pid)
        return (pid, int(lines[3])) if ours else None


def find(layout: Layout) -> Cluster | None:
    """The cluster made before for this checkout, with the programs of its own version; None where there is none."""
    remembered = read_json(layout.local / "postgres.json").get("home", "")
    for home in (Path(remembered), layout.local / "postgres", _elsewhere(layout)):
        version = read_text(home / "data" / "PG_VERSION") if home.is_absolute() else ""
        if version:
            fitting = [one for one in system.postgres_versions() if str(one.version) == version]
            if not fitting:
                raise Trouble(
                    f"The database cluster in {home} was made by PostgreSQL {version}, which is not installed any more. "
                    f"Install it (sudo apt-get install -y postgresql-{version} postgresql-{version}-postgis-3), "
                    "or move that folder away to begin anew."
                )
            owner = pwd.getpwuid((home / "data").stat().st_uid)
            return Cluster(
                home=home, account=None if owner.pw_uid == os.geteuid() else owner.pw_name, programs=fitting[0].programs
            )
    return None


def ensure_running(layout: Layout, progress: Progress) -> tuple[Cluster, int]:
    """The cluster, made and started where it is not yet; returns it and its port."""
    cluster = find(layout) or _make(layout, progress)
    running = cluster.postmaster()
    if running:
        return cluster, running[1]
    port = _start(layout, progress, cluster)
    _ensure_database(layout, cluster, port)
    return cluster, port


def stop(layout: Layout) -> bool:
    """Stop the private server where it runs. True if it did."""
    cluster = find(layout)
    if cluster is None or cluster.postmaster() is None:
        return False
    args: list[str | Path] = [cluster.programs / "pg_ctl", "stop", "-D", cluster.data, "-m", "fast", "-w", "-t", "60"]
    run_logged(args, what="Stopping PostgreSQL", log=layout.log("postgres"), cwd=Path("/"), account=cluster.account)
    return True


# --- making -----------------------------------------------------------------------------------------
def _make(layout: Layout, progress: Progress) -> Cluster:
    found = system.usable_postgres()
    if found is None:
        raise Trouble("PostgreSQL with PostGIS was not found. `./run doctor` says how to install it.")
    account = _server_account(layout)
    home = _home_for(layout, account)
    cluster = Cluster(home=home, account=account, programs=found.programs)
    system.require_space(home, least_bytes=CLUSTER_BYTES, purpose="the database")
    draft = home / "data.new"
    with progress.step("Make the private database cluster", key="initdb", default_s=6):
        shutil.rmtree(draft, ignore_errors=True)  # what an interrupted attempt left
        password = home / "password"
        for path, text in ((password, secrets.token_urlsafe(32)), (home / "name", secrets.token_hex(16))):
            write_atomically(path, text, mode=0o600)
            _give(path, account)
        args: list[str | Path] = [cluster.programs / "initdb", "-D", draft, "-U", ROLE, "--pwfile", password]
        args += ["--auth", "scram-sha-256", "--data-checksums", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        run_logged(args, what="Making the database cluster", log=layout.log("postgres"), cwd=Path("/"), account=account)
        with (draft / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(SETTINGS)
        draft.replace(cluster.data)
    write_atomically(layout.local / "postgres.json", json.dumps({"home": str(home)}))
    return cluster


def _server_account(layout: Layout) -> str | None:
    """The user to run PostgreSQL as: nobody else for a plain user; for root `postgres`, else `haechi`, made where missing."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for account in ACCOUNTS:
        if account in known:
            return account
    make = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNTS[-1]]
    run_logged(make, what="Making the system user haechi for the database", log=layout.log("postgres"), cwd=layout.root)
    return ACCOUNTS[-1]


def _home_for(layout: Layout, account: str | None) -> Path:
    """A folder that the server's user can reach and owns."""
    home = layout.local / "postgres"
    if account is not None and not _can_reach(layout.local, account):
        home = _elsewhere(layout)
        say(f"  The user {account} cannot reach {layout.local}, so the database lies in {home}.")
        ELSEWHERE.mkdir(parents=True, exist_ok=True)
        ELSEWHERE.chmod(0o755)  # whatever the caller's umask says
    home.mkdir(parents=True, exist_ok=True)
    write_atomically(home / "checkout", str(layout.root))
    _give(home, account)
    home.chmod(0o700)
    return home


def _can_reach(folder: Path, account: str) -> bool:
    """Whether that user may pass through the folder and all above it."""
    asked = subprocess.run(["/usr/bin/test", "-x", str(folder)], cwd="/", check=False, **identity(account))  # type: ignore[call-overload]
    return bool(asked.returncode == 0)


def _elsewhere(layout: Layout) -> Path:
    return ELSEWHERE / hashlib.sha256(str(layout.local.resolve()).encode()).hexdigest()[:16]


def _give(path: Path, account: str | None) -> None:
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def abandoned() -> list[Path]:
    """Clusters under /var/lib/haechi whose checkout is gone; `doctor` names them, nobody deletes them unasked."""
    try:
        homes = sorted(ELSEWHERE.iterdir())
        return [home for home in homes if (checkout := read_text(home / "checkout")) and not Path(checkout).exists()]
    except (FileNotFoundError, PermissionError):
        return []


# --- starting ---------------------------------------------------------------------------------------
def _start(layout: Layout, progress: Progress, cluster: Cluster) -> int:
    """Start the server on the remembered port, or on another where that is taken. Returns the port."""
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)  # stale: `postmaster()` found nobody of ours behind it
    state = layout.local / "postgres.json"
    port = int(read_json(state).get("port", 0))
    for attempt in range(START_ATTEMPTS):
        port = processes.free_port(port)
        args: list[str | Path] = [cluster.programs / "pg_ctl", "start", "-D", cluster.data, "-w", "-t", "120"]
        args += ["-l", cluster.home / "server.log", "-o", f"-p {port}"]
        try:
            with progress.step("Start the private database", key="postgres", default_s=3), processes.hold_interrupts():
                run_logged(args, what="Starting PostgreSQL", log=layout.log("postgres"), cwd=Path("/"), account=cluster.account)
            break
        except Trouble as trouble:
            said = read_text(cluster.home / "server.log")[-3000:]
            if "could not bind" in said and attempt + 1 < START_ATTEMPTS:
                port = 0
                continue
            raise Trouble(f"{said}\n{trouble}\nThe server's own log: {cluster.home / 'server.log'}") from trouble
    write_atomically(state, json.dumps({"home": str(cluster.home), "port": port}))
    return port


def _ensure_database(layout: Layout, cluster: Cluster, port: int) -> None:
    """The database with PostGIS in it."""
    env = {**os.environ, "PGPASSWORD": read_text(cluster.home / "password"), "PGCONNECT_TIMEOUT": "20"}
    server = ["-h", processes.LOOPBACK, "-p", str(port), "-U", ROLE]
    psql: list[str | Path] = [cluster.programs / "psql", "-X", *server, "-v", "ON_ERROR_STOP=1", "-Atc"]
    exists = output_of([*psql, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres"], env=env)  # noqa: S608
    log = layout.log("postgres")
    if not exists:
        run_logged(
            [cluster.programs / "createdb", *server, DATABASE], what="Making the database", log=log, cwd=Path("/"), env=env
        )
    run_logged(
        [*psql, "CREATE EXTENSION IF NOT EXISTS postgis", DATABASE], what="Adding PostGIS", log=log, cwd=Path("/"), env=env
    )
