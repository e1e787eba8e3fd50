"""A pool of endpoints with the interface of one endpoint: health, fail-over, agreement on the head."""

from sentinel.chain.endpoints.endpoint_health import FailoverRules as FailoverRules
from sentinel.chain.endpoints.pool import EndpointPool as EndpointPool
