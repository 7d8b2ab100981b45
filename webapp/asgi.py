"""The ASGI entry point that uvicorn serves: the live channel and nothing else; pages and API stay with `webapp.wsgi`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
django.setup()

from webapp.live.channel import live_channel  # noqa: E402  (needs the settings)

application = live_channel()
