"""Messages of failures in Chinese: what readers of an API see most, by the English sentence.

Failures are raised in English, each message written where it happens. Here stands what a sentence
says in Chinese, with its numbers and names put in by place. A sentence that is not here stays in
English; a test holds that each sentence here is one that the code can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GAP = "{}"
LONGEST = 1_000

CHINESE: Mapping[str, str] = MappingProxyType(
    {
        # keys and rights
        "Send a valid key: `Authorization: Bearer KEY`.": (
            "请提供有效的密钥：`Authorization: Bearer KEY`。"
        ),
        "{} needs a key with the scope {}.": "{0} 需要具有权限 {1} 的密钥。",
        "The filter {} needs a key with the scope pii:read.": (
            "筛选条件 {0} 需要具有权限 pii:read 的密钥。"
        ),
        "Introspection needs a key with the scope schema:read.": (
            "内省查询需要具有权限 schema:read 的密钥。"
        ),
        "{}: {} is sensitive, and needs the scope pii:read.": (
            "{0}：{1} 属于敏感信息，需要权限 pii:read。"
        ),
        # requests
        "The body is not JSON.": "请求正文不是 JSON。",
        "The body is not UTF-8.": "请求正文不是 UTF-8 编码。",
        "The body is nested too deeply.": "请求正文嵌套过深。",
        "The body is nested more than {} levels deep.": "请求正文嵌套超过 {0} 层。",
        "The body has more than {} names and values.": "请求正文的名称和值超过 {0} 个。",
        "The body has text with control characters or half characters.": (
            "请求正文含有控制字符或不完整的字符。"
        ),
        "A request's body has at most {} bytes.": "请求正文最多 {0} 字节。",
        "The body did not arrive within {} seconds.": "请求正文未在 {0} 秒内送达。",
        "Send one request at a time: batches are not supported.": (
            "请一次只发送一个请求：不支持批量请求。"
        ),
        "The body must be a JSON object with the entry `query`.": (
            "请求正文必须是含有 `query` 的 JSON 对象。"
        ),
        "The entry `query` must be a text: the GraphQL document.": (
            "`query` 必须是文本：即 GraphQL 文档。"
        ),
        "The entry `variables` must be an object.": "`variables` 必须是对象。",
        "The entry `operationName` must be a text.": "`operationName` 必须是文本。",
        "The entry `extensions` must be an object.": "`extensions` 必须是对象。",
        "Send `documentId` or `query`, not both.": "请只发送 `documentId` 或 `query` 之一。",
        "Send {}, in UTF-8 and uncompressed.": "请以 UTF-8 编码、不压缩地发送 {0}。",
        "Answers come as {} or {}.": "返回结果的类型为 {0} 或 {1}。",
        # limits
        "The document asks for {} {}; a document may have {}.": (
            "该文档请求的数量为 {0}（{1}），上限为 {2}。"
        ),
        "The document has {} characters; it may have {}.": "该文档有 {0} 个字符，上限为 {1}。",
        "A fragment spreads itself.": "片段引用了自身。",
        "The answer took more than {} seconds.": "处理时间超过 {0} 秒。",
        "Too many requests are being worked on; try again.": "当前处理的请求过多，请稍后重试。",
        # lists
        "Say how many you want: `first` or `last`, from 1 to {}.": (
            "请说明数量：`first` 或 `last`，从 1 到 {0}。"
        ),
        "Give `first` or `last`, not both.": "`first` 与 `last` 只能给出其一。",
        "A page has 1 to {} entries, not {}.": "一页可有 1 到 {0} 条，而不是 {1} 条。",
        "This cursor is not one of this list: a cursor works with the field, the order and the "
        "filter that it was given out for.": (
            "该游标不属于此列表：游标只能与给出它时的字段、排序和筛选条件一起使用。"
        ),
        "{}.{} is null: leave it out, or ask for `isNull` if that is meant.": (
            "{0}.{1} 为 null：请省略它；若要查询空值，请使用 `isNull`。"
        ),
        "A filter may be nested {} levels deep.": "筛选条件最多嵌套 {0} 层。",
        "A filter may have {} conditions.": "筛选最多可有 {0} 个条件。",
        "A filter may name {} values.": "筛选最多可列出 {0} 个值。",
        "orderBy names a field twice.": "orderBy 重复列出了同一字段。",
        "`nodes` takes up to {} ids, not {}.": "`nodes` 最多接受 {0} 个 ID，而不是 {1} 个。",
        "Give either `id` or `externalId`.": "请给出 `id` 或 `externalId` 之一。",
        # documents
        "This key sends stored documents only, by their `documentId`. Documents are stored with: "
        "echelon documents add": (
            "该密钥只能按 `documentId` 发送已存文档。存储文档：echelon documents add"
        ),
        "This key sends documents as they are, not by `documentId`.": (
            "该密钥只能直接发送文档，不能使用 `documentId`。"
        ),
        "The hash is not the SHA-256 of the query beside it.": (
            "哈希值与所附 query 的 SHA-256 不符。"
        ),
        # what people change
        "externalId: there is no customer with this number.": "externalId：没有此编号的客户。",
        "externalIds[{}]: there is no customer with this number.": (
            "externalIds[{0}]：没有此编号的客户。"
        ),
        "externalIds: takes 1 to {} customer numbers at once.": (
            "externalIds：一次可给出 1 到 {0} 个客户编号。"
        ),
        "reason: say why, in 1 to {} characters.": "reason：请说明原因，1 到 {0} 个字符。",
        "reason: takes 1 to {} characters, or is left out.": (
            "reason：可有 1 到 {0} 个字符，或省略。"
        ),
        "key: there is no segment with this key.": "key：没有此键的分群。",
        "key: {} has a rule that says who is in it; change the rule.": (
            "key：{0} 的成员由规则决定，请修改规则。"
        ),
        "key: {} is read by {}; change these first.": "key：{0} 被 {1} 引用，请先修改后者。",
        "id: there is no such case.": "id：没有此个案。",
        "owner: takes 1 to {} characters.": "owner：可有 1 到 {0} 个字符。",
        "note: takes 1 to {} characters.": "note：可有 1 到 {0} 个字符。",
        "doneAt: lies in the future.": "doneAt：时间在未来。",
        "status: only what is done has a time and an outcome.": (
            "status：只有已完成的行动才有时间和结果。"
        ),
        "expectedVersion: the case is closed or was changed. Read it again.": (
            "expectedVersion：该个案已关闭或已被修改，请重新读取。"
        ),
        "expectedVersion: the action is at version {}. Read it again.": (
            "expectedVersion：该行动的版本为 {0}，请重新读取。"
        ),
        "expectedVersion: the status is at version {}, not {}. Read it again.": (
            "expectedVersion：该状态的版本为 {0}，而不是 {1}，请重新读取。"
        ),
        "kind: a {} case is open for this customer already.": (
            "kind：该客户已有一个未关闭的 {0} 个案。"
        ),
        "expiresOn: {} is over, so this would never count; give {} or a later day.": (
            "expiresOn：{0} 已过，设置不会生效；请给出 {1} 或更晚的日期。"
        ),
        "There is nothing to end: no such override counts for this customer now.": (
            "没有可结束的设置：该客户目前没有此类手动设置。"
        ),
        "The database is being written, by a refresh perhaps. Try again.": (
            "数据库正在写入（可能正在刷新），请重试。"
        ),
    }
)
"""By the English sentence, its gaps in the order in which they stand there."""


def in_chinese(message: str) -> str | None:
    """The message in simplified Chinese; none where there is no text for it.

    Takes time linear in the message for each sentence, whatever somebody put into its gaps.
    """
    if message in CHINESE:
        return CHINESE[message]
    if len(message) > LONGEST:
        return None
    for pieces, chinese in _WITH_GAPS:
        found = _gaps(message, pieces)
        if found is not None:
            return chinese.format(*found)
    return None


def _gaps(message: str, pieces: tuple[str, ...]) -> list[str] | None:
    """What fills the gaps between these pieces, or none where the message is another one."""
    first, *middle, last = pieces
    if not message.startswith(first) or not message.endswith(last):
        return None
    place, end, found = len(first), len(message) - len(last), []
    for piece in middle:
        at = message.find(piece, place, end)
        if at <= place:
            return None
        found.append(message[place:at])
        place = at + len(piece)
    if place >= end:
        return None
    return [*found, message[place:end]]


_WITH_GAPS = [
    (tuple(english.split(GAP)), CHINESE[english])
    for english in sorted(CHINESE, key=len, reverse=True)
    if GAP in english
]
"""The longest sentence first: a shorter one may fit it with more in its gaps."""
