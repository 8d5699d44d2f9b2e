"""
How we stand with the API server: what is known of each resource, since when it
fails, how long to wait, and what the log has to have.

The log has one line when all is known, one when something is lost, one when it
is back, and one for each resource that we may not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.logger import Logger

from ..gateway.cluster import Cluster, Resource
from .apiserver import ApiServer

_log = Logger()

#: Seconds before whatever failed is tried again: the first time, and at most.
SHORTEST = 1.0
LONGEST = 30.0

#: Seconds before a list is tried again that was forbidden.
FORBIDDEN = 300.0


@dataclass(slots=True)
class Progress:
    """
    How far one resource has come.

    :ivar version: where a watch goes on; empty if there must be a list first.
    :ivar failures: in a row.
    :ivar known: whether what is known of it is up to date.
    :ivar forbidden: whether we may not know.
    """

    version: str = ""
    failures: int = 0
    known: bool = False
    forbidden: bool = False


class Standing:
    """
    What is known, what is not, and what has been said of it.

    :ivar progress: that of each resource.
    """

    def __init__(
        self, api: ApiServer, cluster: Cluster, chance: Callable[[], float]
    ) -> None:
        """
        Begin with nothing known.

        :param chance: returns numbers from 0 to 1, to shake times with.
        """
        self._api = api
        self._cluster = cluster
        self._chance = chance
        self.progress = {resource: Progress() for resource in Resource}
        self._told = False
        self._lost = False

    def known(self, resource: Resource) -> None:
        """Note that a resource is up to date; log it when all are."""
        progress = self.progress[resource]
        progress.known, progress.forbidden = True, False
        self._keep_in_touch(resource, True)
        self._report()

    def failed(self, resource: Resource, why: str) -> float:
        """
        Note that something failed; log it if nothing had.

        :returns: seconds to wait.
        """
        progress = self.progress[resource]
        progress.known = False
        self._keep_in_touch(resource, False)
        if not self._lost:
            self._lost = True
            _log.warn(
                "{api}: {resource}: {why}; it is tried again",
                api=self._api,
                resource=resource.value,
                why=why,
            )
        delay = min(LONGEST, SHORTEST * 2.0 ** min(progress.failures, 16))
        progress.failures += 1
        return self.shaken(delay)

    def forbidden(self, resource: Resource, why: str) -> float:
        """
        Note that we may not know a resource, and forget what is known of it.

        :returns: seconds to wait.
        """
        progress = self.progress[resource]
        progress.version = ""
        progress.known = False
        self._cluster.forget(resource)
        if not progress.forbidden:
            progress.forbidden = True
            _log.warn(
                "{api}: we may not know its {resource} ({why}), so it is asked for "
                "pods itself; give our account a ClusterRole with the rule apiGroups "
                '[""], resources [pods, nodes], verbs [list, watch]',
                api=self._api,
                resource=resource.value,
                why=why,
            )
        self._report()
        return self.shaken(FORBIDDEN)

    def shaken(self, delay: float) -> float:
        """Return a time of half of *delay* to all of it, in seconds."""
        return delay * (0.5 + self._chance() / 2)

    def _keep_in_touch(self, resource: Resource, touch: bool) -> None:
        """Let routing know whether what is known of pods is up to date."""
        if resource is Resource.PODS:
            self._cluster.in_touch = touch

    def _report(self) -> None:
        """Log that all that may be known is known, unless the log has it."""
        all_of = self.progress.values()
        if not all(each.known or each.forbidden for each in all_of):
            return
        if (self._told and not self._lost) or not any(each.known for each in all_of):
            return
        counts = ", ".join(
            _counted(self._cluster.count(resource), resource)
            for resource, each in self.progress.items()
            if each.known
        )
        words = "pods and nodes known again" if self._told else "pods and nodes known"
        self._told, self._lost = True, False
        _log.info("{api}: {words}: {counts}", api=self._api, words=words, counts=counts)


def _counted(count: int, resource: Resource) -> str:
    """Say how many there are."""
    return (
        f"{count} {resource.value.removesuffix('s') if count == 1 else resource.value}"
    )
