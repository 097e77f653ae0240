"""Facts from files into the database: read, checked, set aside where bad, stored where good."""

from api.intake.fields import FactKind, Field
from api.intake.importer import ImportReport, import_facts
from api.intake.kinds import KINDS, kind_named

__all__ = ["KINDS", "FactKind", "Field", "ImportReport", "import_facts", "kind_named"]
