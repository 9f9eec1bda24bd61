import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.lookups
from django.db import migrations, models

# An allocation's spans say of site, direction and role what it says itself.
SAME = """
ALTER TABLE connections_allocation ADD CONSTRAINT allocation_same
    UNIQUE (id, site_id, direction, role);
ALTER TABLE connections_allocationspan ADD CONSTRAINT span_same_as_allocation
    FOREIGN KEY (allocation_id, site_id, direction, role)
    REFERENCES connections_allocation (id, site_id, direction, role);
ALTER TABLE connections_tcvn ADD CONSTRAINT tcvn_same UNIQUE (id, site_id, direction);
ALTER TABLE connections_tcvnspan ADD CONSTRAINT tcvn_span_same_as_tcvn
    FOREIGN KEY (tcvn_id, site_id, direction) REFERENCES connections_tcvn (id, site_id, direction);
"""
APART = """
ALTER TABLE connections_allocationspan DROP CONSTRAINT span_same_as_allocation;
ALTER TABLE connections_allocation DROP CONSTRAINT allocation_same;
ALTER TABLE connections_tcvnspan DROP CONSTRAINT tcvn_span_same_as_tcvn;
ALTER TABLE connections_tcvn DROP CONSTRAINT tcvn_same;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0006_register_history_so_far'),
    ]

    operations = [
        migrations.AlterField(
            model_name='allocationspan',
            name='site',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='connections.site'),
        ),
        migrations.AlterField(
            model_name='allocationspan',
            name='role',
            field=models.CharField(choices=[('SOLD', 'Sold'), ('BOUGHT', 'Bought')], max_length=10),
        ),
        migrations.AlterField(
            model_name='allocationspan',
            name='direction',
            field=models.CharField(choices=[('IMPORT', 'Import'), ('EXPORT', 'Export')], max_length=10),
        ),
        migrations.AddConstraint(
            model_name='agreement',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(models.Func(models.F('starts_at'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0)), django.db.models.lookups.Exact(models.Func(models.F('ends_at'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0))), name='agreement_on_half_hours'),
        ),
        migrations.AddConstraint(
            model_name='agreement',
            constraint=models.CheckConstraint(condition=models.Q(('max_installed_kva__gt', 0)), name='agreement_installed_above_0'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('direction__in', ['IMPORT', 'EXPORT']), ('role__in', ['SOLD', 'BOUGHT'])), name='allocation_role_and_direction_known'),
        ),
        migrations.AddConstraint(
            model_name='allocationspan',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(models.Func(models.F('starts_at'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0)), django.db.models.lookups.Exact(models.Func(models.F('ends_at'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0))), name='span_on_half_hours'),
        ),
        migrations.AddConstraint(
            model_name='allocationspan',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('site', '='), ('direction', '='), ('role', '<>'), (models.Func('starts_at', 'ends_at', function='tstzrange', output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField()), '&&')], name='span_sells_or_buys'),
        ),
        migrations.AddConstraint(
            model_name='tcvnspan',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(models.Func(models.F('starts_at'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0)), django.db.models.lookups.Exact(models.Func(models.F('ends_at'), output_field=models.DecimalField(), template='MOD(EXTRACT(EPOCH FROM %(expressions)s)::numeric, 1800)'), models.Value(0))), name='tcvn_span_on_half_hours'),
        ),
        migrations.RunSQL(SAME, APART),
    ]
