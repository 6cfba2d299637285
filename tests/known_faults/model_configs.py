"""Small model repositories, each with one peculiarity of its `config.pbtxt` or its folders.

`tests/known_faults/test_triton_agrees.py` shows that tritonserver takes or refuses each as it is
listed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODEL = """\
class TritonPythonModel:
    def execute(self, requests):
        return []
"""
COMPLETED = """\
class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.add_input({"name": "A", "data_type": "TYPE_FP32", "dims": [2]})
        config.add_output({"name": "B", "data_type": "TYPE_FP32", "dims": [2]})
        return config

    def execute(self, requests):
        return []
"""
BATCHED = COMPLETED.replace("return config", "config.set_max_batch_size(4)\n        return config")
INPUT = 'input [{ name: "A" data_type: TYPE_FP32 dims: [ 2 ] }]'
OUTPUT = 'output [{ name: "B" data_type: TYPE_FP32 dims: [ 2 ] }]'
PYTHON = 'backend: "python"'
GOOD = f"{PYTHON}\n{INPUT}\n{OUTPUT}\n"


@dataclass(frozen=True, slots=True)
class Config:
    """One model. named: what a refusal has to name, '' for a model that Triton takes."""

    text: str
    named: str = ""
    model: str = MODEL
    version: str = "1"
    encoding: str = "utf-8"


REFUSED: Mapping[str, Config] = {  # tritonserver: "failed to read text proto"
    "unknown_field": Config(GOOD + "max_batch: 4", "max_batch"),
    "unknown_nested_field": Config(GOOD + "instance_group [{ number: 1 }]", "number"),
    "unknown_enum": Config(GOOD + "instance_group [{ kind: CPU }]", "CPU"),
    "number_for_a_string": Config(
        GOOD + 'parameters { key: "k" value: { string_value: 1 } }', "string_value"
    ),
    "word_that_is_no_boolean": Config(
        GOOD + "model_transaction_policy { decoupled: on }", "decoupled"
    ),
    "number_beyond_32_bits": Config(GOOD + "max_batch_size: 4294967296", "max_batch_size"),
    "two_of_a_choice": Config(
        GOOD + "version_policy { latest { num_versions: 1 } all { } }", "version_policy"
    ),
    "comma_at_the_end_of_a_list": Config(GOOD.replace("2 ]", "2, ]", 1), "line 2"),
}

TAKEN: Mapping[str, Config] = {
    "batching_by_auto_complete": Config(f"{PYTHON} dynamic_batching {{ }}", model=BATCHED),
    "dynamic_batching_without_a_size": Config(GOOD + "dynamic_batching { }"),
    "enum_by_its_number": Config(GOOD.replace("TYPE_FP32", "11")),
    "comment_in_latin_1": Config("# été\n" + GOOD, encoding="latin-1"),
    "policy_names_a_version_without_folder": Config(
        GOOD + "version_policy { specific { versions: [ 1, 7 ] } }"
    ),
    "tensors_completed_by_the_model": Config(
        GOOD.replace(" dims: [ 2 ]", "", 1).replace(" data_type: TYPE_FP32 dims", " dims"),
        model=COMPLETED,
    ),
    "platform_beside_a_backend": Config('platform: "own"\n' + GOOD),
    "version_zero": Config(GOOD, version="0"),
}


def write(root: Path, name: str, config: Config) -> None:
    """Write one model's folder below a repository's root."""
    folder = root / name / config.version
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(config.model)
    (root / name / "config.pbtxt").write_text(config.text + "\n", encoding=config.encoding)
