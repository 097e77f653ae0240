"""A tier policy as a document for people to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

from api.db.policy_pages import read_sources
from api.domain.policy_page import policy_page, to_html, to_markdown
from api.graphql.access import CATALOGUE, RULES
from api.graphql.context import Info
from api.graphql.described import field
from api.graphql.language import Language, LanguageChoice, in_script, written


@strawberry.type(
    description="A version of a tier policy as a document for people to read.", directives=[RULES]
)
class PolicyDocument:
    key: str = strawberry.field(description="Key of the policy.")
    version: int = strawberry.field(description="Its version.")
    language: Language = strawberry.field(description="The language it is written in.")
    title: str = strawberry.field(description="Its heading.")
    html: str = strawberry.field(
        description="An `article` element: headings from h1 on, no scripts and no styles."
    )
    markdown: str = strawberry.field(description="The same as Markdown.")


@strawberry.type
class PolicyDocumentQueries:
    @field(
        "The policy in force, or another version, with its classes and strategies, in words.",
        needs=CATALOGUE,
        converts=False,
    )
    async def policy_document(
        self,
        info: Info,
        language: LanguageChoice = None,
        key: Annotated[
            str | None,
            strawberry.argument(description="Key of a policy; left out, the one in force."),
        ] = None,
        version: Annotated[
            int | None, strawberry.argument(description="Left out, the latest of that policy.")
        ] = None,
    ) -> PolicyDocument | None:
        context = info.context
        sources = await read_sources(context.snapshot, context.exponent, key, version)
        chosen = language or context.language
        page = policy_page(sources, written(chosen), context.currency, context.exponent)
        page = replace(page, language=chosen.value)
        return PolicyDocument(
            key=sources.policy.key,
            version=sources.version.number,
            language=chosen,
            title=in_script(page.title, chosen),
            html=in_script(to_html(page), chosen),
            markdown=in_script(to_markdown(page), chosen),
        )
