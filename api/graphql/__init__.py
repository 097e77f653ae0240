"""The GraphQL schema and everything between a request's bytes and its answer."""
