"""The catalog of Kubeflow templates: list, show, render, submit, watch, upload."""
