"""The pipelines of Kubeflow, from which `make templates` compiles `catalog/`. The only package that
imports kfp."""
