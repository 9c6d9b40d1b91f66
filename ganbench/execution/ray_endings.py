"""Names for what ended a Ray task without a word."""

from __future__ import annotations

from ganbench.execution.orders import Ending
from ganbench.execution.ray_cluster import last_line


def of_task(error: Exception | None, host: str) -> Ending:
    """How a task ended.

    :param error: what Ray raises for it; None if it returned.
    :param host: the node's name, if it had begun.
    """
    from ray import exceptions

    where = f"node {host}" if host else "its node"
    if isinstance(error, exceptions.OutOfMemoryError):
        return Ending("oom", f"{where} ran out of memory, and Ray ended it")
    if error is None or (
        isinstance(error, exceptions.RayTaskError) and not isinstance(error, _of_connections())
    ):
        why = "it ended without a word" if error is None else last_line(error)
        return Ending("crashed", f"its Ray task failed on {where}: {why}")
    if isinstance(error, exceptions.WorkerCrashedError):
        return Ending("crashed", f"its Ray worker on {where} was ended", outside=True)
    if isinstance(error, exceptions.TaskCancelledError):
        return Ending("crashed", "its Ray task was cancelled", outside=True)
    return Ending("crashed", f"{where} was lost", outside=True)


def _of_connections() -> tuple[type[Exception], ...]:
    """What a task raises that cannot reach the driver any more."""
    from ray import exceptions

    return (exceptions.RayActorError, exceptions.ObjectLostError, TimeoutError)
