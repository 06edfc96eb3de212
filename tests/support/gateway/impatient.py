"""A gateway process with short timeouts: `python -m tests.support.gateway.impatient`."""

import os
import resource

from pointsman.bus.host import serve
from pointsman.gateway.app import build
from pointsman.gateway.asking import body
from pointsman.gateway.settings import GatewaySettings
from pointsman.runtime import bounded_http, logging

if __name__ == "__main__":
    if files := int(os.environ.get("OPEN_FILES", "0")):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    bounded_http.HEAD_S, body.BODY_S = float(os.environ["HEAD_S"]), 3.0
    logging.configure()
    settings = GatewaySettings()
    raise SystemExit(serve(build(settings), settings))
