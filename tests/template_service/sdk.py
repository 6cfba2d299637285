"""Run by the Python that has kfp: what people do with KFP's own client. Arguments: URL, template,
then the step."""

import sys

from kfp.client import Client

url, template, experiment = sys.argv[1:4]
client = Client(host=url, namespace="kubeflow")
made = client.create_run_from_pipeline_package(
    template,
    {"endpoint": "demo-triton", "model_version": "2"},
    experiment_name=experiment,
    enable_caching=False,
)
seen = client.get_run(made.run_id)
print(f"\nSTATE {seen.state} {seen.display_name}")
