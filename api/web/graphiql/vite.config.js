import { defineConfig } from "vite";

export default defineConfig({
  // Where api/app.py serves the result; GET /graphql hands out index.html itself.
  base: "/static/graphiql/",
  oxc: { jsx: { runtime: "automatic" } },
  build: {
    target: "esnext",
    outDir: "dist",
    // Nothing inlined as data: URIs, so that the content security policy can stay narrow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The editor is one large piece by nature.
    chunkSizeWarningLimit: 6000,
  },
  worker: { format: "es" },
});
