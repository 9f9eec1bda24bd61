from typing import Any

from django.db import migrations, models

def in_force_since_published(apps: Any, _editor: Any) -> None:
    """What was published before versions had a date applied from its publication."""
    for model in apps.get_model("psa", "NetworkModel").objects.exclude(state="DRAFT").only("pk"):
        at = model.published_at or model.created_at
        begins = at.replace(minute=at.minute - at.minute % 30, second=0, microsecond=0)
        type(model).objects.filter(pk=model.pk).update(valid_from=begins, placed_at=at)


class Migration(migrations.Migration):
    dependencies = [("psa", "0013_study_documents")]

    operations = [
        migrations.RemoveConstraint(model_name="networkmodel", name="network_one_published"),
        migrations.AddField(
            model_name="networkmodel",
            name="placed_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="sites placed at"),
        ),
        migrations.AddField(
            model_name="networkmodel",
            name="valid_from",
            field=models.DateTimeField(editable=False, null=True, verbose_name="in force from"),
        ),
        migrations.AddField(
            model_name="areaheadroom",
            name="stretches",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name="study",
            name="stretches",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.RunPython(in_force_since_published, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="networkmodel",
            constraint=models.UniqueConstraint(
                name="network_one_from_then_on",
                fields=["area", "valid_from"],
                condition=models.Q(state="PUBLISHED"),
            ),
        ),
        migrations.AddConstraint(
            model_name="networkmodel",
            constraint=models.CheckConstraint(
                name="network_published_from",
                condition=models.Q(state="DRAFT") | models.Q(valid_from__isnull=False),
            ),
        ),
    ]
