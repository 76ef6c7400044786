"""What Prometheus reads: requests, their duration, jobs."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("insurance_requests_total", "Requests", ["method", "endpoint", "status"])
DURATION = Histogram("insurance_request_seconds", "Request duration in seconds", ["endpoint"])
JOBS = Counter("insurance_jobs_total", "Jobs by name and outcome", ["name", "outcome"])
