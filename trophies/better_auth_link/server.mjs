// An application with better-auth and its magic-link plugin, as the documentation shows it, on PostgreSQL.
// A letter goes into the mailbox of this process instead of to a mail server; GET /letters takes the oldest one out.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages are those of the release to test, which lie in a folder of their own.
const require = createRequire(`${process.env.ONEWINNER_ENVIRONMENT}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { Pool } = require("pg");
const [{ betterAuth }, { magicLink }, { toNodeHandler }, { getMigrations }] = await Promise.all(
  ["better-auth", "better-auth/plugins", "better-auth/node", "better-auth/db/migration"].map(load),
);

const letters = [];
const options = {
  baseURL: `http://127.0.0.1:${process.env.PORT}`,
  secret: "a-secret-of-thirty-two-characters",
  database: new Pool({ connectionString: process.env.DATABASE_URL }),
  rateLimit: { enabled: false },
  plugins: [magicLink({ sendMagicLink: async ({ token }) => void letters.push(token) })],
};
await (await getMigrations(options)).runMigrations();
const answer = toNodeHandler(betterAuth(options));

createServer((request, response) => {
  if (request.url === "/letters") {
    const token = letters.shift();
    response.writeHead(token === undefined ? 404 : 200, { "Content-Type": "application/json" });
    return response.end(JSON.stringify({ token }));
  }
  return answer(request, response);
}).listen(process.env.PORT, "127.0.0.1");
