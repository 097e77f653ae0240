// The three queries a newcomer finds open. Operation names are what GraphiQL shows on the tabs.
const VALUABLE_AND_LEAVING = `query ValuableAndLeaving {
  customers(
    first: 20
    filter: { churnProbability: { gte: 0.5 } }
    orderBy: [{ field: CLV, direction: DESC }]
  ) {
    edges {
      node {
        externalId
        tier { tier since reasons { code text } }
        prediction {
          churnProbability
          clv clvLow clvHigh
          modelVersion asOf
          reasons { code text }
        }
        segments { key }
        recommendedStrategies(first: 3) {
          strategy { key }
          priority
          reasons { code text }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

const ONE_CUSTOMER = `query OneCustomer {
  customers(
    first: 1
    orderBy: [{ field: CLV, direction: DESC }]
  ) {
    edges {
      node {
        id
        externalId
        tier {
          tier
          since
          reasons { text(language: ZH_HANS) }
        }
        prediction {
          churnProbability churnPercentile riskBand
          clv clvLow clvHigh currency horizonDays
          expectedNextPurchaseOn
          asOf scoredAt validUntil modelVersion
          reasons { code text(language: ZH_HANS) }
        }
        segments { key }
        recommendedStrategies(first: 5) {
          strategy { key }
          priority
          expectedGain
          reasons { text(language: ZH_HANS) }
        }
      }
    }
  }
}
`;

const PORTFOLIO = `query Portfolio {
  portfolio { asOf customers }
  tiers { key }
  segments { key }
}
`;

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

const QUERIES = [VALUABLE_AND_LEAVING, ONE_CUSTOMER, PORTFOLIO];

export const EXAMPLES = Object.fromEntries(
  Object.entries(NOTES).map(([language, notes]) => [
    language,
    QUERIES.map((query, at) => ({
      query: notes[at].map((line) => `# ${line}\n`).join("") + query,
    })),
  ]),
);
