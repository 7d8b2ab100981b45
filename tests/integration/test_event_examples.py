"""The examples of docs/events.md do what they say."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.events import fresh_stream
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.cameras.services.event_senders import make_sender

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text()
HTTP = re.findall(r"```sh\n(body=.*?)```", PAGE, re.DOTALL)[0]
ANSWER = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is not installed")
@pytest.mark.django_db(transaction=True)
def test_the_example_with_curl_and_openssl_sends_an_event(
    live_server, jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]
):
    camera = cameras(jurisdiction, 1)[0]
    made = make_sender(jurisdiction=jurisdiction, name="VMS")
    values = {"SITE": live_server.url, "CAMERA": camera.source_id, "SENDER": str(made.sender.pk), "KEY": made.key}
    for _ in fresh_stream(jurisdiction):
        done = subprocess.run(["sh", "-c", HTTP], env=os.environ | values, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(ANSWER.group(1))
