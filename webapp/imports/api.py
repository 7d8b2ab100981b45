"""The API of uploads: send a file, see what became of it, fetch the rows that were not taken in."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.imports import selectors, services
from webapp.imports.models import Upload
from webapp.imports.sentences import Sentences

MAY_UPLOAD = (allows(Act.UPLOAD),)


class CountOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    count = serializers.IntegerField()
    label = serializers.CharField(help_text="in the language of the page")  # type: ignore[assignment]  # a field of this name


class WarningOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    count = serializers.IntegerField()
    sentence = serializers.CharField(help_text="in the language of the page, with the first lines concerned")


class UploadOutput(serializers.ModelSerializer[Upload]):
    """An upload and what became of it. `rows_read` = `rows_accepted` + `rows_rejected`."""

    state_label = serializers.CharField(source="get_state_display")
    message = serializers.SerializerMethodField(help_text="why it was refused; blank where it was not")
    reasons = serializers.SerializerMethodField(help_text="rejected rows by reason, the most frequent first")
    warnings = serializers.SerializerMethodField(help_text="rows taken in that deserve a look")
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    job = serializers.UUIDField(source="job_id", allow_null=True, help_text="follow it under /jobs/{job}/")
    already_there = serializers.BooleanField(help_text="this content had been uploaded before; nothing was changed")

    class Meta:
        model = Upload
        fields = (
            "id",
            "file_name",
            "preset",
            "size_bytes",
            "sha256",
            "state",
            "state_label",
            "message",
            "rows_read",
            "rows_accepted",
            "rows_rejected",
            "reasons",
            "warnings",
            "created_by",
            "created_at",
            "committed_at",
            "job",
            "already_there",
        )

    @extend_schema_field(serializers.CharField())
    def get_message(self, upload: Upload) -> str:
        return Sentences(upload).message()

    @extend_schema_field(CountOutput(many=True))
    def get_reasons(self, upload: Upload) -> list[dict[str, Any]]:
        return Sentences(upload).reasons()

    @extend_schema_field(WarningOutput(many=True))
    def get_warnings(self, upload: Upload) -> list[dict[str, Any]]:
        return Sentences(upload).warnings()


class UploadInput(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV in UTF-8, plain or compressed with gzip", allow_empty_file=True, max_length=None)
    preset = serializers.CharField(help_text="haechi, chicago or nyc")


class UploadList(generics.ListAPIView[Upload]):
    """Uploads of the jurisdiction, newest first; POST sends a file, which is then taken in by a job."""

    permission_classes = MAY_UPLOAD
    parser_classes = (MultiPartParser,)
    serializer_class = UploadOutput
    queryset = Upload.objects.none()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before authentication, because that reads the form for its CSRF token and so the whole body.
        services.check_announced_size(content_length=request.META.get("CONTENT_LENGTH"))
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        return selectors.uploads(user=caller(self.request))

    @extend_schema(request={"multipart/form-data": UploadInput}, responses={202: UploadOutput})
    def post(self, request: Request) -> Response:
        given = UploadInput(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["file"]
        upload = services.receive_upload(
            user=caller(request), source=file, file_name=file.name, preset=given.validated_data["preset"], request=request
        )
        return Response(UploadOutput(upload).data, status=202)


class UploadDetail(APIView):
    permission_classes = MAY_UPLOAD

    @extend_schema(responses=UploadOutput)
    def get(self, request: Request, upload_id: int) -> Response:
        return Response(UploadOutput(selectors.upload(user=caller(request), upload_id=upload_id)).data)


class RejectedCsv(APIView):
    permission_classes = MAY_UPLOAD

    @extend_schema(responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "the rejected rows with their reasons")})
    def get(self, request: Request, upload_id: int) -> StreamingHttpResponse:
        lines = selectors.rejected_csv(user=caller(request), upload_id=upload_id, request=request)
        headers = {"Content-Disposition": f'attachment; filename="haechi-upload-{upload_id}-rejected.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
