"""What goes over the wire of the deployment-service: `requests` are what callers send, `responses`
what they get.

The service and its clients import the same models, so that neither reads a raw dictionary.
"""
