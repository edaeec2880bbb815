"""What Apple would have signed: a certificate of a pass type under a certificate between it and a root, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

PASS_TYPE = "pass.example.district"
TEAM = "DEF123GHIJ"


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Where everything is."""

    root: Path
    intermediate: Path
    certificate: Path
    key: Path

    @property
    def texts(self) -> dict[str, str]:
        """As an operator pastes them."""
        return {
            "certificate": self.certificate.read_text(),
            "intermediate": self.intermediate.read_text(),
            "key": self.key.read_text(),
        }


def openssl(*arguments: str) -> bytes:
    """What openssl says. Raises: CalledProcessError."""
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def authority(
    folder: Path, *, subject: str = f"/UID={PASS_TYPE}/CN=Pass Type ID/OU={TEAM}/O=Test"
) -> Authority:
    """A whole chain, valid for two days."""
    root, root_key = folder / "root.pem", folder / "root.key"
    between, between_key = folder / "between.pem", folder / "between.key"
    own, own_key = folder / "pass.pem", folder / "pass.key"
    rsa = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *rsa, "-subj", "/CN=Root", "-keyout", str(root_key), "-out", str(root))
    ca = folder / "ca.cnf"
    ca.write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature\n")
    for name, made, key, by, by_key, extra in (
        ("/CN=WWDR", between, between_key, root, root_key, ("-extfile", str(ca))),
        (subject, own, own_key, between, between_key, ()),
    ):
        request = folder / "request.pem"
        openssl("req", "-new", *rsa[:3], "-subj", name, "-keyout", str(key), "-out", str(request))
        signed = ("-CA", str(by), "-CAkey", str(by_key), "-CAcreateserial", "-days", "2", *extra)
        openssl("x509", "-req", "-in", str(request), *signed, "-out", str(made))
    return Authority(root=root, intermediate=between, certificate=own, key=own_key)
