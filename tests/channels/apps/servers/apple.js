// Apple's push service as its documentation has it, by node's own HTTP/2: checks the token's signature and every header.
// One JSON line for each request on stdout; the first one names the port.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const http2 = require("http2");

const options = JSON.parse(process.argv[2]);
const key = crypto.createPublicKey(options.public_key);
const script = [...(options.script || [])]; // answers in turn; after them, and by default, 200
const tell = (document) => process.stdout.write(JSON.stringify(document) + "\n");

function tokenTrouble(header, client) {
  if (client || options.no_tokens) return ""; // who shows a pass type's certificate needs no token
  const [scheme, token] = (header || "").split(" ");
  if (scheme !== "bearer" || !token) return "MissingProviderToken";
  const [head, claims, signature] = token.split(".");
  const verified = crypto.verify(
    "sha256", Buffer.from(`${head}.${claims}`),
    { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"));
  const { alg, kid } = JSON.parse(Buffer.from(head, "base64url"));
  const { iss, iat } = JSON.parse(Buffer.from(claims, "base64url"));
  if (!verified || alg !== "ES256" || kid !== options.key_id || iss !== options.team_id) return "InvalidProviderToken";
  const age = Date.now() / 1000 - iat;
  return age > 3600 || age < -60 ? "ExpiredProviderToken" : "";
}

function headersTrouble(headers, body) {
  if (!(options.topics || []).includes(headers["apns-topic"])) return [400, "TopicDisallowed"];
  if (!["alert", "background"].includes(headers["apns-push-type"])) return [400, "InvalidPushType"];
  if (!["1", "5", "10"].includes(headers["apns-priority"] || "10")) return [400, "BadPriority"];
  if (headers["apns-push-type"] === "background" && headers["apns-priority"] !== "5") return [400, "BadPriority"];
  if (headers["apns-expiration"] && !/^\d+$/.test(headers["apns-expiration"])) return [400, "BadExpirationDate"];
  if (Buffer.byteLength(headers["apns-collapse-id"] || "") > 64) return [400, "BadCollapseId"];
  if (headers["apns-id"] && !/^[0-9a-f-]{36}$/.test(headers["apns-id"])) return [400, "BadMessageId"];
  if (body.length > 4096) return [413, "PayloadTooLarge"];
  if (!body.length) return [400, "PayloadEmpty"];
  JSON.parse(body);
  return null;
}

function answer(stream, headers, body) {
  const device = headers[":path"].replace("/3/device/", "");
  const certificate = options.tls && stream.session.socket.getPeerCertificate();
  const client = (certificate && certificate.subject && certificate.subject.UID) || "";
  const told = { device, headers, body: body.toString(), client };
  let chosen = { status: 200 };
  const trouble = tokenTrouble(headers.authorization, client);
  const wrong = trouble ? [403, trouble] : headersTrouble(headers, body);
  if (wrong) chosen = { status: wrong[0], body: { reason: wrong[1] } };
  else if ((options.devices || {})[device]) chosen = options.devices[device];
  else if (script.length) chosen = script.shift();
  tell({ ...told, status: chosen.status, session: stream.session.number });
  if (chosen.hang) return;
  if (chosen.cut) return stream.session.destroy();
  if (chosen.leave) return stream.session.goaway(0, Math.max(stream.id - 2, 0)); // neither this nor anything after it is looked at
  stream.respond({ ":status": chosen.status, "apns-id": headers["apns-id"] || "", ...(chosen.headers || {}) });
  if (chosen.flood) return flood(stream);
  stream.end(chosen.body ? JSON.stringify(chosen.body) : "");
}

function flood(stream) {
  const piece = Buffer.alloc(65536, 120);
  const more = () => { while (!stream.destroyed && stream.write(piece)); };
  stream.on("drain", more);
  more();
}

let sessions = 0;
const server = options.tls
  ? http2.createSecureServer({
      key: fs.readFileSync(options.tls.key),
      cert: fs.readFileSync(options.tls.certificate),
      ...(options.tls.clients && { requestCert: true, rejectUnauthorized: true, ca: fs.readFileSync(options.tls.clients) }),
    })
  : http2.createServer({ settings: { maxConcurrentStreams: options.streams || 100 } });
server.on("session", (session) => { session.number = ++sessions; });
server.on("stream", (stream, headers) => {
  const pieces = [];
  stream.on("error", () => {});
  stream.on("data", (piece) => pieces.push(piece));
  stream.on("end", () => answer(stream, headers, Buffer.concat(pieces)));
});
server.listen(options.port || 0, "127.0.0.1", () => tell({ port: server.address().port }));
