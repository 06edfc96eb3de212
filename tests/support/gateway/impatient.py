"""The gateway as a process of its own that is less patient: `python -m tests.support.gateway.impatient`."""

from pointsman.gateway import app
from pointsman.gateway.asking import body
from pointsman.gateway.settings import GatewaySettings
from pointsman.runtime import bounded_http

if __name__ == "__main__":
    bounded_http.HEAD_S, body.BODY_S = 4.0, 3.0
    raise SystemExit(app.run(GatewaySettings()))
