"""A self-signed certificate for 127.0.0.1 and the key that signs service accounts' tokens."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = datetime.timedelta(days=365)
_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate that is its own authority, and its key, as PEM files `tls.crt` and `tls.key`:
    the names that controller-runtime looks for."""

    folder: Path

    @property
    def cert(self) -> Path:
        """The certificate."""
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        """The private key, in the SEC 1 form that kube-apiserver also takes for signing tokens."""
        return self.folder / "tls.key"


def make(folder: Path, now: datetime.datetime) -> Pair:
    """Write a new pair into `folder`, valid for a year from `now` (aware) for 127.0.0.1 and
    localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tidegate dev cluster")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    pair.cert.write_bytes(certificate.public_bytes(encoding))
    return pair
