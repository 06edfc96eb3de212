"""`python -m pointsman.dev.cluster_keys`: certificates of a broker that asks for one, or for a login.

The broker shows its own to clients, to other brokers and to the controller; the super user its own to the
broker. What signed them is kept nowhere: where one is missing, or they end soon, all are made anew.
"""

import argparse
from pathlib import Path

from pointsman.dev.certificates import Authority, lasts

#: What the certificates name, and the broker's `super.users` too.
BROKER, ADMIN = "pointsman-broker", "pointsman-admin"
_DAYS = 365


def make(broker: Path, admin: Path, hosts: list[str]) -> bool:
    """Write keys, certificates and `ca.pem` into both folders. Returns False if nothing had to be done."""
    files = [broker / "ca.pem", broker / f"{BROKER}.pem", admin / "ca.pem", admin / f"{ADMIN}.pem"]
    if all(file.exists() for file in files) and lasts(broker / "ca.pem"):
        return False
    authority = Authority(broker, "ca", days=_DAYS)
    authority.sign(BROKER, *hosts, days=_DAYS)
    authority.sign(ADMIN, days=_DAYS, folder=admin)
    (admin / "ca.pem").write_bytes(authority.file.read_bytes())
    return True


def main() -> None:
    """Create what is missing; safe to repeat."""
    parser = argparse.ArgumentParser(prog="python -m pointsman.dev.cluster_keys", description=__doc__)
    parser.add_argument("broker", type=Path, help="the broker's folder")
    parser.add_argument("admin", type=Path, help="the super user's folder")
    parser.add_argument("hosts", nargs="+", help="names and addresses by which the broker is reached")
    arguments = parser.parse_args()
    make(arguments.broker, arguments.admin, arguments.hosts)


if __name__ == "__main__":
    main()
