import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


def keep_what_was_given(apps, schema_editor):
    """A notice that has ended counts, if at all, until the end that was given."""
    spans = apps.get_model("connections", "TcvnSpan").objects.filter(tcvn=models.OuterRef("pk"))
    last = models.Subquery(spans.order_by("-ends_at").values("ends_at")[:1])
    apps.get_model("connections", "Tcvn").objects.filter(state="ENDED").update(ends_from=last)


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0021_turns_of_sellers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='tcvn',
            name='ends_from',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name='tcvn',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(models.Func(models.F('ends_from'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0))), name='tcvn_ends_on_half_hour'),
        ),
        migrations.RunPython(keep_what_was_given, migrations.RunPython.noop),
    ]
