"""One installation with TLS, ACLs and logins, shared by all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.access.installation import Guarded, installation


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with installation(tmp_path_factory.mktemp("guarded")) as made:
        yield made
