"""Tier policies as documents: five kinds of ladders, chosen by who the customer is."""

from api.domain.policies.document import Branch, PolicyDocument, Remark, Rung, Tier
from api.domain.policies.quantiles import Cuts
from api.domain.policies.reader import REMARKS, parse_document, require_currency
from api.domain.policies.stability import Stability

__all__ = [
    "REMARKS",
    "Branch",
    "Cuts",
    "PolicyDocument",
    "Remark",
    "Rung",
    "Stability",
    "Tier",
    "parse_document",
    "require_currency",
]
