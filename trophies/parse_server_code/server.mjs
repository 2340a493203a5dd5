// An application with Parse Server and its MFA adapter, as the documentation shows it, on PostgreSQL.
// A message goes to a telephone of this process instead of through a provider. POST /telephones gives out a number of
// its own; GET /telephones/NUMBER takes the oldest code out.
import { randomInt } from "node:crypto";
import { createRequire } from "node:module";

// The packages are those of the release to test, which lie in a folder of their own.
const require = createRequire(`${process.env.ONEWINNER_ENVIRONMENT}/package.json`);
const express = require("express");
const { ParseServer } = require("parse-server");

const telephones = new Map();
const parse = new ParseServer({
  databaseURI: process.env.DATABASE_URL,
  appId: "trophy",
  masterKey: "a-key-that-no-request-carries",
  serverURL: `http://127.0.0.1:${process.env.PORT}/parse`,
  auth: {
    mfa: { options: ["SMS"], period: 600, sendSMS: (code, number) => void telephones.get(number).push(code) },
  },
});
await parse.start();

const application = express();
application.use("/parse", parse.app);
application.post("/telephones", (request, response) => {
  const number = String(randomInt(1e11, 1e12));
  telephones.set(number, []);
  response.status(201).json({ number });
});
application.get("/telephones/:number", (request, response) => {
  const code = telephones.get(request.params.number)?.shift();
  response.status(code === undefined ? 404 : 200).json({ number: request.params.number, code });
});
application.listen(process.env.PORT, "127.0.0.1");
