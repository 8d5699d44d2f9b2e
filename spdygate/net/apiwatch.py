"""
What the API server tells of pods and nodes, kept up to date.

Each of the two is listed, page by page, and watched from there on
(kubernetes.io/docs/reference/using-api/api-concepts, "Efficient detection of
changes").  The rules:

1. A watch ends every few minutes, by our own wish, and goes on where it was;
   so a connection that died without a word is noticed.
2. What is too old to go on from (410) is listed again.
3. Whatever fails is tried again after a time that doubles up to a bound, and is
   shaken so that many gateways do not come all at once.
4. Who may not list (403) goes on without: routing then asks the API server for
   every pod.  It is tried again now and then, as rules may be added.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ..errors import SpdygateError
from ..gateway.cluster import Change, Cluster, Kept, Resource
from ..wire.portforward import one_line
from .apiasking import ApiClient, Refused, Strange, why
from .apiserver import ApiServer
from .apistanding import SHORTEST, Progress, Standing

#: Objects in one page of a list.
PAGE = 500

#: Seconds after which a watch is to end by itself, and some more for it to do
#: so.  client-go has 5 to 10 minutes.
WATCH = 300.0
WATCH_GRACE = 30.0

_CHANGES = {change.value: change for change in Change}


class _TooOld(SpdygateError):
    """What we know is too old to go on from."""


class ApiWatch(Service):
    """Keeps a `Cluster` up to date while it runs."""

    def __init__(
        self,
        api: ApiServer,
        cluster: Cluster,
        clock: IReactorTime,
        chance: Callable[[], float] = random,
    ) -> None:
        """
        Prepare; nothing is asked before the service starts.

        :param chance: returns numbers from 0 to 1, to shake times with.
        """
        self._cluster = cluster
        self._clock = clock
        self._client = ApiClient(api, clock)
        self._standing = Standing(api, cluster, chance)
        self._following: list[Deferred[None]] = []

    def startService(self) -> None:
        """Begin to list and watch."""
        super().startService()
        self._following = [
            Deferred.fromCoroutine(self._follow(resource)) for resource in Resource
        ]

    def stopService(self) -> None:
        """Stop at once; what is known is kept."""
        super().stopService()
        following, self._following = self._following, []
        for each in following:
            each.addErrback(_quietly)
            each.cancel()

    async def _follow(self, resource: Resource) -> None:
        """List and watch one resource until the service stops."""
        progress = self._standing.progress[resource]
        while self.running:
            try:
                await self._once(resource, progress)
            except Exception:  # noqa: BLE001
                # Whatever it is, the API server may answer better next time.
                if self.running:
                    delay = self._judge(resource, progress, Failure())
                    await deferLater(self._clock, delay)

    async def _once(self, resource: Resource, progress: Progress) -> None:
        """List if need be, and watch until the watch ends."""
        if not progress.version:
            await self._list(resource, progress)
        began = self._clock.seconds()
        news = await self._watch(resource, progress)
        if not news and self._clock.seconds() - began < SHORTEST:
            raise Strange("its watch ends as soon as it begins")
        progress.failures = 0

    async def _list(self, resource: Resource, progress: Progress) -> None:
        """List all there is."""
        kept: list[Kept] = []
        query = {"limit": str(PAGE)}
        while True:
            page = await self._client.page(f"/api/v1/{resource.value}", query)
            trimmed = (self._cluster.trim(resource, item) for item in _items(page))
            kept += [each for each in trimmed if each is not None]
            more = _metadata(page).get("continue")
            if not more:
                break
            query = {"limit": str(PAGE), "continue": str(more)}
        version = _version(page)
        if not version:
            raise Strange("its list has no resourceVersion")
        self._cluster.replace(resource, kept)
        progress.version = version
        progress.failures = 0
        self._standing.known(resource)

    async def _watch(self, resource: Resource, progress: Progress) -> bool:
        """
        Take note of changes until the watch ends.

        :returns: whether anything was told.
        """
        news = False

        def tell(event: dict[str, Any]) -> None:
            nonlocal news
            news = True
            self._take(resource, progress, event)

        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(WATCH)),
            "resourceVersion": progress.version,
        }
        path = f"/api/v1/{resource.value}"
        watching = await self._client.watch(path, query, tell)
        self._standing.known(resource)
        await watching.addTimeout(WATCH + WATCH_GRACE, self._clock)
        return news

    def _take(
        self, resource: Resource, progress: Progress, event: dict[str, Any]
    ) -> None:
        """Take note of one event of a watch."""
        kind, item = event.get("type"), event.get("object")
        if kind == "ERROR":
            raise _error(item)
        change = _CHANGES.get(str(kind))
        kept = self._cluster.trim(resource, item) if change else None
        if change is not None and kept is not None:
            self._cluster.apply(change, kept)
        # A BOOKMARK has nothing but this.
        progress.version = _version(item) or progress.version
        progress.failures = 0

    def _judge(self, resource: Resource, progress: Progress, failure: Failure) -> float:
        """
        Say what a failure means for what is known.

        :returns: seconds to wait.
        """
        error = failure.value
        status = error.status if isinstance(error, Refused) else 0
        if isinstance(error, _TooOld) or (status == 410 and progress.version):
            progress.version = ""
            return self._standing.shaken(SHORTEST)
        if status == 403:
            return self._standing.forbidden(resource, str(error))
        return self._standing.failed(resource, why(failure))


def _items(page: dict[str, Any]) -> list[Any]:
    """Return the objects of a list, which may say null for none."""
    items = page.get("items")
    if items is not None and not isinstance(items, list):
        raise Strange("its list has no items")
    return items or []


def _metadata(item: object) -> dict[str, Any]:
    """Return what an object says of itself."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _version(item: object) -> str:
    """Return the resource version of an object; nothing if it has none."""
    version = _metadata(item).get("resourceVersion")
    return version if isinstance(version, str) else ""


def _error(item: object) -> SpdygateError:
    """Return what a watch's ERROR means, whose object is a Status."""
    status = item if isinstance(item, dict) else {}
    if status.get("code") == 410:
        return _TooOld("what we know is too old to go on from")
    return Strange(f"its watch fails: {one_line(str(status.get('message')))}")


def _quietly(failure: Failure) -> None:
    """Expect to be cancelled."""
    failure.trap(CancelledError)
