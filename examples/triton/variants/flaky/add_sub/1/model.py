"""add_sub whose every fifth answer is an error (HTTP 500, gRPC INTERNAL).

It counts instead of rolling dice, so that it is a fifth in every demo and test.
"""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1, except every fifth time."""

    def initialize(self, args):
        """Start counting."""
        self._seen = 0

    def execute(self, requests):
        """Answer each request of the batch."""
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        self._seen += 1
        if self._seen % 5 == 0:
            return pb_utils.InferenceResponse(
                [], error=pb_utils.TritonError("flaky: every fifth answer fails")
            )
        a = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
        b = pb_utils.get_input_tensor_by_name(request, "INPUT1").as_numpy()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", a + b), pb_utils.Tensor("OUTPUT1", a - b)]
        )
