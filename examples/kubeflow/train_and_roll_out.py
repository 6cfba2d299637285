"""A pipeline of one's own that ends in a rollout: train, roll out, report.

    pip install 'tidegate[kfp]'
    python examples/kubeflow/train_and_roll_out.py pipeline.yaml

Upload the file on KFP's page, or `kfp run create -f pipeline.yaml`.
"""

import sys

from kfp import compiler, dsl

from tidegate.kfp import rollout

IMAGE = "python:3.12-slim"
HAND_ON = """
import pathlib, sys
file = pathlib.Path(sys.argv[2])
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text(sys.argv[1])
"""
REPORT = "import sys; print(f'the rollout ended: {sys.argv[1]}, {sys.argv[2]} % of the traffic')"


@dsl.container_component
def train(version: str, trained: dsl.OutputPath(str)):
    """In the place of your training, which registers its model with `tidegate model add` and hands
    on the version."""
    return dsl.ContainerSpec(
        image=IMAGE, command=["python3", "-c", HAND_ON], args=[version, trained]
    )


@dsl.container_component
def report(phase: str, percent: int):
    """In the place of whatever follows a rollout. A rollout that was aborted fails its task, and
    this one does not begin."""
    return dsl.ContainerSpec(image=IMAGE, command=["python3", "-c", REPORT], args=[phase, percent])


@dsl.pipeline(name="train-and-roll-out", description="Trains a model and rolls it out by degrees")
def train_and_roll_out(
    endpoint: str,
    version: str,
    bake_seconds: float = 60.0,
    pass_margin: float = 0.01,
    noise_window_seconds: float = 60.0,
) -> str:
    """The canary waits for the training, and what follows waits for the canary."""
    model = train(version=version)
    canary = rollout(
        endpoint=endpoint,
        model_version=model.outputs["trained"],
        percents=[5, 25, 50],
        bake_seconds=bake_seconds,
        pass_margin=pass_margin,
        noise_window_seconds=noise_window_seconds,
        reason="trained by train-and-roll-out",
    )
    report(phase=canary.outputs["phase"], percent=canary.outputs["routed_percent"])
    return canary.outputs["phase"]


if __name__ == "__main__":
    compiler.Compiler().compile(train_and_roll_out, sys.argv[1])
