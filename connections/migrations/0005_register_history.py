import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


TRIGGER = """
CREATE FUNCTION connections_register_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.number IS NULL AND NEW.number IS NOT NULL
        AND to_jsonb(OLD) - 'number' = to_jsonb(NEW) - 'number' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON connections_registerchange
    FOR EACH ROW EXECUTE FUNCTION connections_register_kept();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON connections_registerchange
    FOR EACH STATEMENT EXECUTE FUNCTION connections_register_kept();
"""
BACK = "DROP FUNCTION connections_register_kept() CASCADE;"


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0004_turns'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RegisterChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField(null=True, unique=True)),
                ('recorded_at', models.DateTimeField()),
                ('direction', models.CharField(choices=[('IMPORT', 'Import'), ('EXPORT', 'Export')], max_length=10)),
                ('source', models.CharField(choices=[('AGREEMENT', 'Connection agreement'), ('NOTICE', 'TCVN'), ('ALLOCATION', 'Contract')], max_length=10)),
                ('source_id', models.BigIntegerField()),
                ('reference', models.CharField(max_length=60)),
                ('change', models.CharField(choices=[('RECORDED', 'Recorded'), ('SHORTENED', 'Ends earlier'), ('IN_FORCE', 'In force'), ('ENDED', 'Ended'), ('HELD', 'Held'), ('CONFIRMED', 'Firm'), ('RELEASED', 'Released')], max_length=10)),
                ('figures', models.JSONField()),
                ('starts', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), size=None)),
                ('ends', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(null=True), size=None)),
                ('affected_from', models.DateTimeField()),
                ('affected_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='allocationspan',
            name='direction',
            field=models.CharField(null=True, choices=[('IMPORT', 'Import'), ('EXPORT', 'Export')], max_length=10),
        ),
        migrations.AddField(
            model_name='allocationspan',
            name='role',
            field=models.CharField(null=True, choices=[('SOLD', 'Sold'), ('BOUGHT', 'Bought')], max_length=10),
        ),
        migrations.AddField(
            model_name='allocationspan',
            name='site',
            field=models.ForeignKey(null=True, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='connections.site'),
        ),
        migrations.AddIndex(
            model_name='allocationspan',
            index=models.Index(fields=['site', 'direction', 'ends_at'], name='span_to_come'),
        ),
        migrations.AddField(
            model_name='registerchange',
            name='actor',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='registerchange',
            name='site',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='connections.site'),
        ),
        migrations.AddIndex(
            model_name='registerchange',
            index=models.Index(fields=['site', 'direction', 'source', 'source_id', '-id'], name='register_as_of'),
        ),
        migrations.AddIndex(
            model_name='registerchange',
            index=models.Index(condition=models.Q(('number__isnull', True)), fields=['id'], name='register_unnumbered'),
        ),
        migrations.AddConstraint(
            model_name='registerchange',
            constraint=models.CheckConstraint(condition=models.Q(('affected_until', None), ('affected_from__lt', models.F('affected_until')), _connector='OR'), name='register_change_forward'),
        ),
        migrations.AddConstraint(
            model_name='registerchange',
            constraint=models.CheckConstraint(condition=models.Q(('change__in', ['RECORDED', 'SHORTENED', 'IN_FORCE', 'ENDED', 'HELD', 'CONFIRMED', 'RELEASED']), ('direction__in', ['IMPORT', 'EXPORT']), ('source__in', ['AGREEMENT', 'NOTICE', 'ALLOCATION'])), name='register_change_known'),
        ),
        migrations.RunSQL(TRIGGER, BACK),
    ]
