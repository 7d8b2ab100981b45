"""What every response has in common: its language, its content security policy, its error page."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation

from webapp.common.errors import HaechiError
from webapp.common.live import live_origin

Handler = Callable[[HttpRequest], HttpResponse]

# Nothing is loaded from outside: control centres are closed networks. MapLibre starts its worker from our own file
# and draws images through blobs; style attributes are set by its controls.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicyMiddleware:
    """Set the content security policy on every response; beside the site itself only the live channel may be asked."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        origin = live_origin(request)
        policy = f"{CONTENT_SECURITY_POLICY}; connect-src 'self' {origin}" if origin else CONTENT_SECURITY_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response


class ChosenLanguageMiddleware:
    """Korean unless the person has chosen another language.

    Django's own LocaleMiddleware would follow the browser's header; the screens of a control centre are shared and
    often carry an English browser, so only the choice made with the language switch counts.
    """

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class ErrorPageMiddleware:
    """Turn a `HaechiError` that a page raised into a page with its sentence (the API has its own handler)."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, HaechiError):
            return None
        if "text/html" not in request.headers.get("Accept", ""):
            body = {"code": error.code, "message": error.message, "fields": error.fields}
            return JsonResponse({"error": body}, status=error.status)
        return render(request, "common/error.html", {"error": error}, status=error.status)
