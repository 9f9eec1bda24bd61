from django.db import migrations, models
from django.db.models import OuterRef, Subquery

import django.db.models.deletion


def fill(apps, _schema):
    sites = apps.get_model("connections", "Site").objects.filter(pk=OuterRef("site_id"))
    rows = apps.get_model("connections", "Registration").objects.filter(organisation=None)
    rows.update(organisation_id=Subquery(sites.values("organisation_id")[:1]))


class Migration(migrations.Migration):
    atomic = False  # rows are filled before the column is closed

    dependencies = [("connections", "0008_applications")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="registration",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="registrations",
                to="participants.organisation",
            ),
        ),
    ]
