// Google's token and message services as their documentation has them: checks the assertion's signature and the
// message's fields. One JSON line for each request on stdout; the first one names the port.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const https = require("https");

const options = JSON.parse(process.argv[2]);
const key = crypto.createPublicKey(options.public_key);
const script = [...(options.script || [])];
const tokens = [...(options.tokens || [])];
const tell = (document) => process.stdout.write(JSON.stringify(document) + "\n");
const live = new Set();

const FIELDS = { token: "string", notification: "object", data: "object", android: "object", apns: "object" };
const ANDROID = { collapse_key: "string", priority: "string", ttl: "string", notification: "object" };

function assertionTrouble(form) {
  if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") return "unsupported_grant_type";
  const [head, claims, signature] = (form.get("assertion") || "").split(".");
  const fits = crypto.verify(
    "sha256", Buffer.from(`${head}.${claims}`), key, Buffer.from(signature || "", "base64url"));
  const { alg } = JSON.parse(Buffer.from(head, "base64url"));
  const told = JSON.parse(Buffer.from(claims, "base64url"));
  const here = `${options.tls ? "https://localhost" : "http://127.0.0.1"}:${server.address().port}/token`;
  const now = Date.now() / 1000;
  const isOurs = told.iss === options.email && told.aud === here && told.exp - told.iat <= 3600;
  const isNow = options.issuer || options.any_time || (told.iat < now + 60 && told.exp > now); // there the clock of the tests stands still
  const scope = options.issuer ? "wallet_object.issuer" : "firebase.messaging";
  const isScope = told.scope === `https://www.googleapis.com/auth/${scope}`;
  return fits && alg === "RS256" && isOurs && isNow && isScope ? "" : "invalid_grant";
}

function messageTrouble(document) {
  const { message, validate_only: rehearsal, ...rest } = document;
  if (Object.keys(rest).length || !message) return "unknown name";
  if (rehearsal !== undefined && typeof rehearsal !== "boolean") return "validate_only";
  for (const [name, value] of Object.entries(message)) if (typeof value !== FIELDS[name]) return name;
  for (const value of Object.values(message.data || {})) if (typeof value !== "string") return "data";
  for (const [name, value] of Object.entries(message.android || {})) if (typeof value !== ANDROID[name]) return name;
  if (!/^\d+(\.\d+)?s$/.test(message.android?.ttl || "0s")) return "ttl";
  const size = Buffer.byteLength(JSON.stringify({ ...message.data, ...message.notification }));
  return size > 4096 ? "message is too big" : "";
}

function failure(status, code, details) {
  const error = { code: status, message: code, status: code };
  if (details) error.details = [{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", errorCode: details }];
  return { status, body: { error } };
}

function tokenAnswer(body) {
  const trouble = assertionTrouble(new URLSearchParams(body));
  if (trouble) return { status: 400, body: { error: trouble } };
  if (tokens.length) return tokens.shift();
  const token = `ya29.${crypto.randomBytes(20).toString("hex")}`;
  live.add(token);
  return { status: 200, body: { access_token: token, expires_in: 3599, token_type: "Bearer" } };
}

function messageAnswer(request, body) {
  const bearer = (request.headers.authorization || "").replace("Bearer ", "");
  if (!live.has(bearer)) return failure(401, "UNAUTHENTICATED");
  const wrong = messageTrouble(JSON.parse(body));
  if (wrong) return failure(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT");
  const chosen = script.shift();
  if (chosen && chosen.forget) live.delete(bearer);
  if (chosen && chosen.code) return { ...failure(chosen.status, chosen.code, chosen.details), headers: chosen.headers };
  if (chosen) return chosen;
  const { validate_only: rehearsal } = JSON.parse(body);
  const name = rehearsal ? "fake_message_id" : `0:${crypto.randomBytes(8).toString("hex")}`;
  return { status: 200, body: { name: `projects/${options.project}/messages/${name}` } };
}

function objectAnswer(request, body) {
  const bearer = (request.headers.authorization || "").replace("Bearer ", "");
  if (!live.has(bearer)) return failure(401, "UNAUTHENTICATED");
  if (request.method !== "PATCH" || !["ACTIVE", "COMPLETED"].includes(JSON.parse(body).state)) {
    return failure(400, "INVALID_ARGUMENT");
  }
  return script.shift() || { status: 200, body: JSON.parse(body) };
}

function serve(request, response) {
  const pieces = [];
  request.on("error", () => {});
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces).toString();
    const isToken = request.url === "/token";
    const isSend = request.url === `/v1/projects/${options.project}/messages:send`;
    const isObject = options.issuer && request.url.startsWith("/walletobjects/v1/offerObject/");
    const give = isToken ? () => tokenAnswer(body) : isSend ? () => messageAnswer(request, body)
      : isObject ? () => objectAnswer(request, body) : () => ({ status: 404 });
    const chosen = give();
    tell({ method: request.method, path: request.url, body, status: chosen.status });
    if (chosen.cut) return request.socket.destroy();
    response.writeHead(chosen.status, { "content-type": "application/json", ...(chosen.headers || {}) });
    response.end(chosen.text || JSON.stringify(chosen.body || {}));
  });
}

const server = options.tls
  ? https.createServer({ key: fs.readFileSync(options.tls.key), cert: fs.readFileSync(options.tls.certificate) }, serve)
  : http.createServer(serve);
server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
