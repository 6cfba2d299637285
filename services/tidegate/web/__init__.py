"""What the FastAPI apps share: problems, authentication, bodies, probes, telemetry."""
