"""The API of rulings, their facts and priors, and of published figures."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.common.sheets import csv_lines
from webapp.crimes.figures import selectors as figures
from webapp.crimes.models import PlaceKind, Ruling, Statistic
from webapp.crimes.rulings import priors, selectors, services
from webapp.crimes.selectors import place_kinds
from webapp.crimes.services import add_place_kind

MAY_READ = (allows(Act.READ_RULINGS),)
MAY_CORRECT = (allows(Act.CORRECT_RULINGS),)
MAY_SEE = (allows(Act.SEE_MAP),)
CSV = {(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "one line a row, the first one naming the columns")}


def csv_answer(rows: Iterable[tuple[Any, ...]], name: str) -> StreamingHttpResponse:
    """Rows as a file to download; the first row is drawn at once, so that refusals are answered and not streamed."""
    lines: Iterator[str] = csv_lines(iter(rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


class PlaceKindOutput(serializers.ModelSerializer[PlaceKind]):
    class Meta:
        model = PlaceKind
        fields = ("code", "name", "name_en")


class PlaceKindInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    name_en = serializers.CharField(required=False, allow_blank=True, max_length=80, default="")
    code = serializers.SlugField(required=False, allow_blank=True, max_length=30, default="")


class PlaceKindList(APIView):
    """The jurisdiction's kinds of places; POST adds one."""

    permission_classes = (allows(Act.SEE_MAP, write=Act.UPLOAD),)

    @extend_schema(operation_id="place_kinds", responses=PlaceKindOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(PlaceKindOutput(place_kinds(user=caller(request)), many=True).data)

    @extend_schema(operation_id="place_kind_add", request=PlaceKindInput, responses={201: PlaceKindOutput})
    def post(self, request: Request) -> Response:
        given = PlaceKindInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(PlaceKindOutput(add_place_kind(user=caller(request), **given.validated_data)).data, status=201)


class RulingOutput(serializers.ModelSerializer[Ruling]):
    """A ruling without its text."""

    verdict_label = serializers.CharField(source="get_verdict_display")

    class Meta:
        model = Ruling
        fields = ("id", "source_id", "court", "case_no", "case_name", "decided_on", "verdict", "verdict_label", "upload_id")


class ChangeOutput(serializers.Serializer[selectors.Change]):
    value = serializers.CharField()
    value_label = serializers.CharField(source="label")
    by = serializers.CharField(help_text="blank: the program")
    at = serializers.DateTimeField()


class FactOutput(serializers.Serializer[selectors.FactLine]):
    """A fact with its evidence: characters (code points, not UTF-16 units) `start` to `end` of the ruling's text."""

    id = serializers.IntegerField()
    event = serializers.IntegerField(help_text="charged events are numbered from 0")
    field = serializers.CharField()
    field_label = serializers.CharField()
    value = serializers.CharField(help_text="blank: a person said that there is no such fact")
    value_label = serializers.CharField()
    start = serializers.IntegerField(allow_null=True)
    end = serializers.IntegerField(allow_null=True)
    quote = serializers.CharField()
    is_allegation = serializers.BooleanField(help_text="the verdict does not establish it; it does not count")
    is_corrected = serializers.BooleanField(help_text="set by a person")
    by = serializers.CharField()
    at = serializers.DateTimeField()
    history = ChangeOutput(many=True)


class SectionOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()


class RulingDetailOutput(RulingOutput):
    text = serializers.CharField(help_text="names and numbers of persons masked")
    sections = serializers.SerializerMethodField()

    class Meta(RulingOutput.Meta):
        fields = (*RulingOutput.Meta.fields, "text", "sections")  # type: ignore[assignment]

    @extend_schema_field(SectionOutput(many=True))
    def get_sections(self, ruling: Ruling) -> list[dict[str, Any]]:
        return [{"kind": kind, "start": start, "end": end} for kind, start, end in ruling.sections]


class RulingWithFactsOutput(serializers.Serializer[selectors.RulingPage]):
    ruling = RulingDetailOutput()
    facts = FactOutput(many=True)
    removed = FactOutput(many=True, source="gone", help_text="facts of which a person said that there is none")


class EvidenceInput(serializers.Serializer[Any]):
    value = serializers.CharField(max_length=200)
    start = serializers.IntegerField(required=False, allow_null=True, min_value=0, default=None)
    end = serializers.IntegerField(required=False, allow_null=True, min_value=1, default=None)
    quote = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, default="", help_text="the words from `start` to `end`"
    )
    is_allegation = serializers.BooleanField(required=False, allow_null=True, default=None)


class FactInput(EvidenceInput):
    event = serializers.IntegerField(min_value=0, max_value=services.EVENTS_MOST)
    field = serializers.CharField(max_length=30)


class ChangedOutput(serializers.Serializer[Any]):
    """The fact that stands now; null where nothing stands any more."""

    fact = serializers.IntegerField(allow_null=True, source="pk")


RULING_FILTERS = [OpenApiParameter(name, str) for name in ("q", *selectors.FACT_FILTERS, "verdict", "facts")]


@extend_schema_view(
    get=extend_schema(operation_id="rulings", summary="Rulings, the latest decision first", parameters=RULING_FILTERS)
)
class RulingList(generics.ListAPIView[Ruling]):
    serializer_class = RulingOutput
    permission_classes = MAY_READ
    queryset = Ruling.objects.none()

    def get_queryset(self) -> Any:
        return selectors.rulings(user=caller(self.request), query=self.request.query_params.dict())


class RulingDetail(APIView):
    permission_classes = MAY_READ

    @extend_schema(
        operation_id="ruling", summary="One ruling with its facts; leaves an audit line", responses=RulingWithFactsOutput
    )
    def get(self, request: Request, ruling_id: int) -> Response:
        page = selectors.ruling_page(user=caller(request), ruling_id=ruling_id, request=request._request)
        return Response(RulingWithFactsOutput(page).data)


class FactList(APIView):
    permission_classes = MAY_CORRECT

    @extend_schema(summary="Add a fact that the program did not find", request=FactInput, responses={201: ChangedOutput})
    def post(self, request: Request, ruling_id: int) -> Response:
        given = FactInput(data=request.data)
        given.is_valid(raise_exception=True)
        fact = services.add_fact(user=caller(request), ruling_id=ruling_id, request=request._request, **given.validated_data)
        return Response(ChangedOutput(fact).data, status=201)


class FactCorrect(APIView):
    permission_classes = MAY_CORRECT

    @extend_schema(summary="Give a fact another value or other evidence", request=EvidenceInput, responses=ChangedOutput)
    def post(self, request: Request, fact_id: int) -> Response:
        given = EvidenceInput(data=request.data)
        given.is_valid(raise_exception=True)
        fact = services.correct_fact(user=caller(request), fact_id=fact_id, request=request._request, **given.validated_data)
        return Response(ChangedOutput(fact).data)


class FactRemove(APIView):
    permission_classes = MAY_CORRECT

    @extend_schema(summary="Say that there is no such fact", request=None, responses=ChangedOutput)
    def post(self, request: Request, fact_id: int) -> Response:
        fact = services.remove_fact(user=caller(request), fact_id=fact_id, request=request._request)
        return Response(ChangedOutput(fact).data)


class FactTakeBack(APIView):
    permission_classes = MAY_CORRECT

    @extend_schema(summary="Take a person's newest correction back", request=None, responses=ChangedOutput)
    def post(self, request: Request, fact_id: int) -> Response:
        before = services.take_back(user=caller(request), fact_id=fact_id, request=request._request)
        return Response({"fact": before.pk if before else None})


class CorrectionsCsv(APIView):
    permission_classes = MAY_READ

    @extend_schema(summary="All corrections by people, to judge an extractor by", responses=CSV)
    def get(self, request: Request) -> StreamingHttpResponse:
        return csv_answer(selectors.gold_rows(user=caller(request)), "haechi-corrections.csv")


class RiskFactorOutput(serializers.Serializer[priors.RatioLine]):
    """How often the rulings name a risk factor in events of a category, against all events."""

    category = serializers.CharField()
    risk_factor = serializers.CharField()
    events = serializers.IntegerField(help_text="events of the category that name the factor")
    of_events = serializers.IntegerField(help_text="events of the category")
    ratio = serializers.FloatField(help_text="times as often as in all events, shrunk towards 1 where events are few")
    low = serializers.FloatField(help_text="lower end of the 95 % interval")
    high = serializers.FloatField()


class PlaceHourOutput(serializers.Serializer[priors.PlaceLine]):
    category = serializers.CharField()
    place_kind = serializers.CharField()
    hour_from = serializers.IntegerField()
    hour_to = serializers.IntegerField()
    events = serializers.IntegerField()
    of_events = serializers.IntegerField(help_text="events of the category with both a kind of place and an hour")
    share = serializers.FloatField(allow_null=True)


class PriorsOutput(serializers.Serializer[priors.PriorsPage]):
    """What the rulings say; allegations are left out."""

    rulings = serializers.IntegerField()
    events = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="events left out because the verdict establishes nothing of them")
    as_of = serializers.DateTimeField(allow_null=True)
    risk_factors = RiskFactorOutput(many=True, source="ratio_lines")
    places = PlaceHourOutput(many=True, source="place_lines")


class PriorsDetail(APIView):
    permission_classes = MAY_SEE

    @extend_schema(
        operation_id="risk_factors", summary="What the rulings say of risk factors, places and hours", responses=PriorsOutput
    )
    def get(self, request: Request) -> Response:
        return Response(PriorsOutput(priors.priors_page(user=caller(request))).data)


class RiskFactorsCsv(APIView):
    permission_classes = MAY_SEE

    @extend_schema(summary="Category × risk factor as a file", responses=CSV)
    def get(self, request: Request) -> StreamingHttpResponse:
        return csv_answer(priors.ratio_rows(user=caller(request)), "haechi-risk-factors.csv")


class PlacesCsv(APIView):
    permission_classes = MAY_SEE

    @extend_schema(summary="Category × kind of place × hours as a file", responses=CSV)
    def get(self, request: Request) -> StreamingHttpResponse:
        return csv_answer(priors.place_rows(user=caller(request)), "haechi-places-and-hours.csv")


class FigureSetOutput(serializers.Serializer[figures.SetLine]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    file_name = serializers.CharField()
    uploaded_at = serializers.DateTimeField()
    measures = serializers.ListField(child=serializers.CharField())
    figures = serializers.IntegerField()
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)


class FigureSetList(APIView):
    permission_classes = MAY_SEE

    @extend_schema(
        operation_id="figure_sets", summary="Tables of published figures, newest first", responses=FigureSetOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        return Response([FigureSetOutput(line).data for line in figures.figure_sets(user=caller(request))])


class FigureOutput(serializers.ModelSerializer[Statistic]):
    """One published figure. `value` null: the source gives none; blank or null elsewhere: not divided by it."""

    class Meta:
        model = Statistic
        fields = figures.CSV_TITLES


@extend_schema_view(get=extend_schema(operation_id="figures", summary="All figures of one table, in the order of the file"))
class FigureList(generics.ListAPIView[Statistic]):
    serializer_class = FigureOutput
    permission_classes = MAY_SEE
    queryset = Statistic.objects.none()

    def get_queryset(self) -> Any:
        return figures.figures(user=caller(self.request), set_id=self.kwargs["set_id"])


class FiguresCsv(APIView):
    permission_classes = MAY_SEE

    @extend_schema(summary="All figures of one table as a file", responses=CSV)
    def get(self, request: Request, set_id: int) -> StreamingHttpResponse:
        return csv_answer(figures.figure_csv_rows(user=caller(request), set_id=set_id), f"haechi-figures-{set_id}.csv")
