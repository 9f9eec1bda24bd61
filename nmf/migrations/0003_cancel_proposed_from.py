from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('nmf', '0002_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='contract',
            name='cancel_proposed_from',
            field=models.DateTimeField(null=True),
        ),
    ]
