"""Every expected failure of the model library; messages name the thing and the way out."""

from __future__ import annotations


class MLError(Exception):
    """An expected failure. Its message is safe to show: it holds no secret and no personal data."""


class NoFacts(MLError, FileNotFoundError):
    """There is no committed fact store in this folder."""


class BadFacts(MLError, ValueError):
    """The fact store, or what someone wants to put into it, breaks the contract."""


class NotEnoughHistory(MLError, ValueError):
    """The facts can't teach this model: no purchases, too few customers, too short a time."""


class FitFailed(MLError, ArithmeticError):
    """A likelihood could not be maximised from any start."""


class BadModel(MLError, ValueError):
    """A model folder is incomplete, altered, or made for something else."""


class RegistryError(MLError, LookupError):
    """The model registry lacks the thing asked for, or can't be used as it stands."""


class BadTable(MLError, ValueError):
    """A labelled table, or one to be scored, lacks a column or holds what can't be understood."""


class BadLog(MLError, ValueError):
    """A purchase log lacks a column, or holds what can't be understood."""
