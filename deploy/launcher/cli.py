"""The verbs of `./run` and what each may be told."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.launcher import checks, preparation, processes, services, web
from deploy.launcher.commands import run_attached
from deploy.launcher.demo import City, demo, serve
from deploy.launcher.doctor import doctor
from deploy.launcher.layout import Layout
from deploy.launcher.messages import Trouble, complain, say, sentence_of
from deploy.launcher.progress import Progress

HELP = """\
./run, the one script of Haechi. It installs what is missing, asks nothing, and may be interrupted and run again.

  ./run demo                 a simulated city: data, forecast, watch plan, and the site to look at them
  ./run demo --data FILE --preset NAME
                             the same with a real file (presets: chicago, nyc, haechi)
  ./run serve                the site with what is in the database
      --port N --host ADDRESS  for demo and serve; default: the first free port from 8000 on, this machine only
  ./run stop                 end everything that ./run started
  ./run test [ARGUMENTS]     all checks and tests; with arguments only pytest, with these
  ./run check                format, lint, types and import rules only
  ./run bench NAME [...]     one benchmark, with its peers in the same run; without NAME: their names
  ./run manage COMMAND [...] a management command of Django, with database and Redis running
  ./run doctor               what is there, what is missing, and how to mend it
  ./run help                 this text

Everything it makes lies in .local/ (logs in .local/log/). With DATABASE_URL or REDIS_URL given it starts neither.
docs/running.md tells more.
"""
STOP_PATIENCE_S = 90.0
INTERRUPTED = 130


def main(args: Sequence[str], *, root: Path) -> int:
    """Run one verb; returns the exit status. Every expected failure is one sentence on standard error."""
    verb, rest = (args[0], list(args[1:])) if args else ("help", [])
    if verb not in VERBS:
        complain(f"./run: there is no verb {verb!r}. `./run help` lists them.")
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # also where it was started in the background with Ctrl-C ignored
    layout = Layout.of(root, os.environ)
    try:
        return VERBS[verb](layout, rest)
    except KeyboardInterrupt:
        complain(f"\n./run {verb}: stopped. Run it again at any time; finished steps are not repeated.")
        return INTERRUPTED
    except Trouble as trouble:
        complain(f"\n./run {verb}: {trouble}" if "\n" not in str(trouble) else f"\n{trouble}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; nothing more to say to it
        return 1
    except OSError as error:
        complain(f"\n./run {verb}: {sentence_of(error)}")
        return 1


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _progress(layout: Layout) -> Progress:
    layout.make_folders()
    return Progress(layout.local / "durations.json")


def _site_arguments(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"./run {verb}")
    parser.add_argument("--port", type=_port, help="port of the web server; default: the first free one from 8000 on")
    parser.add_argument("--host", default=processes.LOOPBACK, help="address to listen on; default: this machine only")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def _demo(layout: Layout, args: list[str]) -> int:
    parser = _site_arguments("demo")
    parser.add_argument("--data", type=Path, help="a file of real incidents; needs --preset")
    parser.add_argument("--preset", default="", help="how to read it: chicago, nyc or haechi")
    chosen = parser.parse_args(args)
    if bool(chosen.data) != bool(chosen.preset):
        raise Trouble("--data and --preset belong together: ./run demo --data FILE --preset chicago")
    if chosen.data and not chosen.data.is_file():
        raise Trouble(f"There is no file {chosen.data}. Give the path of a CSV file (it may be compressed by gzip).")
    city = City(data=chosen.data.resolve() if chosen.data else None, preset=chosen.preset)
    return demo(layout, _progress(layout), city=city, host=chosen.host, port=chosen.port)


def _serve(layout: Layout, args: list[str]) -> int:
    chosen = _site_arguments("serve").parse_args(args)
    return serve(layout, _progress(layout), host=chosen.host, port=chosen.port)


def _stop(layout: Layout, _args: list[str]) -> int:
    """Ask the foreground `./run` first, for it ends its own programs in order; then whatever is left."""
    if not layout.local.is_dir():
        say("Nothing was running.")
        return 0
    layout.make_folders()
    ended = processes.end(layout, web.FOREGROUND, orders=((signal.SIGTERM, STOP_PATIENCE_S),), group=False)
    ended = bool(web.stop(layout)) or ended
    ended = services.stop(layout) or ended
    say("Stopped." if ended else "Nothing was running.")
    return 0


def _help(_layout: Layout, _args: list[str]) -> int:
    say(HELP)
    return 0


def _manage(layout: Layout, args: list[str]) -> int:
    progress = _progress(layout)
    preparation.tools(layout, progress)
    with services.running(layout, progress) as running:
        return run_attached([str(layout.python), str(layout.root / "manage.py"), *args], cwd=Path.cwd(), env=running.env)


VERBS: dict[str, Callable[[Layout, list[str]], int]] = {
    "help": _help,
    "-h": _help,
    "--help": _help,
    "demo": _demo,
    "serve": _serve,
    "stop": _stop,
    "test": lambda layout, args: checks.test(layout, _progress(layout), args),
    "check": lambda layout, _args: checks.check(layout, _progress(layout)),
    "bench": lambda layout, args: checks.bench(layout, _progress(layout), args),
    "manage": _manage,
    "doctor": lambda layout, _args: doctor(layout),
}
