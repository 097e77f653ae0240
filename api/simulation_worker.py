"""The process behind `api.simulation_process`: a request on its input, the answer on its output."""

from __future__ import annotations

import datetime as dt
import json
import signal
import sys

from api.db.engine import make_engine
from api.errors import EchelonError
from api.simulation import simulate_policy
from api.simulation_documents import simulation_document
from api.simulation_process import EXPECTED


def main() -> None:
    """What the caller can mend is an answer too; anything else ends the process."""
    # The server ends this process if it must; a signal to the whole group is not meant for it.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    request = json.load(sys.stdin)
    try:
        report = simulate_policy(
            make_engine(request["url"]),
            request["url"],
            request["policy"],
            now=dt.datetime.fromisoformat(request["now"]),
            sensitive=request["sensitive"],
        )
        answer = simulation_document(report)
    except EchelonError as error:
        if error.code not in EXPECTED:
            raise
        answer = {"error": {"code": error.code, "message": str(error)}}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
