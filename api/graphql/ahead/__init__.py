"""Look-ahead: whole subtrees of a document answered from one statement, without an object a row.

`shapes` says how mappings from fields to columns are written, the modules by noun are those
mappings, `planning` turns a selection into columns and steps, `reading` runs it.
"""
