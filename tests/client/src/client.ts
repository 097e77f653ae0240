import { Client, fetchExchange, type AnyVariables, type Exchange, type TypedDocumentNode } from "@urql/core";
import { strict as assert } from "node:assert";

export interface Refusal {
  code: string;
  message: string;
}

/** A client as an application would make it. GET executes nothing here, so everything is sent by POST. */
export function connect(url: string, key: string, ...exchanges: Exchange[]): Client {
  return new Client({
    url,
    preferGetMethod: false,
    exchanges: [...exchanges, fetchExchange],
    fetchOptions: { headers: { Authorization: `Bearer ${key}`, "Accept-Language": "en" } },
  });
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
