"""`python -m pointsman.dev.lock_jars` writes `jars.lock`: what the pinned Kafka needs, as Maven resolves it.

Run it after changing KAFKA in `jars.py`, then read the difference. `--check` writes nothing and fails on one.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from pointsman.dev.jars import KAFKA, LOCK_FILE, Jar, repository, write_lock

#: Dependencies that the broker never loads, and what needs them.
LEFT_OUT = {
    "commons-beanutils": "parts of commons-validator that Kafka does not call",
    "commons-collections": "commons-beanutils",
    "commons-digester": "parts of commons-validator that Kafka does not call",
    "commons-logging": "commons-beanutils",
    "jackson-dataformat-csv": "tools that print CSV",
    "jackson-dataformat-yaml": "tools that print YAML",
    "jackson-datatype-jdk8": "tools",
    "jose4j": "OAUTHBEARER",
    "jspecify": "annotations",
    "kafka-tools-api": "tools",
    "scala-reflect": "macros, at compile time",
    "snakeyaml": "jackson-dataformat-yaml",
}


def lock() -> str:
    """Return the text of the lock file. It depends on the Kafka version only."""
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as downloads:
        maven = MavenContext(repo_cache=Path(downloads), remote_repos={"central": repository()}, timeout=60)
        broker = maven.create_dependency(f"org.apache.kafka:kafka_2.13:{KAFKA}")
        _, needed = maven.resolver.resolve([broker])
        jars = {dependency.artifactId: dependency for dependency in [broker, *needed]}
        if unknown := LEFT_OUT.keys() - jars.keys():
            raise SystemExit(f"LEFT_OUT names what Kafka does not ask for: {', '.join(sorted(unknown))}")
        # Kafka's distribution contains its logging binding, but its POM does not name it.
        log4j = f"org.apache.logging.log4j:log4j-slf4j-impl:{jars['log4j-core'].version}"
        jars["log4j-slf4j-impl"] = maven.create_dependency(log4j)
        return write_lock(
            [
                _pinned(jar.groupId, name, str(jar.version), jar.artifact.resolve())
                for name, jar in sorted(jars.items())
                if name not in LEFT_OUT
            ]
        )


def _pinned(group: str, artifact: str, version: str, file: Path) -> Jar:
    content = file.read_bytes()
    return Jar(group, artifact, version, hashlib.sha256(content).hexdigest(), len(content))


def main() -> None:
    """Write or check the lock file. Exits with 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m pointsman.dev.lock_jars", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it would change")
    check = parser.parse_args().check
    text = lock()
    if check and text != LOCK_FILE.read_text():
        sys.exit(f"{LOCK_FILE.name} is not what Maven resolves; run this without --check")
    if not check:
        LOCK_FILE.write_text(text)


if __name__ == "__main__":
    main()
