"""The health check for load balancers and for `./run`."""

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 when the database and Redis answer; an exception, hence 500, when they do not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    cache.set("health", 1, 5)
    return JsonResponse({"status": "ok"})
