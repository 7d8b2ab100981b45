"""The forms of uploads, mappings and presets in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from webapp.imports.models import MappingPreset, Upload
from webapp.imports.sentences import Sentences


class CountOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    count = serializers.IntegerField()
    label = serializers.CharField(help_text="in the language of the page")  # type: ignore[assignment]  # a field of this name


class WarningOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    count = serializers.IntegerField()
    sentence = serializers.CharField(help_text="in the language of the page, with the first lines concerned")
    lines = serializers.ListField(child=serializers.IntegerField())


class UploadOutput(serializers.ModelSerializer[Upload]):
    """An upload and what became of it. `rows_read` = `rows_accepted` + `rows_rejected`."""

    state_label = serializers.CharField(source="get_state_display")
    kind_label = serializers.CharField(source="get_kind_display")
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
            "kind",
            "kind_label",
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
            "undone_at",
            "undo_reason",
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


class EvidenceOutput(serializers.Serializer[Any]):
    topic = serializers.CharField(help_text="encoding, header, kind, column, crs, time, category …")
    column = serializers.CharField(help_text="column it speaks of, or blank")
    sentence = serializers.CharField()


class ChoiceOutput(serializers.Serializer[Any]):
    value = serializers.CharField()
    sentence = serializers.CharField(help_text="why it may be this one")


class QuestionOutput(serializers.Serializer[Any]):
    topic = serializers.CharField()
    sentence = serializers.CharField()
    field = serializers.CharField(help_text="field of the mapping that answers it, or blank")


class CategoryValueOutput(serializers.Serializer[Any]):
    value = serializers.CharField(help_text="as it stands in the file")
    count = serializers.IntegerField()
    code = serializers.CharField(allow_null=True, help_text="category; blank: left out; null: not known yet")


class UnderstandingOutput(serializers.Serializer[Any]):
    """How a file is understood, why, and its first rows."""

    format = serializers.CharField()
    wrappers = serializers.ListField(child=serializers.CharField())
    tables = serializers.ListField(child=serializers.DictField(), help_text="sheets and members that may be chosen")
    header = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), help_text="the first rows")
    lines = serializers.ListField(child=serializers.IntegerField(), help_text="their lines in the file")
    samples = serializers.DictField(help_text="some values of each column")
    mapping = serializers.DictField(help_text="ingestion.mapping.ColumnMapping as JSON; change it with PUT mapping/")
    evidence = EvidenceOutput(many=True)
    options = serializers.DictField(child=ChoiceOutput(many=True), help_text="by topic, what may be chosen, the likeliest first")
    open_questions = QuestionOutput(many=True)
    categories = CategoryValueOutput(many=True)
    categories_rows = serializers.IntegerField(help_text="rows in which the categories were counted")
    categories_whole = serializers.BooleanField(help_text="whether those are all rows")
    preset = serializers.DictField(allow_null=True, help_text="mapping preset by which the file was recognised: id, name")
    document = serializers.DictField(allow_null=True, help_text="for court rulings: what was found in the file")


class ProblemOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    count = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of this name
    column = serializers.CharField()
    lines = serializers.ListField(child=serializers.IntegerField())
    values = serializers.ListField(child=serializers.CharField())
    sentence = serializers.CharField(help_text="about the first such row")
    mend = serializers.CharField(help_text="code to put into the mapping's `mends`, or blank")
    mend_sentence = serializers.CharField()
    is_accepted = serializers.BooleanField()


class MendOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    sentence = serializers.CharField()


class QualityPartOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of this name
    meaning = serializers.CharField()
    share = serializers.FloatField(help_text="0 to 1")
    weight = serializers.FloatField()


class QualityOutput(serializers.Serializer[Any]):
    score = serializers.IntegerField(help_text="0 to 100: the weighted mean of the parts")
    parts = QualityPartOutput(many=True)
    gaps = serializers.ListField(child=serializers.CharField(), help_text="months with few or no rows")


class SmallMapOutput(serializers.Serializer[Any]):
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    outline = serializers.CharField(help_text="SVG path")
    areas = serializers.CharField(help_text="SVG path")
    points = serializers.ListField(help_text="x, y, 1 where taken in")
    outside = serializers.IntegerField(help_text="points beyond the drawing, set on its edge")


class FindingsOutput(serializers.Serializer[Any]):
    """What the check, or the taking in, found."""

    rows = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    mendable = serializers.IntegerField(help_text="of the rejected, those with a proposed mend")
    left_out = serializers.IntegerField(help_text="of the rejected, those left out on purpose")
    problems = ProblemOutput(many=True)
    accepted_mends = MendOutput(many=True)
    warnings = WarningOutput(many=True)
    months = serializers.DictField(child=serializers.IntegerField())
    hours = serializers.ListField(child=serializers.IntegerField())
    first = serializers.CharField(allow_null=True)
    last = serializers.CharField(allow_null=True)
    sums = serializers.DictField(child=serializers.FloatField())
    quality = QualityOutput(allow_null=True)
    map = SmallMapOutput(allow_null=True)


class UploadDetailOutput(UploadOutput):
    """An upload with how it is understood and what its check found."""

    stage = serializers.CharField(help_text="understanding, check, taking or end")
    understanding = UnderstandingOutput(allow_null=True)
    findings = FindingsOutput(allow_null=True)

    class Meta(UploadOutput.Meta):
        fields = (*UploadOutput.Meta.fields, "stage", "understanding", "findings")  # type: ignore[assignment]


class UploadInput(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="any table, boundary file or ruling", allow_empty_file=True, max_length=None)
    preset = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="haechi, chicago or nyc: take the file in at once"
    )
    again = serializers.BooleanField(required=False, default=False, help_text="although the content was taken in before")


class ReadingInput(serializers.Serializer[Any]):
    member = serializers.CharField(required=False, allow_null=True)
    sheet = serializers.CharField(required=False, allow_null=True)
    encoding = serializers.CharField(required=False, allow_null=True)
    delimiter = serializers.CharField(required=False, allow_null=True, trim_whitespace=False, max_length=1)
    header_rows = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=10)


class MappingInput(serializers.Serializer[Any]):
    """What is to change; what is not named stays."""

    kind = serializers.ChoiceField(required=False, choices=Upload.Kind.choices)
    columns = serializers.DictField(required=False, child=serializers.CharField(trim_whitespace=False))
    crs = serializers.CharField(required=False, max_length=4000)
    swapped = serializers.BooleanField(required=False)
    time_order = serializers.ChoiceField(required=False, choices=["ymd", "mdy", "dmy"])
    time_zone = serializers.CharField(required=False, allow_null=True, max_length=60)
    categories = serializers.DictField(required=False, child=serializers.CharField(allow_blank=True))
    place_kind = serializers.CharField(required=False, allow_blank=True, max_length=30)
    mends = serializers.ListField(required=False, child=serializers.CharField(max_length=60), max_length=60)
    reading = ReadingInput(required=False)
    options = serializers.DictField(required=False)
    preset = serializers.CharField(required=False, help_text="name of a mapping preset, to read the file by it")
    answered = serializers.ListField(
        required=False, child=serializers.CharField(max_length=80), help_text="topics of open questions that are decided so"
    )


class UndoInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, help_text="kept in the trail")


class PresetInput(serializers.Serializer[Any]):
    upload = serializers.IntegerField(help_text="whose mapping is kept")
    name = serializers.CharField(max_length=80)


class PresetOutput(serializers.ModelSerializer[MappingPreset]):
    kind_label = serializers.CharField(source="get_kind_display")
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)

    class Meta:
        model = MappingPreset
        fields = ("id", "name", "kind", "kind_label", "mapping", "created_by", "updated_at")


class NamedOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField(help_text="in the language of the page")


class FieldOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of this name
    required = serializers.BooleanField()  # type: ignore[assignment]  # a field of this name


class KindOutput(NamedOutput):
    fields = FieldOutput(many=True)  # type: ignore[assignment]  # a field of this name


class ChoicesOutput(serializers.Serializer[Any]):
    """What a person may choose from on the wizard's page."""

    kinds = serializers.ListField(child=serializers.DictField(), help_text="code, name, fields (name, label, required)")
    categories = NamedOutput(many=True)
    place_kinds = NamedOutput(many=True)
    area_kinds = NamedOutput(many=True)
    crs = NamedOutput(many=True)
    encodings = serializers.ListField(child=serializers.CharField())
    time_zones = serializers.ListField(child=serializers.CharField())
