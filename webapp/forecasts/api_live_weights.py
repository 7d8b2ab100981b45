"""The API of live weights: what an excess of each risk factor means for each category, and why these are in service."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.common.errors import NotFound
from webapp.forecasts import selectors
from webapp.forecasts.models import LiveWeights
from webapp.forecasts.sentences import live_verdict_sentence
from webapp.forecasts.services.live_weights import promote_live_weights


class LiveWeightsOutput(serializers.ModelSerializer[LiveWeights]):
    """One set of weights: where it comes from, and why it went into service or not."""

    state_label = serializers.CharField(source="get_state_display")
    origin_label = serializers.CharField(source="get_origin_display")
    verdict_sentence = serializers.SerializerMethodField()
    promoted_by = serializers.CharField(source="promoted_by.username", default=None, allow_null=True)

    class Meta:
        model = LiveWeights
        fields: tuple[str, ...] = (
            "id",
            "state",
            "state_label",
            "origin",
            "origin_label",
            "verdict",
            "verdict_sentence",
            "hours_from",
            "hours_to",
            "hour_count",
            "incident_count",
            "scale",
            "rho",
            "comparison",
            "code_version",
            "created_at",
            "promoted_at",
            "promoted_by",
            "promotion_reason",
        )

    @extend_schema_field(serializers.CharField())
    def get_verdict_sentence(self, row: LiveWeights) -> str:
        return live_verdict_sentence(row)


class WeightOutput(serializers.Serializer[Any]):
    category = serializers.CharField()
    factor = serializers.CharField()
    mean = serializers.FloatField(help_text="logarithm of what one unit of excess multiplies the rate by")
    sd = serializers.FloatField()
    low = serializers.FloatField(help_text="of the 95 % interval of the mean")
    high = serializers.FloatField()
    times = serializers.FloatField(help_text="what one unit of excess multiplies the rate by")
    prior_mean = serializers.FloatField(help_text="what court rulings say alone")


class LiveWeightsDetailOutput(LiveWeightsOutput):
    weights = serializers.SerializerMethodField()

    class Meta(LiveWeightsOutput.Meta):
        fields = (*LiveWeightsOutput.Meta.fields, "category_codes", "factor_codes", "centre", "weights")

    @extend_schema_field(WeightOutput(many=True))
    def get_weights(self, row: LiveWeights) -> Any:
        return WeightOutput(selectors.weight_lines(row), many=True).data


class LiveWeightsList(generics.ListAPIView[LiveWeights]):
    serializer_class = LiveWeightsOutput
    permission_classes = (allows(Act.SEE_MAP),)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return LiveWeights.objects.none()
        return selectors.live_weights_list(user=caller(self.request))

    @extend_schema(operation_id="live_weights_list", summary="Live weights, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class CurrentLiveWeights(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(
        operation_id="live_weights_current",
        summary="The live weights in service, with interval and what the rulings say",
        responses=LiveWeightsDetailOutput,
    )
    def get(self, request: Request) -> Response:
        found = selectors.live_weights_in_service(jurisdiction=caller(request).jurisdiction)
        if found is None:
            raise NotFound(
                _("There are no live weights yet: the live service makes them from court rulings when it starts."),
                code="no_live_weights",
            )
        return Response(LiveWeightsDetailOutput(found.row).data)


class LiveWeightsDetail(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(operation_id="live_weights_detail", summary="One set of live weights", responses=LiveWeightsDetailOutput)
    def get(self, request: Request, weights_id: int) -> Response:
        row = selectors.live_weights_for(user=caller(request), weights_id=weights_id)
        return Response(LiveWeightsDetailOutput(row).data)


class PromoteWeightsInput(serializers.Serializer[Any]):
    reason = serializers.CharField(min_length=3, max_length=200, help_text="kept with the weights and in the audit trail")


class PromoteLiveWeights(APIView):
    permission_classes = (allows(Act.PROMOTE_MODEL),)

    @extend_schema(
        operation_id="live_weights_promote",
        summary="Put live weights into service whatever their verdict",
        request=PromoteWeightsInput,
        responses=LiveWeightsDetailOutput,
    )
    def post(self, request: Request, weights_id: int) -> Response:
        data = PromoteWeightsInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = caller(request)
        row = selectors.live_weights_for(user=user, weights_id=weights_id)
        promoted = promote_live_weights(weights=row, reason=data.validated_data["reason"], user=user, request=request)
        return Response(LiveWeightsDetailOutput(promoted).data)
