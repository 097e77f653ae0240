import { graphql } from "./gql/index.ts";

export const AtRisk = graphql(/* GraphQL */ `
  query AtRisk($first: Int!, $after: String) {
    customers(
      first: $first
      after: $after
      filter: { churnProbability: { gte: 0.3 } }
      orderBy: [{ field: CLV, direction: DESC }]
    ) {
      totalCount
      edges {
        node {
          id
          externalId
          prediction {
            churnProbability
            clv
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const OneCustomer = graphql(/* GraphQL */ `
  query OneCustomer($externalId: String!) {
    customer(externalId: $externalId) {
      id
      externalId
      tier {
        tier
        since
        reasons {
          code
          text
        }
      }
      prediction {
        riskBand
        asOf
        validUntil
        reasons {
          code
          text
        }
      }
      segments {
        key
        name
      }
      recommendedStrategies(first: 3) {
        priority
        strategy {
          key
          action
        }
      }
      orders(first: 2) {
        edges {
          node {
            total
            currency
            lines {
              quantity
              amount
            }
          }
        }
      }
    }
  }
`);

export const Again = graphql(/* GraphQL */ `
  query Again($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Customer {
        externalId
      }
    }
  }
`);

export const PageOfScores = graphql(/* GraphQL */ `
  query PageOfScores($first: Int!, $after: String) {
    riskScores(first: $first, after: $after) {
      edges {
        node {
          externalId
          revision
          deleted
          churnProbability
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const SetTier = graphql(/* GraphQL */ `
  mutation SetTier($input: SetTierOverrideInput!, $idempotencyKey: String) {
    setTierOverride(input: $input, idempotencyKey: $idempotencyKey) {
      override {
        id
        value
        reason
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);
