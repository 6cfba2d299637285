"""add_sub that takes about 120 ms for each batch."""

import time

import triton_python_backend_utils as pb_utils

DELAY_SECONDS = 0.12


class TritonPythonModel:
    """OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1, late."""

    def execute(self, requests):
        """Wait, then answer each request of the batch."""
        time.sleep(DELAY_SECONDS)
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        a = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
        b = pb_utils.get_input_tensor_by_name(request, "INPUT1").as_numpy()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", a + b), pb_utils.Tensor("OUTPUT1", a - b)]
        )
