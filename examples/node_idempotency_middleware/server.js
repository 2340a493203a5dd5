// Orders in Node, with node:http and pg. @node-idempotency/core answers a request that is sent again with its key.
"use strict";

const { createServer } = require("node:http");
const { Pool } = require("pg");
const { Idempotency, IdempotencyErrorCodes } = require("@node-idempotency/core");
const { MemoryStorageAdapter } = require("@node-idempotency/storage-adapter-memory");

const EDGES = { DRAFT: ["SUBMITTED", "CANCELLED"], SUBMITTED: ["APPROVED", "CANCELLED"], APPROVED: ["SHIPPED"] };
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, owner text NOT NULL, status text NOT NULL DEFAULT 'DRAFT');
  CREATE TABLE IF NOT EXISTS events (id serial PRIMARY KEY, order_id int NOT NULL, old text NOT NULL, new text NOT NULL)`;
const MOVE = `
  WITH moved AS (UPDATE orders SET status = $3 WHERE id = $1 AND status = $2 RETURNING id)
  INSERT INTO events (order_id, old, new) SELECT id, $2, $3 FROM moved`;

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
// A broken idle connection is an event of the pool, which ends the process if there is no listener.
pool.on("error", (error) => console.error(`a connection broke: ${error.message}`));
const idempotency = new Idempotency(new MemoryStorageAdapter());

async function create(tenant) {
  const { rows } = await pool.query("INSERT INTO orders (owner) VALUES ($1) RETURNING id, status", [tenant]);
  return [201, rows[0]];
}

async function read(tenant, id) {
  const { rows } = await pool.query("SELECT id, status FROM orders WHERE id = $1 AND owner = $2", [id, tenant]);
  return rows.length ? [200, rows[0]] : [404, {}];
}

async function move(tenant, id, { from, to }) {
  const [status, order] = await read(tenant, id);
  if (status === 404) return [404, {}];
  if (order.status !== from || !EDGES[from]?.includes(to)) return [409, { status: order.status }];
  const { rowCount } = await pool.query(MOVE, [id, from, to]);
  if (rowCount === 0) return [409, { status: (await read(tenant, id))[1].status }];
  return [200, { id, status: to }];
}

async function listEvents(tenant, id) {
  if ((await read(tenant, id))[0] === 404) return [404, {}];
  const { rows } = await pool.query("SELECT old, new FROM events WHERE order_id = $1 ORDER BY id", [id]);
  return [200, { events: rows }];
}

async function route(method, path, tenant, body) {
  const [kind, id, what] = path.split("/").slice(1);
  if (kind === "healthz") return [200, {}];
  if (kind !== "orders" || (id && !/^\d{1,9}$/.test(id))) return [404, {}];
  if (method === "POST" && !id) return create(tenant);
  if (method === "GET" && id && !what) return read(tenant, Number(id));
  if (method === "POST" && what === "status") return move(tenant, Number(id), body);
  if (method === "GET" && what === "events") return listEvents(tenant, Number(id));
  return [404, {}];
}

// The answer with this key: the stored one, or else that of `act`, which is stored then.
async function answerOnce(request, act) {
  let stored;
  try {
    stored = await idempotency.onRequest(request);
  } catch (error) {
    if (error.code === IdempotencyErrorCodes.REQUEST_IN_PROGRESS) return [409, { error: "in progress" }];
    return [422, { error: error.message }];
  }
  if (stored) return stored.body;
  const answer = await act();
  await idempotency.onResponse(request, { body: answer });
  return answer;
}

async function answer(request, response) {
  let text = "";
  for await (const chunk of request) text += chunk;
  const { method, url, headers } = request;
  const tenant = headers["x-tenant"] ?? "";
  const act = async () => {
    try {
      return await route(method, url, tenant, text ? JSON.parse(text) : {});
    } catch (error) {
      console.error(error);
      return [500, { error: "see the log" }];
    }
  };
  // The middleware finds a stored answer by method, path and key. With this prefix it also knows whose key it is.
  const options = process.env.STORED === "by tenant" ? { cacheKeyPrefix: `tenant-${tenant}` } : {};
  const [status, document] = await answerOnce({ method, path: url, headers, body: text, options }, act);
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(document));
}

pool.query(SCHEMA).then(() => createServer(answer).listen(Number(process.env.PORT), "127.0.0.1"));
