"""Run by the Python that has kfp: parse both documents as strictly as the API server does (it drops
a second document that it cannot parse without a word, and the secrets and time-outs with it)."""

import sys
from pathlib import Path

import yaml
from google.protobuf import json_format
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec


def check(file: Path) -> None:
    spec, platform = yaml.safe_load_all(file.read_text())
    parsed = json_format.ParseDict(spec, PipelineSpec())
    json_format.ParseDict(platform, PlatformSpec())
    for config in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        json_format.ParseDict(config, KubernetesExecutorConfig())
    print(parsed.pipeline_info.name)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        check(Path(name))
