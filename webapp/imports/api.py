"""The API of uploads: send a file, see how it is understood, change that, try it, take it in, undo it."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.imports import selectors, services, wizard
from webapp.imports.models import MappingPreset, Upload
from webapp.imports.serializers import (
    ChoicesOutput,
    MappingInput,
    PresetInput,
    PresetOutput,
    UndoInput,
    UploadDetailOutput,
    UploadInput,
    UploadOutput,
)

MAY_UPLOAD = (allows(Act.UPLOAD),)


class UploadList(generics.ListAPIView[Upload]):
    """Uploads of the jurisdiction, newest first; POST sends a file, which is then understood, or with a preset taken in."""

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
        file = given.validated_data.pop("file")
        upload = services.receive_upload(
            user=caller(request), source=file, file_name=file.name, request=request, **given.validated_data
        )
        return Response(UploadOutput(upload).data, status=202)


class _OneUpload(APIView):
    permission_classes = MAY_UPLOAD

    def detail(self, request: Request, upload_id: int, status: int = 200) -> Response:
        found = wizard.detail(user=caller(request), upload_id=upload_id, request=request)
        return Response(UploadDetailOutput(found).data, status=status)


class UploadDetail(_OneUpload):
    @extend_schema(responses=UploadDetailOutput)
    def get(self, request: Request, upload_id: int) -> Response:
        return self.detail(request, upload_id)


class UploadMapping(_OneUpload):
    @extend_schema(request=MappingInput, responses=UploadDetailOutput, summary="Change how a file is understood")
    def put(self, request: Request, upload_id: int) -> Response:
        given = MappingInput(data=request.data)
        given.is_valid(raise_exception=True)
        services.change_mapping(user=caller(request), upload_id=upload_id, changes=given.validated_data)
        return self.detail(request, upload_id)


class UploadCheck(_OneUpload):
    @extend_schema(request=None, responses={202: UploadDetailOutput}, summary="Try the file: a commit that is rolled back")
    def post(self, request: Request, upload_id: int) -> Response:
        services.ask_for_check(user=caller(request), upload_id=upload_id)
        return self.detail(request, upload_id, 202)


class UploadCommit(_OneUpload):
    @extend_schema(request=None, responses={202: UploadDetailOutput}, summary="Take a checked file in")
    def post(self, request: Request, upload_id: int) -> Response:
        services.ask_for_commit(user=caller(request), upload_id=upload_id, request=request)
        return self.detail(request, upload_id, 202)


class UploadUndo(_OneUpload):
    @extend_schema(request=UndoInput, responses={202: UploadDetailOutput}, summary="Undo an upload exactly")
    def post(self, request: Request, upload_id: int) -> Response:
        given = UndoInput(data=request.data)
        given.is_valid(raise_exception=True)
        services.ask_for_undo(user=caller(request), upload_id=upload_id, request=request, **given.validated_data)
        return self.detail(request, upload_id, 202)


class UploadDiscard(_OneUpload):
    @extend_schema(request=None, responses=UploadDetailOutput, summary="Let go of a file that is not taken in")
    def post(self, request: Request, upload_id: int) -> Response:
        services.discard_upload(user=caller(request), upload_id=upload_id, request=request)
        return self.detail(request, upload_id)


class RejectedCsv(APIView):
    permission_classes = MAY_UPLOAD

    @extend_schema(responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "the rejected rows with their reasons")})
    def get(self, request: Request, upload_id: int) -> StreamingHttpResponse:
        lines = selectors.rejected_csv(user=caller(request), upload_id=upload_id, request=request)
        headers = {"Content-Disposition": f'attachment; filename="haechi-upload-{upload_id}-rejected.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


class UploadChoices(APIView):
    permission_classes = MAY_UPLOAD

    @extend_schema(responses=ChoicesOutput, summary="What may be chosen for a mapping")
    def get(self, request: Request) -> Response:
        return Response(wizard.choices(user=caller(request)))


class PresetList(generics.ListAPIView[MappingPreset]):
    """Mapping presets of the jurisdiction; POST keeps an upload's mapping under a name."""

    permission_classes = MAY_UPLOAD
    serializer_class = PresetOutput
    queryset = MappingPreset.objects.none()

    def get_queryset(self) -> Any:
        return selectors.presets(user=caller(self.request))

    @extend_schema(request=PresetInput, responses={201: PresetOutput})
    def post(self, request: Request) -> Response:
        given = PresetInput(data=request.data)
        given.is_valid(raise_exception=True)
        preset = services.save_preset(
            user=caller(request),
            upload_id=given.validated_data["upload"],
            name=given.validated_data["name"],
            request=request,
        )
        return Response(PresetOutput(preset).data, status=201)


class PresetDetail(APIView):
    permission_classes = MAY_UPLOAD

    @extend_schema(responses={204: None}, summary="Forget a preset")
    def delete(self, request: Request, preset_id: int) -> Response:
        services.delete_preset(user=caller(request), preset_id=preset_id, request=request)
        return Response(status=204)
