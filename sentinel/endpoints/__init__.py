"""Several endpoints of one chain behind the face of one: health, fail-over, agreement on the head"""

from sentinel.endpoints.health import Rules as Rules
from sentinel.endpoints.pool import Endpoints as Endpoints
