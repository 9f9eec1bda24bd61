"""Network models, forecasts, studies and headroom. Kilowatts are floats: physics, not rights."""

from psa.models.forecasts import ForecastDay, ForecastUpload, ForecastVersion
from psa.models.headroom import AreaHeadroom, SiteHeadroom
from psa.models.networks import NetworkEvent, NetworkModel, NetworkUpload
from psa.models.studies import AreaRun, Study, StudyDocument, StudyPicture

__all__ = [
    "AreaHeadroom",
    "AreaRun",
    "ForecastDay",
    "ForecastUpload",
    "ForecastVersion",
    "NetworkEvent",
    "NetworkModel",
    "NetworkUpload",
    "SiteHeadroom",
    "Study",
    "StudyDocument",
    "StudyPicture",
]
