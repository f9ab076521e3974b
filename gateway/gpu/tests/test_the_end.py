"""A server process: what it logs, and how it ends. Last, because the process that the SDK's tests used ends here."""

import os
import re
import signal

import httpx
from client import ADAM, Client
from conftest import until


def test_a_process_logs_paths_and_states_and_no_text_and_drains_on_sigterm(process):
    caller = Client(process.url).session()
    model = caller.open()
    process.stop(signal.SIGTERM)
    assert until(lambda: httpx.get(process.url + "/readyz").status_code == 503)
    assert caller.post("/create_session", {}).status_code == 503  # nothing new begins
    caller.create(status=503)
    step = {"model_id": model, "seq_id": 1, "adam_params": ADAM}
    assert caller.result(caller.ask("/optim_step", step)) == {"metrics": {}}  # what is open may end
    caller.finish()
    assert os.waitstatus_to_exitcode(process.wait()) == 0
    log = process.log.read_text()
    assert re.search(r"POST /api/v1/optim_step 200", log) and not re.search(r"Traceback|tml-test|ERROR", log)
