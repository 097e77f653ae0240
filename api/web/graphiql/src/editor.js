// The editor's surroundings: its workers, bundled here so that the page asks no other host for
// them, and one manner that GraphiQL has no option for.
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

const WORKERS = { graphql: GraphQLWorker, json: JsonWorker };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new (WORKERS[label] ?? EditorWorker)(),
};

// Chinese punctuation is meant: without this the editor frames it as a possible forgery. GraphiQL
// waits for the same module, so this is in place before it makes its first editor.
const { editor } = await import("monaco-graphql/esm/monaco-editor.js");
editor.onDidCreateEditor((created) => {
  created.updateOptions({ unicodeHighlight: { ambiguousCharacters: false } });
});
