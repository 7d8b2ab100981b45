from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_streams_are_changed"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(
                choices=[
                    ("sign_in", "signed in"),
                    ("sign_in_failed", "failed to sign in"),
                    ("sign_out", "signed out"),
                    ("upload", "uploaded data"),
                    ("undo_upload", "undid an upload"),
                    ("discard_upload", "discarded an upload"),
                    ("save_preset", "kept a mapping preset"),
                    ("delete_preset", "deleted a mapping preset"),
                    ("read_incidents", "read incidents"),
                    ("read_ruling", "read a ruling"),
                    ("correct_ruling", "corrected a ruling"),
                    ("start_run", "started a run"),
                    ("promote_version", "put a model version into service"),
                    ("roll_back_version", "went back to an earlier model version"),
                    ("drift_alert", "forecasts drifted from what was reported"),
                    ("publish_plan", "published a watch plan"),
                    ("cancel_job", "cancelled a job"),
                    ("read_thumbnail", "looked at an event's picture"),
                    ("change_alert", "judged an alert"),
                    ("change_stream", "changed a camera's video stream"),
                    ("make_sender", "let a system send events"),
                    ("revoke_sender", "let a system send events no longer"),
                    ("switch_live", "switched the live picture"),
                ],
                max_length=20,
            ),
        ),
    ]
