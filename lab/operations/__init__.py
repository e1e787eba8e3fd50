"""A daemon under real Prometheus while its parts are made to fail: which alert fires when, and when it clears."""
