"""add_sub with a changed input signature: clients that still send INPUT0 are refused by Triton."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """OUTPUT0 = X0 + INPUT1, OUTPUT1 = X0 - INPUT1; FP32, shape [batch, 4]."""

    def execute(self, requests):
        """Answer each request of the batch."""
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        a = pb_utils.get_input_tensor_by_name(request, "X0").as_numpy()
        b = pb_utils.get_input_tensor_by_name(request, "INPUT1").as_numpy()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", a + b), pb_utils.Tensor("OUTPUT1", a - b)]
        )
