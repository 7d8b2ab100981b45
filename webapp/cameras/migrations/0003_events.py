"""Events of cameras and their thumbnails, partitioned by UTC day, and who may send them.

The two tables are written by hand, for Django knows no partitions. real for confidence, value and box: 4 bytes say more than
a detector knows. Partitions are made and dropped by webapp.cameras.services.event_days.
"""

import django.contrib.gis.db.models.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES = """
CREATE TABLE cameras_cameraevent (
    jurisdiction_id bigint NOT NULL,
    day date NOT NULL,
    key varchar(80) NOT NULL,
    camera_id bigint NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    factor varchar(20) NOT NULL,
    confidence real NOT NULL,
    value real,
    box real[],
    track varchar(64) NOT NULL,
    point geometry(Point, 4326),
    model varchar(80) NOT NULL,
    is_late boolean NOT NULL,
    CONSTRAINT cameras_cameraevent_pkey PRIMARY KEY (jurisdiction_id, day, key),
    CONSTRAINT cameraevent_day CHECK (day = (at AT TIME ZONE 'UTC')::date)
) PARTITION BY RANGE (day);
CREATE INDEX cameraevent_camera_at ON cameras_cameraevent (camera_id, at);
CREATE INDEX cameraevent_at ON cameras_cameraevent USING brin (at) WITH (pages_per_range = 32);
CREATE TABLE cameras_eventthumbnail (
    jurisdiction_id bigint NOT NULL,
    day date NOT NULL,
    key varchar(80) NOT NULL,
    at timestamptz NOT NULL,
    jpeg bytea NOT NULL,
    CONSTRAINT cameras_eventthumbnail_pkey PRIMARY KEY (jurisdiction_id, day, key)
) PARTITION BY RANGE (day);
CREATE INDEX eventthumbnail_at ON cameras_eventthumbnail (at);
"""
NO_TABLES = "DROP TABLE cameras_cameraevent; DROP TABLE cameras_eventthumbnail;"


def key_fields():
    return [
        (
            "pk",
            models.CompositePrimaryKey(
                "jurisdiction", "day", "key", blank=True, editable=False, primary_key=True, serialize=False
            ),
        ),
        ("key", models.CharField(max_length=80)),
    ]


def of_jurisdiction():
    to = models.ForeignKey(
        db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="accounts.jurisdiction"
    )
    return ("jurisdiction", to)


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("cameras", "0002_upload_and_details"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLES, NO_TABLES)],
            state_operations=[
                migrations.CreateModel(
                    name="CameraEvent",
                    fields=[
                        *key_fields(),
                        ("day", models.DateField(help_text="UTC day of `at`; the partition")),
                        ("at", models.DateTimeField(help_text="when it was seen")),
                        ("received_at", models.DateTimeField(help_text="when the stream took it in")),
                        ("factor", models.CharField(help_text="code of cctv.factors", max_length=20)),
                        ("confidence", models.FloatField()),
                        ("value", models.FloatField(help_text="in the factor's unit", null=True)),
                        (
                            "box",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(),
                                help_text="x0, y0, x1, y1 as fractions of the picture",
                                null=True,
                                size=4,
                            ),
                        ),
                        ("track", models.CharField(blank=True, max_length=64)),
                        (
                            "point",
                            django.contrib.gis.db.models.fields.PointField(
                                help_text="on the ground, where the camera is calibrated", null=True, srid=4326
                            ),
                        ),
                        ("model", models.CharField(blank=True, help_text="detector and version", max_length=80)),
                        ("is_late", models.BooleanField(default=False, help_text="came too late to be fused")),
                        (
                            "camera",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="cameras.camera",
                            ),
                        ),
                        of_jurisdiction(),
                    ],
                    options={"indexes": [models.Index(fields=["camera", "at"], name="cameraevent_camera_at")]},
                ),
                migrations.CreateModel(
                    name="EventThumbnail",
                    fields=[
                        *key_fields(),
                        ("day", models.DateField()),
                        ("at", models.DateTimeField()),
                        ("jpeg", models.BinaryField()),
                        of_jurisdiction(),
                    ],
                    options={"indexes": [models.Index(fields=["at"], name="eventthumbnail_at")]},
                ),
            ],
        ),
        migrations.CreateModel(
            name="EventSender",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("sealed_key", models.TextField(help_text="webapp.common.sealing")),
                (
                    "events_per_s",
                    models.PositiveIntegerField(
                        default=200, help_text="more than this on average over ten seconds is turned away"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "jurisdiction",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.jurisdiction"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("jurisdiction", "name"),
                        name="event_sender_name_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("events_per_s__gte", 1), ("events_per_s__lte", 20000)), name="event_sender_rate"
                    ),
                ],
            },
        ),
    ]
