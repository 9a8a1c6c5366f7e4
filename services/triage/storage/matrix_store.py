"""How the severity matrix is stored."""

from services.triage.domain.errors import MatrixRevisionNotFound
from services.triage.domain.events import SeverityMatrixChanged
from services.triage.domain.severity_matrix import SeverityMatrix
from services.triage.storage.rows import matrix_from_json, matrix_to_json
from services.triage.storage.tables import severity_matrix
from shared.events.outbox import Outbox
from shared.revisions import Form, RevisionStore
from shared.storage.database import Database


def matrix_store(database: Database, outbox: Outbox, default: SeverityMatrix) -> RevisionStore[SeverityMatrix]:
    """Returns the versions of the severity matrix; the first is `default`, stored when the matrix is first looked at."""
    form = Form("severityMatrix", "matrix", default, matrix_to_json, matrix_from_json, SeverityMatrixChanged, MatrixRevisionNotFound)
    return RevisionStore(database, outbox, severity_matrix, form)
