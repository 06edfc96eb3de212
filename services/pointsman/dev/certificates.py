"""Create a local certificate authority and the certificates that it signs, as PEM files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pointsman.runtime.private_file import write_private

_DAY = timedelta(days=1)
_RENEWED_BEFORE = 30 * _DAY


@dataclass(frozen=True)
class Signed:
    """The files of a signed certificate. `both` holds key and certificate, for Kafka's PEM key store."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A certificate authority, valid for `days`. Its certificate is `file`; its key stays in memory."""

    def __init__(self, folder: Path, name: str, *, days: int = 1) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        now = datetime.now(UTC)
        builder = _builder(self._name, self._name, self._key.public_key(), now - _DAY, now + days * _DAY)
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        signed = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(signed.public_bytes(Encoding.PEM))

    def sign(self, name: str, *hosts: str, days: int = 1, folder: Path | None = None) -> Signed:
        """Sign a certificate for `hosts`, valid for `days`.

        The files are written to `folder`, by default that of the authority.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        end = now + days * _DAY
        builder = _builder(_named(name), self._name, key.public_key(), min(now, end) - _DAY, end)
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(authority, critical=False).sign(self._key, hashes.SHA256())
        files = Signed(*((folder or self._folder) / f"{name}.{end}" for end in ("crt", "key", "pem")))
        files.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        write_private(files.key, text)
        write_private(files.both, text + files.certificate.read_text())
        return files


def lasts(certificate: Path) -> bool:
    """Return whether the certificate is valid for at least 30 more days."""
    end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return datetime.now(UTC) + _RENEWED_BEFORE < end


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
