// What a frontend and a partner do first, typed from the schema, against a live server:
//   node src/journey.test.ts URL FRONTEND_KEY PARTNER_KEY TRUSTED_KEY
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Exchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { pipe, tap } from "wonka";
import { ask, connect, refused, storedDocuments } from "./client.ts";
import { Again, AtRisk, OneCustomer, PageOfScores, SetTier } from "./documents.ts";

const [url = "", frontendKey = "", partnerKey = "", trustedKey = ""] = process.argv.slice(2);
const frontend = connect(url, frontendKey);
const partner = connect(url, partnerKey);
const trusted = connect(url, trustedKey, storedDocuments);

test("a filtered list goes on where its first page ended", async () => {
  const first = (await ask(frontend, AtRisk, { first: 4 })).customers;
  assert.ok(first?.pageInfo.hasNextPage);
  const after = first.pageInfo.endCursor ?? null;
  const second = (await ask(frontend, AtRisk, { first: 4, after })).customers;
  const nodes = [...first.edges, ...(second?.edges ?? [])].map((edge) => edge.node);
  assert.equal(nodes.length, 8);
  assert.equal(new Set(nodes.map((node) => node.id)).size, 8);
  const values = nodes.map((node) => node.prediction?.clv ?? 0);
  assert.deepEqual(values, values.toSorted((one, other) => other - one));
  assert.ok(nodes.every((node) => (node.prediction?.churnProbability ?? 0) >= 0.3));
  assert.ok((first.totalCount ?? 0) > 8);
});

test("one customer comes with everything below, and again by its global id", async () => {
  const { customer } = await ask(frontend, OneCustomer, { externalId: "C00001" });
  assert.ok(customer);
  assert.ok(customer.tier?.reasons.every((reason) => reason.text.length > 0));
  const order = customer.orders?.edges[0]?.node;
  assert.ok(order && order.lines.length > 0);
  const { node } = await ask(frontend, Again, { id: customer.id });
  assert.equal(node?.__typename, "Customer");
  assert.equal(node?.id, customer.id);
});

test("who is not there is null and no error", async () => {
  assert.equal((await ask(frontend, OneCustomer, { externalId: "nobody" })).customer, null);
});

test("a mistake in a change comes back beside it", async () => {
  const input = { externalId: "C00001", tier: "wood", reason: "a try", expiresOn: "2100-01-01" };
  const answer = await frontend.mutation(SetTier, { input }).toPromise();
  assert.equal(answer.error, undefined);
  const payload = answer.data?.setTierOverride;
  assert.equal(payload?.override ?? null, null);
  const [mistake] = payload?.userErrors ?? [];
  assert.deepEqual(mistake?.field, ["input", "tier"]);
});

test("a change sent twice with a key is made once", async () => {
  const input = { externalId: "C00002", tier: "gold", reason: "a promise", expiresOn: "2026-12-31" };
  const idempotencyKey = randomUUID();
  const send = async (reason: string) => {
    const variables = { input: { ...input, reason }, idempotencyKey };
    const answer = await frontend.mutation(SetTier, variables).toPromise();
    assert.equal(answer.error, undefined);
    return answer.data?.setTierOverride;
  };
  const first = await send("a promise");
  assert.deepEqual(first?.userErrors, []);
  assert.equal(first?.override?.value, "gold");
  assert.deepEqual(await send("a promise"), first);
  const other = await send("another reason");
  assert.equal(other?.override ?? null, null);
  assert.equal(other?.userErrors[0]?.code, "IDEMPOTENCY_KEY_REUSED");
});

test("a stored document is sent by its id, and a key may be held to those", async () => {
  const { customer } = await ask(trusted, OneCustomer, { externalId: "C00001" });
  assert.equal(customer?.externalId, "C00001");
  const variables = { externalId: "C00001" };
  const whole = connect(url, trustedKey);
  assert.equal((await refused(whole, OneCustomer, variables)).code, "DOCUMENT_REQUIRED");
});

test("a persisted query is sent whole once, then by its hash", async () => {
  const sent: boolean[] = []; // whether with its text
  const watch: Exchange = ({ forward }) => (operations) =>
    forward(
      pipe(
        operations,
        tap(({ kind, extensions }) => {
          if (kind === "query") sent.push(extensions?.persistedQuery?.miss === true);
        }),
      ),
    );
  const persisted = () => {
    const options = { preferGetForPersistedQueries: false } as const;
    return connect(url, frontendKey, persistedExchange(options), watch);
  };
  assert.ok((await ask(persisted(), AtRisk, { first: 2 })).customers);
  assert.deepEqual(sent, [false, true]);
  assert.ok((await ask(persisted(), AtRisk, { first: 3 })).customers);
  assert.deepEqual(sent, [false, true, false]);
});

test("a refusal has a code that does not change", async () => {
  assert.equal((await refused(partner, OneCustomer, { externalId: "C00001" })).code, "FORBIDDEN");
  assert.equal((await refused(frontend, AtRisk, { first: 4, after: "x" })).code, "INVALID_CURSOR");
  const stranger = connect(url, "mistyped");
  assert.equal((await refused(stranger, AtRisk, { first: 1 })).code, "UNAUTHENTICATED");
});

test("a partner pulls every score once, then only what is new", async () => {
  const revisions: number[] = [];
  let after: string | null = null;
  for (;;) {
    const page: NonNullable<Awaited<ReturnType<typeof scores>>> = await scores(after);
    revisions.push(...page.edges.map((edge) => edge.node.revision));
    after = page.pageInfo.endCursor ?? after;
    if (!page.pageInfo.hasNextPage) break;
  }
  assert.ok(revisions.length > 10);
  assert.deepEqual(revisions, [...new Set(revisions)].toSorted((one, other) => one - other));
  assert.deepEqual((await scores(after)).edges, []);
});

async function scores(after: string | null) {
  const { riskScores } = await ask(partner, PageOfScores, { first: 7, after });
  assert.ok(riskScores);
  return riskScores;
}
