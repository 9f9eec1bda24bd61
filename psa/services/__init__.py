"""Every write to network models, forecasts and studies."""

from psa.forecast_rows import ForecastRow
from psa.services.documents import record_document, request_document
from psa.services.events import record_network_event, withdraw_network_event
from psa.services.forecasts import check_forecast, publish_forecast
from psa.services.headroom import (
    HeadroomClaim,
    claim_headroom,
    publish_headroom,
    record_headroom,
)
from psa.services.networks import (
    LARGEST_FILE,
    ModelCheck,
    accept_warnings,
    bus_names,
    import_network_model,
    map_sites,
    record_model_check,
    upload_network_model,
)
from psa.services.pictures import record_picture, request_picture
from psa.services.planning import publish_planning_profiles
from psa.services.studies import (
    Claim,
    claim_study,
    close_run,
    open_run,
    record_no_answer,
    record_study,
    request_study,
)
from psa.services.uploads import (
    keep_forecast_file,
    look_at_forecast_file,
    publish_forecast_file,
    publish_forecast_upload,
)
from psa.services.versions import (
    bring_into_force,
    publish_network_model,
    refusals_to_publish,
    withdraw_network_model,
)
from psa.services.what_ifs import WhatIf, Wished, ask_what_if

__all__ = [
    "LARGEST_FILE",
    "Claim",
    "ForecastRow",
    "HeadroomClaim",
    "ModelCheck",
    "WhatIf",
    "Wished",
    "accept_warnings",
    "ask_what_if",
    "bring_into_force",
    "bus_names",
    "check_forecast",
    "claim_headroom",
    "claim_study",
    "close_run",
    "import_network_model",
    "keep_forecast_file",
    "look_at_forecast_file",
    "map_sites",
    "open_run",
    "publish_forecast",
    "publish_forecast_file",
    "publish_forecast_upload",
    "publish_headroom",
    "publish_network_model",
    "publish_planning_profiles",
    "record_document",
    "record_headroom",
    "record_model_check",
    "record_network_event",
    "record_no_answer",
    "record_picture",
    "record_study",
    "refusals_to_publish",
    "request_document",
    "request_picture",
    "request_study",
    "upload_network_model",
    "withdraw_network_event",
    "withdraw_network_model",
]
