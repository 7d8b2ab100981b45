"""The API of explanations: why a cell has its rate, what would change it, which cells are like it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.forecasts import selectors
from webapp.forecasts.services.asking import ask_for_explanations


class ExplanationInput(serializers.Serializer[Any]):
    category = serializers.CharField(required=False, default="", allow_blank=True, help_text="blank: all together")


class PartOutput(serializers.Serializer[Any]):
    group = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the field's own name, not its caption
    factor = serializers.FloatField(help_text="how many times the rate is raised (> 1) or lowered (< 1) by this group")
    log_part = serializers.FloatField(help_text="natural logarithm of `factor`")
    sentence = serializers.CharField(help_text="blank where it hardly matters")


class WhatIfOutput(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="history, calendar, place or live")
    label = serializers.CharField()  # type: ignore[assignment]  # as above
    factor = serializers.FloatField(allow_null=True, help_text="rate then / rate now; null where the model has no answer")
    rate = serializers.FloatField(allow_null=True)
    why = serializers.CharField(help_text="why there is no answer; blank otherwise")


class SimilarOutput(serializers.Serializer[Any]):
    cell = serializers.CharField(help_text="H3 index, hexadecimal")
    area = serializers.CharField(help_text="name of the area that holds its centre; blank where none does")
    distance_km = serializers.FloatField(help_text="from the explained cell, as the crow flies")
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    rate = serializers.FloatField(help_text="expected incidents in `horizon_days`")
    recent = serializers.FloatField(
        allow_null=True, help_text="incidents of the four weeks before; null if you may not read them"
    )
    shared = serializers.ListField(child=serializers.CharField(), help_text="groups that move both rates the same way")


class ExplanationOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        choices=["ready", "missing", "failed"], help_text="missing: `changes` and `similar` have not been made yet"
    )
    message = serializers.CharField(help_text="why it failed, or what to know about it")
    cell = serializers.CharField()
    category = serializers.CharField()
    as_of = serializers.DateTimeField(help_text="nothing recorded at or after this instant was used")
    horizon_days = serializers.IntegerField(help_text="days that all rates speak of")
    rate = serializers.FloatField(help_text="expected incidents: `base` times all factors")
    low = serializers.IntegerField(allow_null=True, help_text="the count lies between low and high with a chance of 95 %")
    high = serializers.IntegerField(allow_null=True, help_text="null where the run recorded no spread")
    base = serializers.FloatField(help_text="what a cell would have about which the groups say nothing")
    parts = PartOutput(many=True)
    changes = WhatIfOutput(many=True)
    recent = serializers.FloatField(allow_null=True)
    similar = SimilarOutput(many=True)


class CellExplanation(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(
        operation_id="runs_cell_explanation",
        summary="Why a cell has its rate; and, once they are made, what would change it and which cells are like it",
        parameters=[ExplanationInput],
        responses=ExplanationOutput,
    )
    def get(self, request: Request, run_id: int, cell: str) -> Response:
        query = ExplanationInput(data=request.query_params)
        query.is_valid(raise_exception=True)
        user = caller(request)
        run = selectors.run_for(user=user, run_id=run_id)
        return Response(ExplanationOutput(selectors.cell_explanation(user=user, run=run, cell=cell, **query.validated_data)).data)


class AskedOutput(serializers.Serializer[Any]):
    state = serializers.CharField(help_text="missing: they are being made")


class Explanations(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(
        operation_id="runs_explain",
        summary="Have the changes and similar cells of a run's cells made; ask any cell's explanation for how far it is",
        request=None,
        responses={202: AskedOutput},
    )
    def post(self, request: Request, run_id: int) -> Response:
        ask_for_explanations(run=selectors.run_for(user=caller(request), run_id=run_id))
        return Response(AskedOutput({"state": "missing"}).data, status=202)
