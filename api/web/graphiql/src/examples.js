// The three queries a newcomer finds open. Operation names are what GraphiQL shows on the tabs.
import oneCustomer from "./examples/one-customer.graphql?raw";
import portfolio from "./examples/portfolio.graphql?raw";
import valuableAndLeaving from "./examples/valuable-and-leaving.graphql?raw";

const QUERIES = [valuableAndLeaving, oneCustomer, portfolio];

const NOTES = {
  en: [
    ["The twenty most valuable customers who", "are about to leave. Run it: ▶ or Ctrl+Enter."],
    ["Your most valuable customer in full,", "with the reasons in Chinese."],
    ["The whole portfolio, its tiers, its segments."],
  ],
  "zh-Hans": [
    ["最有价值且可能流失的二十位客户。", "执行：点击 ▶ 或按 Ctrl+Enter。"],
    ["价值最高的一位客户的全部信息，", "原因以中文显示。"],
    ["整体客户组合、等级与客户分群。"],
  ],
};

const noted = (query, lines) => lines.map((line) => `# ${line}\n`).join("") + query;

export const EXAMPLES = Object.fromEntries(
  Object.entries(NOTES).map(([language, notes]) => [
    language,
    QUERIES.map((query, at) => ({ query: noted(query, notes[at]) })),
  ]),
);
