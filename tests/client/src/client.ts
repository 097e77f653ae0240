import {
  Client,
  fetchExchange,
  makeOperation,
  type AnyVariables,
  type Exchange,
  type Operation,
  type TypedDocumentNode,
} from "@urql/core";
import { Kind } from "graphql";
import { strict as assert } from "node:assert";
import { map, pipe } from "wonka";

export interface Refusal {
  code: string;
  message: string;
}

/** A client as an application would make it. GET executes nothing here, so everything is sent by POST. */
export function connect(url: string, key: string, ...exchanges: Exchange[]): Client {
  return new Client({
    url,
    requestPolicy: "network-only",
    preferGetMethod: false,
    exchanges: [...exchanges, fetchExchange],
    fetchOptions: { headers: { Authorization: `Bearer ${key}`, "Accept-Language": "en" } },
  });
}

/** Sends ids in place of documents that the server keeps, as the code generator wrote them. */
export const storedDocuments: Exchange = ({ forward }) => (operations) =>
  forward(
    pipe(
      operations,
      map((operation) => makeOperation(operation.kind, { ...operation, query: stored(operation) })),
    ),
  );

function stored(operation: Operation): Operation["query"] {
  const { __meta__ } = operation.query as { __meta__?: { hash?: string } };
  assert.ok(__meta__?.hash);
  return { kind: Kind.DOCUMENT, definitions: [], documentId: __meta__.hash } as Operation["query"];
}

/** The data of an answer without errors. */
export async function ask<Data, Variables extends AnyVariables>(
  client: Client,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const answer = await client.query(document, variables).toPromise();
  assert.equal(answer.error, undefined);
  assert.ok(answer.data);
  return answer.data;
}

/** What a refused question is refused with. */
export async function refused<Data, Variables extends AnyVariables>(
  client: Client,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Refusal> {
  const answer = await client.query(document, variables).toPromise();
  const [first] = answer.error?.graphQLErrors ?? [];
  assert.ok(first, "no GraphQL error came back");
  const code = first.extensions["code"];
  assert.equal(typeof code, "string");
  return { code: code as string, message: first.message };
}
