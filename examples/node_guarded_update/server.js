// Orders in Node, with node:http and pg: one guarded UPDATE decides which of several requests moves an order.
"use strict";

const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { join } = require("node:path");
const { Pool } = require("pg");

const EDGES = { DRAFT: ["SUBMITTED", "CANCELLED"], SUBMITTED: ["APPROVED", "CANCELLED"], APPROVED: ["SHIPPED"] };
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'DRAFT');
  CREATE TABLE IF NOT EXISTS events (id serial PRIMARY KEY, order_id int NOT NULL, old text NOT NULL, new text NOT NULL)`;

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
// A broken idle connection is an event of the pool, which ends the process if there is no listener.
pool.on("error", (error) => console.error(`a connection broke: ${error.message}`));
// The guard is one line of this statement; move_unguarded.sql lacks it.
const MOVE = readFileSync(join(__dirname, process.env.ORDERS_MOVE ?? "move.sql"), "utf8");

async function create() {
  const { rows } = await pool.query("INSERT INTO orders DEFAULT VALUES RETURNING id, status");
  return [201, rows[0]];
}

async function read(id) {
  const { rows } = await pool.query("SELECT id, status FROM orders WHERE id = $1", [id]);
  return rows.length ? [200, rows[0]] : [404, {}];
}

async function move(id, { from, to }) {
  const [status, order] = await read(id);
  if (status === 404) return [404, {}];
  if (order.status !== from || !EDGES[from]?.includes(to)) return [409, { status: order.status }];
  const { rowCount } = await pool.query(MOVE, [id, from, to]);
  if (rowCount === 0) return [409, { status: (await read(id))[1].status }];
  return [200, { id, status: to }];
}

async function listEvents(id) {
  const { rows } = await pool.query("SELECT old, new FROM events WHERE order_id = $1 ORDER BY id", [id]);
  return [200, { events: rows }];
}

async function route(method, path, body) {
  const [kind, id, what] = path.split("/").slice(1);
  if (kind === "healthz") return [200, {}];
  if (kind !== "orders" || (id && !/^\d{1,9}$/.test(id))) return [404, {}];
  if (method === "POST" && !id) return create();
  if (method === "GET" && id && !what) return read(Number(id));
  if (method === "POST" && what === "status") return move(Number(id), JSON.parse(body));
  if (method === "GET" && what === "events") return listEvents(Number(id));
  return [404, {}];
}

async function answer(request, response) {
  let body = "";
  for await (const chunk of request) body += chunk;
  const [status, document] = await route(request.method, request.url, body).catch((error) => {
    console.error(error);
    return [500, { error: "see the log" }];
  });
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(document));
}

pool.query(SCHEMA).then(() => createServer(answer).listen(Number(process.env.PORT), "127.0.0.1"));
