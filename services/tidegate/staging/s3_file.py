"""One object of an S3 bucket, as a file that can be fetched in parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tidegate.staging.download import Part
from tidegate.staging.sources import S3Access, SourceError, client

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class S3File:
    """download.RemoteFile."""

    uri: str
    bucket: str
    key: str
    access: S3Access

    @contextmanager
    def open(self, start: int, tag: str) -> Iterator[Part]:
        """See download.RemoteFile."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            reach = client(self.access)
            head = reach.head_object(Bucket=self.bucket, Key=self.key)
            etag = str(head["ETag"])
            total = int(head["ContentLength"])
            begin = 0
            if start and tag == etag and start < total:
                begin = start
            span = {}
            if begin:
                span = {"Range": f"bytes={begin}-"}
            body = reach.get_object(Bucket=self.bucket, Key=self.key, IfMatch=etag, **span)["Body"]
            yield Part(begin, total, etag, body.iter_chunks(_CHUNK))
        except (BotoCoreError, ClientError) as error:
            raise SourceError(f"{self.uri}: S3 says: {error}") from error
