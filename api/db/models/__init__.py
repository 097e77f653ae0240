"""The whole schema: importing this package registers every table on `Base.metadata`."""

from api.db.models.audit import AuditEntry, IdempotentReply
from api.db.models.base import Base
from api.db.models.classes import Classification, RelationshipStatus
from api.db.models.contacts import Consent, Feedback, Interaction, PurchaseIntent, Referral
from api.db.models.customers import (
    AttributeDefinition,
    Customer,
    CustomerAttribute,
    CustomerIdentifier,
    CustomerNameToken,
)
from api.db.models.decisions import (
    ClassChange,
    CustomerProfile,
    TierAssignment,
    TierPolicyVersion,
)
from api.db.models.documents import DocumentVersion, Override
from api.db.models.finance import AccountBalance, Invoice, ServiceCost
from api.db.models.findings import CustomerFinding, MiningRun
from api.db.models.intake import ExchangeRate, ImportBatch, Installation
from api.db.models.keys import ApiKey
from api.db.models.orders import Order, OrderLine, Product
from api.db.models.predictions import (
    ModelPromotion,
    ModelVersion,
    Prediction,
    PredictionHistory,
    RefreshRun,
)
from api.db.models.replays import ReplayInput, ReplayMonth
from api.db.models.segments import Segment, SegmentMembership
from api.db.models.statistics import MonthlyStatistic
from api.db.models.strategies import (
    CustomerCase,
    Recommendation,
    ResourcePlan,
    Strategy,
    StrategyAction,
)
from api.db.models.trusted_documents import TrustedDocument

__all__ = [
    "AccountBalance",
    "ApiKey",
    "AttributeDefinition",
    "AuditEntry",
    "Base",
    "ClassChange",
    "Classification",
    "Consent",
    "Customer",
    "CustomerAttribute",
    "CustomerCase",
    "CustomerFinding",
    "CustomerIdentifier",
    "CustomerNameToken",
    "CustomerProfile",
    "DocumentVersion",
    "ExchangeRate",
    "Feedback",
    "IdempotentReply",
    "ImportBatch",
    "Installation",
    "Interaction",
    "Invoice",
    "MiningRun",
    "ModelPromotion",
    "ModelVersion",
    "MonthlyStatistic",
    "Order",
    "OrderLine",
    "Override",
    "Prediction",
    "PredictionHistory",
    "Product",
    "PurchaseIntent",
    "Recommendation",
    "Referral",
    "RefreshRun",
    "RelationshipStatus",
    "ReplayInput",
    "ReplayMonth",
    "ResourcePlan",
    "Segment",
    "SegmentMembership",
    "ServiceCost",
    "Strategy",
    "StrategyAction",
    "TierAssignment",
    "TierPolicyVersion",
    "TrustedDocument",
]
