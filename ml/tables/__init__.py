"""Predictions from any labelled table: a row for each customer, a column that says who left."""

from ml.tables.care import LabelledTable, read_table
from ml.tables.model import TableModel
from ml.tables.predicting import predict_table
from ml.tables.training import train_table

__all__ = [
    "LabelledTable",
    "TableModel",
    "predict_table",
    "read_table",
    "train_table",
]
