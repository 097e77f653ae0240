// Sends one GraphQL request and tells the page in one word how the key fared.
import { Kind, parse } from "graphql";

const INTROSPECTION = "IntrospectionQuery";

function verdict(status, answer, isIntrospection) {
  const codes = (answer.errors ?? []).map((error) => error.extensions?.code);
  if (status === 401 || codes.includes("UNAUTHENTICATED")) return "wrong";
  if (status === 403 || codes.includes("FORBIDDEN")) return isIntrospection ? "noSchema" : "narrow";
  if (status === 429) return "busy";
  return "ready";
}

// Right after a change of tabs GraphiQL may still name the operation of the tab before. A document
// with one operation needs no name.
function bodyOf({ query, variables, operationName }) {
  let operations = [];
  try {
    operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  } catch {
    // The server says better what is wrong with the document.
  }
  const name = operations.length > 1 ? operationName : undefined;
  return JSON.stringify({ query, variables, operationName: name });
}

export function makeFetcher({ key, language, words, report }) {
  return async (request) => {
    if (!key) {
      report("missing");
      return { errors: [{ message: words().missing }] };
    }
    const headers = {
      Accept: "application/graphql-response+json, application/json;q=0.9",
      "Accept-Language": language(),
      Authorization: `Bearer ${key}`,
      "Content-Type": "application/json",
    };
    let response;
    try {
      response = await fetch("/graphql", { method: "POST", headers, body: bodyOf(request) });
    } catch {
      report("unreachable");
      return { errors: [{ message: words().unreachable }] };
    }
    const text = await response.text();
    try {
      const answer = JSON.parse(text);
      report(verdict(response.status, answer, request.operationName === INTROSPECTION));
      return answer;
    } catch {
      report(verdict(response.status, {}, request.operationName === INTROSPECTION));
      return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] };
    }
  };
}
