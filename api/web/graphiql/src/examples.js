// The queries a newcomer finds open. Operation names are what GraphiQL shows on the tabs.
import byId from "./examples/by-id.graphql?raw";
import byIdVariables from "./examples/by-id.json?raw";
import nextPage from "./examples/next-page.graphql?raw";
import nextPageVariables from "./examples/next-page.json?raw";
import oneCustomer from "./examples/one-customer.graphql?raw";
import partnerFeed from "./examples/partner-feed.graphql?raw";
import partnerFeedVariables from "./examples/partner-feed.json?raw";
import portfolio from "./examples/portfolio.graphql?raw";
import setTier from "./examples/set-tier.graphql?raw";
import setTierVariables from "./examples/set-tier.json?raw";
import traditionalChinese from "./examples/traditional-chinese.graphql?raw";
import valuableAndLeaving from "./examples/valuable-and-leaving.graphql?raw";

const QUERIES = [
  [valuableAndLeaving],
  [oneCustomer],
  [portfolio],
  [nextPage, nextPageVariables],
  [byId, byIdVariables],
  [setTier, setTierVariables],
  [partnerFeed, partnerFeedVariables],
  [traditionalChinese],
];

const NOTES = {
  en: [
    ["The twenty most valuable customers who", "are about to leave. Run it: ▶ or Ctrl+Enter."],
    ["Your most valuable customer in full,", "with the reasons in Chinese."],
    ["The whole portfolio, its tiers, its segments."],
    ["Filters and several orders. For the next page,", "put endCursor into the variable `after`."],
    ["Anything by its id. Ids are opaque:", "keep them as they are."],
    [
      "A change, with a key that has customers:write.",
      "What you have to mend comes as userErrors; the",
      "same idempotencyKey changes nothing twice.",
    ],
    [
      "For partners (scores:read): all scores as they",
      "are published. Keep the last endCursor, and go",
      "on from there tomorrow.",
    ],
    ["Names and reasons in traditional Chinese."],
  ],
  "zh-Hans": [
    ["最有价值且可能流失的二十位客户。", "执行：点击 ▶ 或按 Ctrl+Enter。"],
    ["价值最高的一位客户的全部信息，", "原因以中文显示。"],
    ["整体客户组合、等级与客户分群。"],
    ["筛选与多级排序。下一页：", "将 endCursor 填入变量 after。"],
    ["按 ID 查询任意对象。ID 不透明，请原样保存。"],
    [
      "一项修改，需要具有 customers:write 权限的密钥。需要更正之处",
      "见 userErrors。相同的 idempotencyKey 不会重复修改。",
    ],
    ["供合作伙伴使用（scores:read）：按发布顺序的全部评分。", "保存最后的 endCursor，明天由此继续。"],
    ["以繁体中文显示名称与原因。"],
  ],
};

const noted = (query, lines) => lines.map((line) => `# ${line}\n`).join("") + query;

export const EXAMPLES = Object.fromEntries(
  Object.entries(NOTES).map(([language, notes]) => [
    language,
    QUERIES.map(([query, variables], at) => ({ query: noted(query, notes[at]), variables })),
  ]),
);
