"""TLS for clients: load certificates, and explain why a server's certificate is not trusted."""

import contextlib
import ssl
from pathlib import Path
from typing import Literal

#: OpenSSL's verification error codes.
_EXPIRED, _NOT_YET, _NAMES = 10, 9, {62, 63, 64}
_UNKNOWN_SIGNER = {2, 18, 19, 20, 21}


class UnusableFileError(Exception):
    """A file cannot be used. `role` says which one; `why` completes a sentence that starts with its name."""

    def __init__(self, role: Literal["ca", "certificate"], file: Path | None, why: str) -> None:
        super().__init__(f"{file} {why}")
        self.role = role
        self.file = file
        self.why = why


class _Leaves(ssl.SSLObject):
    """Closes a connection with a TLS close_notify, without waiting for the server's.

    asyncio would wait for it, up to 30 s by default, and a broker may be slow.
    """

    def unwrap(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            super().unwrap()


def client_context(
    ca: Path | None, certificate: Path | None, key: Path | None, secret: str
) -> ssl.SSLContext:
    """Return a context that trusts the CA, by default the system's, and checks the server's name.

    `secret` decrypts the key, which is in the certificate's file unless `key` is given.

    Raises:
        UnusableFileError: a file cannot be read or has the wrong content.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # ssl.SSLError is a subclass
        raise UnusableFileError("ca", ca, _why(error, "a CA's certificate")) from error
    context.sslobject_class = _Leaves
    if certificate is not None:
        for file in filter(None, (certificate, key)):
            try:
                file.open("rb").close()
            except OSError as error:
                raise UnusableFileError("certificate", file, _why(error, "")) from error
        try:  # never prompt for a key's password on the terminal
            context.load_cert_chain(certificate, key, lambda: secret)
        except OSError as error:
            expected_content = "a certificate and its key, or the key's password does not open it"
            raise UnusableFileError("certificate", certificate, _why(error, expected_content)) from error
    return context


def distrust(
    error: ssl.SSLCertVerificationError, ca: object, *, ca_setting: str, addresses: str
) -> tuple[str, str]:
    """Return what is wrong with a server's certificate, as a predicate, and what to do about it.

    `ca` is the file of the trusted CA, if any; `ca_setting` names its setting, `addresses` that of the
    servers.
    """
    match error.verify_code:
        case code if code in _NAMES:
            return (
                f"is for another name: {error.verify_message.rstrip('.')}",
                f"name the server as its certificate does, in {addresses}, or have a certificate made for "
                "this name",
            )
        case code if code == _EXPIRED:
            return "has expired", "have it renewed"
        case code if code == _NOT_YET:
            return "is not valid yet", "see that the clocks here and there are right"
        case code if code in _UNKNOWN_SIGNER:
            by = f"the CA in {ca}" if ca else "a CA that this machine knows"
            return f"is not signed by {by}", f"set {ca_setting} to its CA's certificate"
        case _:
            return f"is not trusted: {error.verify_message}", "have another made"


def _why(error: OSError, expected_content: str) -> str:
    if isinstance(error, ssl.SSLError):
        return f"does not hold {expected_content}, in PEM form"
    return f"cannot be read: {error.strerror}"
