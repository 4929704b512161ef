"""Makes the certificates with which the containers of an installation prove to each other who they are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 398
RENEWED_BEFORE_DAYS = 60
_BACKDATED = timedelta(hours=1)  # clocks differ


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of one organisation's containers: two files in a folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """The public certificate (PEM)."""
        return self.folder / "authority.pem"

    @property
    def key(self) -> Path:
        """The key (PEM); only preparing reads it, no container has it."""
        return self.folder / "authority.key"

    def make(self, name: str) -> None:
        """Make key and certificate, if there are none yet."""
        if self.certificate.exists() and self.key.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = (
            _builder(subject, subject, key, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_secret(self.key, _pem(key))
        self.certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))

    def issue(self, path: Path, hosts: Sequence[str], *, now: datetime | None = None) -> bool:
        """Write key and certificate for these hosts into one file; return whether that was due."""
        if not _is_due(path, hosts, now or datetime.now(UTC)):
            return False
        signer = serialization.load_pem_private_key(self.key.read_bytes(), None)
        above = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.key} holds no key of an elliptic curve")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        built = (
            _builder(subject, above.subject, key, CERTIFICATE_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
            .sign(signer, hashes.SHA256())
        )
        write_secret(path, _pem(key) + built.public_bytes(serialization.Encoding.PEM))
        return True


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, as a whole."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def _is_due(path: Path, hosts: Sequence[str], now: datetime) -> bool:
    if not path.exists():
        return True
    found = x509.load_pem_x509_certificate(path.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    has = {str(name.value) for name in names}
    return not has >= set(hosts) or found.not_valid_after_utc < now + timedelta(days=RENEWED_BEFORE_DAYS)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
