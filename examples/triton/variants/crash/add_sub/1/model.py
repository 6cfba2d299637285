"""add_sub that cannot load: a weights file is missing, say."""


class TritonPythonModel:
    """Fails in initialize."""

    def initialize(self, args):
        """Raise, as a model does whose weights are missing."""
        raise RuntimeError("weights.npy is missing")

    def execute(self, requests):
        """Never reached."""
        return []
