"""Who am I, and what may I do."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, may


class MeOutput(serializers.Serializer[Any]):
    username = serializers.CharField()
    role = serializers.CharField()
    role_label = serializers.CharField(source="get_role_display")
    jurisdiction = serializers.CharField(source="jurisdiction.code", allow_null=True)
    allowed = serializers.SerializerMethodField()

    def get_allowed(self, user: Any) -> list[str]:
        return [act.value for act in Act if may(user, act)]


class Me(APIView):
    @extend_schema(operation_id="me", responses=MeOutput, summary="The signed-in person and what the role allows")
    def get(self, request: Request) -> Response:
        return Response(MeOutput(request.user).data)
