"""The pipelines of Kubeflow, from which `make templates` compiles `catalog/`. It imports kfp, as
`tidegate.kfp` does and nothing else."""
