"""Mutation fields one after the other, each until its change is committed or undone."""

from __future__ import annotations

import inspect
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.error import located_error
from graphql.pyutils import AwaitableOrValue, Path, Undefined

from api.graphql.mutations.changes import Reply
from api.graphql.plans import PlannedExecution


class ChangingExecution(PlannedExecution):
    def execute_fields_serially(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        fields: dict[str, list[FieldNode]],
    ) -> AwaitableOrValue[dict[str, Any]]:
        return self._one_after_another(parent_type, source_value, path, fields)

    async def _one_after_another(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        fields: dict[str, list[FieldNode]],
    ) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for name, nodes in fields.items():
            place = Path(path, name, parent_type.name)
            try:
                result = await self._changed(parent_type, source_value, nodes, place)
            except Exception as error:  # of the commit itself
                found = located_error(error, nodes, place.as_list())
                kind = parent_type.fields[nodes[0].name.value].type
                self.handle_field_error(found, kind, place)
                result = None
            if result is not Undefined:
                results[name] = result
        return results

    async def _changed(
        self, parent_type: GraphQLObjectType, source: Any, nodes: list[FieldNode], place: Path
    ) -> Any:
        context = self.context_value
        context.change = None
        before = len(self.collected_errors.errors)
        try:
            result = self.execute_field(parent_type, source, nodes, place)
            if inspect.isawaitable(result):
                result = await result
            if context.change is not None:
                await context.change.finish(result, self.collected_errors.errors[before:])
            return result
        finally:
            if context.change is not None:
                await context.change.release()

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_nodes: list[FieldNode],
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
    ) -> AwaitableOrValue[Any]:
        if isinstance(result, Reply):
            for error in result.located(path.as_list()):
                place = path
                for key in (error.path or ())[1:]:
                    place = place.add_key(key)
                self.collected_errors.add(error, place)
            return result.data
        return super().complete_value(return_type, field_nodes, info, path, result)
