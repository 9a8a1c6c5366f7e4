"""One version of a document, and who made it why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

Document = TypeVar("Document")


@dataclass(frozen=True)  # no slots: with them, Python 3.11 cannot make one of Revision[X]
class Revision(Generic[Document]):
    """A document at one version."""

    revision: int  # 1 for the first, one more for each change
    document: Document
    author: str
    reason: str
    create_time: datetime
