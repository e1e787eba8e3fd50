"""Several endpoints of one chain behind the face of one: health, fail-over, agreement on the head"""

from sentinel.chain.endpoints.health import Rules as Rules
from sentinel.chain.endpoints.pool import Endpoints as Endpoints
