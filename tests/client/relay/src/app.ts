// What a Relay application writes: a list that pages, an object that refetches by its id, a change.
// Only its documents matter here: the compiler checks them and the schema.
declare function graphql(strings: TemplateStringsArray): unknown;

export const list = graphql`
  fragment app_customers on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "app_customersPaginationQuery") {
    customers(first: $count, after: $cursor, orderBy: [{ field: CLV, direction: DESC }])
      @connection(key: "app_customers") {
      edges {
        node {
          id
          externalId
          ...app_customer
          ...app_orders
        }
      }
    }
  }
`;

export const card = graphql`
  fragment app_customer on Customer @refetchable(queryName: "app_customerRefetchQuery") {
    externalId
    tier {
      tier
      since
    }
  }
`;

export const orders = graphql`
  fragment app_orders on Customer
  @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" })
  @refetchable(queryName: "app_ordersPaginationQuery") {
    orders(last: $count, before: $cursor) @connection(key: "app_orders") {
      edges {
        node {
          id
          total
        }
      }
    }
  }
`;

export const page = graphql`
  query app_Query($key: String!) {
    ...app_customers
    segment(key: $key) {
      id
      ...app_members
    }
  }
`;

export const members = graphql`
  fragment app_members on Segment
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "app_membersPaginationQuery") {
    members(first: $count, after: $cursor) @connection(key: "app_members") {
      edges {
        node {
          id
          ...app_customer
        }
      }
    }
  }
`;

export const change = graphql`
  mutation app_setTierMutation($input: SetTierOverrideInput!) {
    setTierOverride(input: $input) {
      override {
        id
        value
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;
