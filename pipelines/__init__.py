"""The pipelines of Kubeflow, from which `make templates` compiles `catalog/`. The only room that imports kfp."""
