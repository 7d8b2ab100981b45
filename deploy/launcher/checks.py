"""`./run check` and `./run test`: every check runs, whatever the others say, and the verdict names those that failed."""

import time
from collections.abc import Mapping, Sequence

from deploy.launcher import services, system
from deploy.launcher.commands import run_attached
from deploy.launcher.layout import Layout
from deploy.launcher.messages import say
from deploy.launcher.preparation import everything, tools
from deploy.launcher.progress import Progress, duration_text

Check = tuple[str, list[str]]


def static_checks(layout: Layout) -> list[Check]:
    """Format, lint, types, import rules: no database needed."""
    python, bin_folder = str(layout.python), layout.venv / "bin"
    return [
        ("format", [python, "-m", "ruff", "format", "--check", "."]),
        ("lint", [python, "-m", "ruff", "check", "."]),
        ("types", [python, "-m", "mypy", "."]),
        ("import rules", [str(bin_folder / "lint-imports")]),
    ]


def check(layout: Layout, progress: Progress) -> int:
    """Exit status 0 where all four checks pass."""
    tools(layout, progress)
    return _verdict(_run_all(layout, static_checks(layout), services.base_environment(layout)))


def test(layout: Layout, progress: Progress, pytest_args: Sequence[str]) -> int:
    """All checks and all tests; with arguments only pytest, with these. The database server is the private one."""
    everything(layout, progress, browser=True)
    system.ensure_test_servers(layout, progress)
    with services.running(layout, progress, for_tests=True) as running:
        env = {**running.env, "HAECHI_TEST": "1"}
        pytest = [str(layout.python), "-m", "pytest"]
        if pytest_args:
            return run_attached([*pytest, *pytest_args], cwd=layout.root, env=env)
        checks = [
            *static_checks(layout),
            ("migrations", [str(layout.python), "manage.py", "makemigrations", "--check", "--dry-run"]),
        ]
        checks.append(("tests", [*pytest, "--cov", "--cov-report=term"]))
        return _verdict(_run_all(layout, checks, env))


def bench(layout: Layout, progress: Progress, args: Sequence[str]) -> int:
    """`python -m bench.NAME …` with services and a browser; without a name, the list of names."""
    names = sorted(path.stem for path in (layout.root / "bench").glob("*.py") if not path.stem.startswith("_"))
    if not args or args[0] not in names:
        wrong = f"There is no bench named {args[0]!r}. " if args else ""
        say(f"{wrong}Usage: ./run bench NAME, with NAME one of: {', '.join(names) or 'none yet'}.")
        return 2
    everything(layout, progress, browser=True)
    system.ensure_peers(layout, progress, args[0])
    with services.running(layout, progress) as running:
        return run_attached([str(layout.python), "-m", f"bench.{args[0]}", *args[1:]], cwd=layout.root, env=running.env)


def _run_all(layout: Layout, checks: Sequence[Check], env: Mapping[str, str]) -> dict[str, tuple[int, float]]:
    """Exit status and seconds of each check."""
    results = {}
    for name, args in checks:
        say(f"\n=== {name}: {' '.join(args[1:] if args[0] == str(layout.python) else args)}")
        began = time.monotonic()
        results[name] = (run_attached(args, cwd=layout.root, env=env), time.monotonic() - began)
    return results


def _verdict(results: Mapping[str, tuple[int, float]]) -> int:
    failed = [name for name, (code, _) in results.items() if code]
    lines = [f"{name} {'FAILED' if code else 'passed'} ({duration_text(seconds)})" for name, (code, seconds) in results.items()]
    say(f"\n{', '.join(lines)}.\n{'Failed: ' + ', '.join(failed) + '.' if failed else 'All checks passed.'}")
    return 1 if failed else 0
