"""Real clients before a gateway of several processes."""

from __future__ import annotations

import os
import signal

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from .running import PeerCase

PATH = "/api/v1/namespaces/p/pods/q/portforward"

#: Clients at a time: enough for two workers to have several each.
CLIENTS = 6


class WorkersTests(PeerCase):
    """Each session is one worker's, and goes on whatever becomes of the other."""

    def test_shared_out(self) -> Deferred[None]:
        """Both workers have clients, and every client is served."""

        async def check() -> None:
            echo = await self.pod("echo")
            running, url = await self.gateway(
                "--workers", "2", "--pod", "p/q=127.0.0.1"
            )
            serving = await gatherResults(
                [
                    running.says(rf"worker {number} \(pid (\d+)\) serves")
                    for number in "12"
                ]
            )
            forwards = []
            for found in serving:  # on a busy machine one could take them all
                os.kill(int(found[1]), signal.SIGSTOP)
                forwards.append(await self.forward("clientgo", url + PATH, [echo]))
                os.kill(int(found[1]), signal.SIGCONT)
            while len(forwards) < CLIENTS:
                forwards.append(await self.forward("clientgo", url + PATH, [echo]))
            await gatherResults(
                ensureDeferred(
                    self.load(
                        *("churn", "-addr", forward.address(echo), "-n", "20"),
                        *("-parallel", "4", "-bytes", "100000", "-timeout", "100s"),
                    )
                )
                for forward in forwards
            )
            running.send(signal.SIGTERM)
            await running.ends()
            shares = [
                len([
                    line
                    for line in running.output.splitlines()
                    if f"[worker {number}," in line and " session " in line
                ])
                for number in "12"
            ]  # fmt: skip
            self.assertEqual(sum(shares), CLIENTS, running.output)
            self.assertGreaterEqual(min(shares), 1, running.output)

        return ensureDeferred(check())

    def test_one_dies(self) -> Deferred[None]:
        """The sessions of the other one carry on, and new ones are made."""

        async def check() -> None:
            echo = await self.pod("echo")
            running, url = await self.gateway(
                "--workers", "2", "--pod", "p/q=127.0.0.1"
            )
            one, other = await gatherResults(
                [
                    running.says(rf"worker {number} \(pid (\d+)\) serves")
                    for number in "12"
                ]
            )
            pids = int(one[1]), int(other[1])
            os.kill(pids[1], signal.SIGSTOP)
            kept = await self.forward("clientgo", url + PATH, [echo])
            os.kill(pids[1], signal.SIGKILL)
            await running.says("worker 2 .* was ended by SIGKILL")
            new = await self.forward("clientgo", url + PATH, [echo])
            for forward in (kept, new):
                await self.load(
                    *("churn", "-addr", forward.address(echo), "-n", "20"),
                    *("-parallel", "4", "-bytes", "100000", "-timeout", "100s"),
                )

        return ensureDeferred(check())
