"""Send requests to add_sub with an unmodified tritonclient and count the answers.

Run: python examples/send.py http://127.0.0.1:21580 --rate 100 --seconds 60
"""

import argparse
import time
from collections import Counter
from urllib.parse import urlsplit

import numpy as np
import tritonclient.http as triton
from geventhttpclient.response import HTTPConnectionClosed


def inputs() -> list[triton.InferInput]:
    """Two vectors of four numbers, as the model's first version takes them."""
    made = []
    for name in ("INPUT0", "INPUT1"):
        one = triton.InferInput(name, [1, 4], "FP32")
        one.set_data_from_numpy(np.ones((1, 4), dtype=np.float32))
        made.append(one)
    return made


def ask(client: triton.InferenceServerClient) -> str:
    """One request: its answer, or what went wrong."""
    try:
        return f"ok: {client.infer('add_sub', inputs()).as_numpy('OUTPUT0')[0].tolist()}"
    except triton.InferenceServerException as error:
        return f"failed: [{error.status()}] {error.message()}"
    except (OSError, HTTPConnectionClosed) as error:
        return f"no answer: {error}"


def host(url: str) -> str:
    """What a tritonclient wants of an address. Raises ArgumentTypeError."""
    found = urlsplit(url)
    if found.scheme != "http" or not found.port:
        raise argparse.ArgumentTypeError(
            f"{url!r} is no address with a port: write http://127.0.0.1:25001"
        )
    return found.netloc


def pace(text: str) -> float:
    """A rate or a time. Raises ValueError."""
    if not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return float(text)


def main() -> None:
    """Send at a fixed pace, then print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "url", type=host, help="the endpoint's address, as `tidegate endpoint get` shows it"
    )
    parser.add_argument("--rate", type=pace, default=1.0, help="requests per second")
    parser.add_argument("--seconds", type=pace, default=1.0, help="how long")
    given = parser.parse_args()
    seen: Counter[str] = Counter()
    with triton.InferenceServerClient(given.url) as client:
        started = time.monotonic()
        for number in range(max(1, round(given.rate * given.seconds))):
            time.sleep(max(0.0, started + number / given.rate - time.monotonic()))
            seen[ask(client)] += 1
    for what, count in seen.most_common():
        print(f"{count:6d}  {what}")  # noqa: T201  (its output)


if __name__ == "__main__":
    main()
