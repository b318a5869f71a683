"""The dashboard of a trial: `limen dashboard` as a child, with what it says about itself when it starts."""

from __future__ import annotations

import re
import subprocess
import sys
from types import TracebackType
from typing import Final, Self

from edge.clock import Clock
from edge.errors import LimenError
from edge.service.trial import Trial, child

_SAID: Final = re.compile(r"dashboard is at (\S+)\n.*: (\S+)\n")
_STOP_SECONDS: Final = 10.0


class TrialBoard:
    """Use as a context manager, while the trial runs. `address` and `password` are what one logs in with."""

    def __init__(self, trial: Trial, clock: Clock, patience: float) -> None:
        self.address = self.password = ""
        self._trial, self._clock, self._patience = trial, clock, patience
        self._log = trial.home / "dashboard.log"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "edge", "dashboard", "--config", str(self._trial.config)]
        with self._log.open("wb") as log:
            self._process = child(command, log, log)
        deadline = self._clock.now() + self._patience
        while (said := _SAID.search(self._words())) is None:
            if self._process.poll() is not None or self._clock.now() > deadline:
                self.__exit__(None, None, None)
                raise LimenError(f"the dashboard did not come up:\n{self._words()}")
            self._clock.sleep(0.02)
        self.address, self.password = said[1], said[2]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")
