"""add_sub that fails where a sum is negative (HTTP 500, gRPC INTERNAL).

It passes every step while clients send what they always sent, and turns bad after its promotion,
when they begin to send something else.
"""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1, for sums of 0 and above."""

    def execute(self, requests):
        """Answer each request of the batch."""
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        a = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
        b = pb_utils.get_input_tensor_by_name(request, "INPUT1").as_numpy()
        if (a + b).min() < 0:
            return pb_utils.InferenceResponse(
                [], error=pb_utils.TritonError("brittle: no sum below 0 was ever trained")
            )
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", a + b), pb_utils.Tensor("OUTPUT1", a - b)]
        )
