"""Seconds and memory of trying a policy on everybody, as the command line and the web do it."""

from __future__ import annotations

import asyncio
import datetime as dt

from api.db.engine import make_engine
from api.documents import read_policy_file
from api.simulation import simulate_policy
from api.simulation_documents import simulation_document
from api.simulation_process import Simulator
from bench.clock import Clock, Measurement

POLICY = "retail-rfm"
"""Ships with Echelon and is not the one in force."""
PATIENCE_SECONDS = 600.0


def simulate(url: str, now: dt.datetime) -> Measurement:
    """By the command line's path in this process, then by the web's in one of its own."""
    policy, clock = read_policy_file(POLICY), Clock()
    with clock.part("simulation"):
        found = simulation_document(simulate_policy(make_engine(url), url, policy, now=now))
    simulator = Simulator(url, PATIENCE_SECONDS)
    with clock.part("simulation for the web"):
        again = asyncio.run(simulator.simulate(policy, now=now, sensitive=True))
    if again != found:
        raise SystemExit("The web's simulation is not that of the command line.")
    counts = {"customers": found["customers"], "moved": found["moved"]["customers"]}
    return {"parts": clock.parts, "counts": counts}
