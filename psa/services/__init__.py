"""Every write to network models, forecasts and studies."""

from psa.services.forecasts import ForecastRow, publish_forecast
from psa.services.networks import (
    import_network_model,
    publish_network_model,
    record_model_check,
)
from psa.services.studies import (
    Claim,
    claim_study,
    close_run,
    open_run,
    record_no_answer,
    record_study,
    request_study,
)

__all__ = [
    "Claim",
    "ForecastRow",
    "claim_study",
    "close_run",
    "import_network_model",
    "open_run",
    "publish_forecast",
    "publish_network_model",
    "record_model_check",
    "record_no_answer",
    "record_study",
    "request_study",
]
