// A message centre for tests: SMPP by the npm package "smpp". What it does is chosen by a number's last digits.
// It says what happens as lines of JSON on stdout, and takes commands as lines of JSON on stdin.
"use strict";
const readline = require("readline");
const smpp = require("smpp");

const options = JSON.parse(process.argv[2] || "{}"); // port, per_s, ids ("same" or "hex"), password
const sessions = new Set();
let number = 0x1f00;
let windowStart = 0;
let inWindow = 0;

function say(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

function isThrottled() {
  if (!options.per_s) return false;
  const now = Date.now();
  if (now - windowStart >= 1000) {
    windowStart = now;
    inWindow = 0;
  }
  inWindow += 1;
  return inWindow > options.per_s;
}

function textOf(pdu) {
  const whole = pdu.message_payload || pdu.short_message || {};
  return { text: String(whole.message || ""), udh: whole.udh ? whole.udh.map((one) => one.toString("hex")) : [] };
}

function receipt(session, pdu, id, state) {
  const named = options.ids === "hex" ? String(parseInt(id, 16)) : id;
  session.deliver_sm({
    esm_class: 4,
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    short_message:
      `id:${named} sub:001 dlvrd:001 submit date:2611220900 done date:2611220901 ` +
      `stat:${state} err:${state === "DELIVRD" ? "000" : "001"} text:`,
  }, (answer) => say({ kept: id, status: answer.command_status }));
}

function take(session, pdu) {
  const to = pdu.destination_addr;
  if (to.endsWith("0404")) {
    session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
    return;
  }
  if (isThrottled()) {
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    return;
  }
  number += 1;
  const id = options.ids === "hex" ? number.toString(16).toUpperCase() : `m-${number}`;
  const { text, udh } = textOf(pdu);
  say({ took: id, to, from: pdu.source_addr, text, udh, coding: pdu.data_coding, valid: String(pdu.validity_period) });
  if (to.endsWith("0003")) return; // never answers
  if (to.endsWith("0004")) {
    session.destroy();
    return;
  }
  const state = to.endsWith("0001") ? "UNDELIV" : "DELIVRD";
  if (to.endsWith("0002")) receipt(session, pdu, id, state); // before the answer
  session.send(pdu.response({ message_id: id }));
  if (!to.endsWith("0002")) receipt(session, pdu, id, state);
}

const server = smpp.createServer((session) => {
  session.on("bind_transceiver", (pdu) => {
    if (options.password && pdu.password !== options.password) {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return;
    }
    session.send(pdu.response());
    sessions.add(session);
    say({ bound: pdu.system_id });
  });
  session.on("submit_sm", (pdu) => take(session, pdu));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    session.send(pdu.response());
    session.close();
  });
  session.on("close", () => {
    if (sessions.delete(session)) say({ gone: true });
  });
  session.on("error", () => sessions.delete(session));
});
server.listen(options.port || 0, "127.0.0.1", () => say({ port: server.address().port }));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const wanted = JSON.parse(line); // {"from", "to", "text"}
  const coding = [...wanted.text].every((letter) => letter.charCodeAt(0) < 128) ? 0 : 8;
  for (const session of sessions) {
    session.deliver_sm({
      source_addr: wanted.from,
      destination_addr: wanted.to,
      data_coding: coding,
      short_message: wanted.text,
    }, (answer) => say({ heard: wanted.text, status: answer.command_status }));
    break;
  }
});
