"""Keeping the severity matrix: reading its versions, making new ones, and trying them on what happened."""

from services.triage.domain.matrix_trial import MatrixTrial, try_matrix
from services.triage.domain.severity_matrix import MatrixRevision, SeverityMatrix
from services.triage.storage.assessment_store import AssessmentStore
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.revisions import RevisionStore


class Matrices:
    """The versions of the severity matrix."""

    def __init__(self, store: RevisionStore[SeverityMatrix], found: AssessmentStore, clock: Clock) -> None:
        self._store = store
        self._found = found
        self._clock = clock

    async def newest(self, known: int | None = None) -> MatrixRevision:
        """Returns the newest version; asks the store for it unless it is the one `known` to be the newest."""
        return self._store.at_hand(known) or await self._store.newest(self._clock.now())

    async def get(self, revision: int) -> MatrixRevision:
        """Returns a version, the newest for 0."""
        newest = await self.newest()
        return newest if revision in {0, newest.revision} else await self._store.get(revision)

    async def page(self, paging: PageQuery) -> Page[MatrixRevision]:
        await self.newest()
        return await self._store.page(paging)

    async def update(self, matrix: SeverityMatrix, etag: str, reason: str, *, validate_only: bool, author: str = "") -> MatrixRevision:
        """Makes a new version on behalf of the caller, or of `author`; what would be made, when only to be validated."""
        matrix.check()
        now = self._clock.now()
        newest = await self._store.newest(now)
        return await self._store.replace(
            etag, MatrixRevision(newest.revision + 1, matrix, author or current_principal_name(), reason, now), validate_only=validate_only
        )

    async def try_(self, matrix: SeverityMatrix, count: int) -> MatrixTrial:
        """Reads the incidents opened last by the matrix, and stores nothing. Raises as `check` does."""
        matrix.check()
        return try_matrix(matrix, await self._found.latest_findings(count))
