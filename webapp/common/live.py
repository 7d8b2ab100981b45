"""Where the browser finds the live channel, seen from the page that it shows (`settings.LIVE_URL`)."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

STREAM_PATH = "/live/stream/"


def live_origin(request: HttpRequest) -> str:
    """The channel's origin, such as `http://127.0.0.1:8001`; blank where it is the page's own or there is none."""
    url = settings.LIVE_URL.rstrip("/")
    if not url.startswith(":"):
        return url
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return f"{request.scheme}://{f'[{host}]' if ':' in host else host}{url}"


def live_stream(request: HttpRequest) -> str:
    """The address of the stream; blank where there is no live channel."""
    return live_origin(request) + STREAM_PATH if settings.LIVE_URL else ""
