"""The operations drill: parts fail by plan under a real Prometheus, and each alert is timed."""
