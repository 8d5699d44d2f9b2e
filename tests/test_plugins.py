"""Tests for the plug-in that tells ``twistd`` of the services."""

from __future__ import annotations

import ast
import shlex
import sys
from pathlib import Path

from twisted.application.service import ServiceMaker
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from spdygate.service.options import Options
from tests.peers.running import PeerCase
from twisted.plugins import spdygate_dropin

MAKERS = (spdygate_dropin.spdygate, spdygate_dropin.spdygate_node)


class DropinTests(SynchronousTestCase):
    """What every ``twistd`` on the machine imports."""

    def test_imports_nothing_of_ours(self) -> None:
        """Whoever runs another service of ``twistd`` does not pay for ours."""
        source = Path(spdygate_dropin.__file__).read_text()
        imported = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        self.assertEqual(
            [ast.unparse(node) for node in imported],
            ["from twisted.application.service import ServiceMaker"],
        )

    def test_makers(self) -> None:
        """Each names a module with a command line and a service."""
        self.assertEqual(
            [maker.tapname for maker in MAKERS], ["spdygate", "spdygate-node"]
        )
        for maker in MAKERS:
            assert isinstance(maker, ServiceMaker)
            options = maker.options()
            assert isinstance(options, Options)
            self.assertEqual(options.command, f"twistd {maker.tapname}")
            self.assertTrue(callable(maker.makeService))

    def test_examples(self) -> None:
        """Each command that help shows is one: only its files, or its pod, are missing."""
        by_name = {maker.tapname: maker for maker in MAKERS}
        seen = 0
        for maker in MAKERS:
            shown = maker.options().examples.replace("\\\n", " ")
            for line in shown.splitlines():
                if not line.startswith("  twistd"):
                    continue
                _, _, _, name, *words = shlex.split(line)
                try:
                    by_name[name].options().parseOptions(words)
                except SystemExit as ended:
                    missing = "there is no such file|this is no pod of a cluster"
                    self.assertRegex(str(ended.code), missing)
                seen += 1
        self.assertEqual(seen, 9)


class TwistdTests(PeerCase):
    """The real ``twistd``."""

    def test_help(self) -> Deferred[None]:
        """It lists both services, each with a sentence."""

        async def check() -> None:
            run = "from twisted.scripts.twistd import run; run()"
            running = self.start("twistd", sys.executable, "-c", run, "--help")
            self.assertEqual(await running.ends(), 0, running.output)
            shown = " ".join(running.output.split())
            for maker in MAKERS:
                self.assertIn(f"{maker.tapname} {maker.description}", shown)

        return ensureDeferred(check())
