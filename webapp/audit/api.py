"""The audit trail for auditors."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers

from webapp.accounts.permissions import Act, allows, caller
from webapp.audit.models import AuditEntry
from webapp.audit.selectors import trail


class AuditEntryOutput(serializers.ModelSerializer[AuditEntry]):
    action_label = serializers.CharField(source="get_action_display")

    class Meta:
        model = AuditEntry
        fields = ("id", "at", "actor_name", "action", "action_label", "target", "detail", "address")


@extend_schema_view(
    get=extend_schema(
        operation_id="audit_trail",
        summary="Who did or saw what, newest first",
        parameters=[OpenApiParameter("action", str), OpenApiParameter("actor", str)],
    )
)
class AuditTrail(generics.ListAPIView[AuditEntry]):
    serializer_class = AuditEntryOutput
    permission_classes = (allows(Act.READ_AUDIT),)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return AuditEntry.objects.none()
        query = self.request.query_params
        return trail(user=caller(self.request), action=query.get("action", ""), actor_name=query.get("actor", ""))
