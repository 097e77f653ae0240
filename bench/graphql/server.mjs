// PostGraphile 5 as its documentation advises for production: no GraphiQL, no watching, no
// explaining, no subscriptions, prepared statements; queries only, so that its schema is small.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const [connectionString, port, pool] = process.argv.slice(2);

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString,
      schemas: ["peer"],
      pubsub: false,
      poolConfig: { max: Number(pool) },
    }),
  ],
  schema: { defaultBehavior: "+list +connection -insert -update -delete" },
  grafserv: { graphiql: false, graphqlOverGET: false, watch: false, websockets: false },
  grafast: { explain: false },
};

const server = createServer();
const serving = postgraphile(preset).createServ(grafserv);
await serving.addTo(server);
server.listen(Number(port), "127.0.0.1");
