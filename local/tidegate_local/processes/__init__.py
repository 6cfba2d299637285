"""The real half of the local plane: Postgres, S3, Envoy and Triton as supervised processes.

How they are installed, started, kept running and asked. Nothing of it knows Kubernetes' objects.
"""
