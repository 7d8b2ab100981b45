"""Entry point of `./run`: called as `python deploy/launcher VERB …` by the shell script in the project's root."""

import signal
import sys
from pathlib import Path

# Until the verbs take over, Ctrl-C ends this without a word: nothing has begun.
signal.signal(signal.SIGINT, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parents[2]
# The first entry is this folder, whose modules would hide others of the same name (`redis`, `venv`): the root replaces it.
sys.path[0] = str(ROOT)

from deploy.launcher.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:], root=ROOT))
