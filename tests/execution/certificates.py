"""Certificates for a test: an authority, and one key pair that it signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write_certificates(folder: Path) -> dict[str, str]:
    """Write them; Dask's settings that name them."""
    now = datetime.now(UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def signed(name: str, public: ec.EllipticCurvePublicKey, authority: bool) -> x509.Certificate:
        made = x509.CertificateBuilder(
            issuer_name=_name("authority"),
            subject_name=_name(name),
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(hours=1),
            not_valid_after=now + timedelta(hours=1),
        )
        constraints = x509.BasicConstraints(ca=authority, path_length=None)
        return made.add_extension(constraints, critical=True).sign(authority_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    files = {
        "ca.pem": signed("authority", authority_key.public_key(), True).public_bytes(pem),
        "cert.pem": signed("study", key.public_key(), False).public_bytes(pem),
        "key.pem": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    tls = {"ca-file": "ca.pem"}
    for role in ("client", "scheduler", "worker"):
        tls |= {f"{role}.cert": "cert.pem", f"{role}.key": "key.pem"}
    paths = {f"distributed.comm.tls.{name}": str(folder / file) for name, file in tls.items()}
    return paths | {"distributed.comm.require-encryption": "True"}


def as_variables(settings: dict[str, str]) -> dict[str, str]:
    """Settings of Dask as variables of the environment."""
    return {f"DASK_{k.upper().replace('.', '__').replace('-', '_')}": v for k, v in settings.items()}
