// A stand-in for the server, for work on the pages alone: it speaks docs/protocol.md, serves dist/ with the real content security
// policy, keeps everything in memory and understands next to nothing. Never used by the product or by `make test`.
//   node dev/mock-server.mjs [port]        agents: demo / demo, zhaxi / demo
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { parse } from "yaml";
import { MockConversation } from "./mock-conversation.mjs";
import { MockDesk } from "./mock-desk.mjs";
import { MockExtracts } from "./mock-extract.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const KNOWLEDGE = new URL("../../examples/knowledge/sample/", import.meta.url);
/** As assistant/src/doors/pages.rs has it; other pages may frame the portal at one address. */
const csp = (path) =>
  path.startsWith("/assets/opus-worker")
    ? "default-src 'none'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'none'"
    : "default-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
      `frame-ancestors ${path === "/embed" ? (process.env.EMBEDDING_ORIGINS ?? "'none'") : "'none'"}`;
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".png": "image/png", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json" };

async function loadEntries() {
  const entries = [];
  for (const file of (await readdir(KNOWLEDGE)).filter((f) => f.endsWith(".yaml")))
    entries.push(...parse(await readFile(new URL(file, KNOWLEDGE), "utf8")).entries);
  return entries.filter((e) => e.zh && e.bo);
}

export async function startMock(port = 0, { delay = 400 } = {}) {
  const entries = await loadEntries();
  const world = {
    entries, delay, conversations: new Map(), tokens: new Map(),
    waiting: () => [...world.conversations.values()].filter((c) => c.status === "queued").sort((a, b) => (a.since < b.since ? -1 : 1)),
    queueChanged() {
      world.waiting().forEach((c, i) => c.signal({ type: "queue", position: i + 1, wait_minutes: [2 * i + 1, 2 * i + 5] }));
      world.desk.changed();
    },
  };
  world.desk = new MockDesk(world, [{ id: "1", name: "demo", password: "demo" }, { id: "2", name: "zhaxi", password: "demo" }]);
  const extracts = await MockExtracts.make(entries);
  const config = {
    languages: ["bo", "zh"], default_language: "zh", dictation: false, sample: true, extract_key: extracts.key, ratings: true,
    notice: { zh: "为了回答您，文字记录会保存三十天，录音不保存。", bo: "ཁྱེད་ལ་ལན་འདེབས་ཆེད་ཡི་གེའི་ཟིན་ཐོ་ཉིན་སུམ་ཅུ་ཉར་གྱི་ཡོད། སྒྲ་འཇུག་ཉར་གྱི་མེད།" },
    suggestions: { zh: entries.slice(0, 4).map((e) => e.zh.question), bo: entries.slice(0, 4).map((e) => e.bo.question) },
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    const reply = (status, body, headers = {}) => {
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    if (url.pathname === "/v1/portal/config") return reply(200, config);
    const extract = /^\/v1\/portal\/extract\/(bo|zh)$/.exec(url.pathname);
    if (extract) return reply(200, await extracts.signed(extract[1]));
    if (url.pathname.startsWith("/v1/desk/")) {
      let text = "";
      for await (const part of request) text += part;
      const { status, body, cookie } = world.desk.handle(request, url.pathname.slice(8), url, text ? JSON.parse(text) : {});
      return reply(status, body, cookie ? { "Set-Cookie": cookie } : {});
    }
    if (url.pathname.startsWith("/v1/handoffs/")) {
      const { status, body } = world.desk.handoff(request, decodeURIComponent(url.pathname.slice(13)));
      return reply(status, body);
    }
    const page = { "/": "/index.html", "/embed": "/index.html", "/desk": "/desk.html" }[url.pathname] ?? url.pathname;
    try {
      const bytes = await readFile(join(DIST, normalize(page)));
      response.writeHead(200, { "Content-Type": TYPES[extname(page)] ?? "application/octet-stream", "Content-Security-Policy": csp(url.pathname) });
      response.end(bytes);
    } catch {
      reply(404);
    }
  });

  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has("drilen.v1") ? "drilen.v1" : false) });
  server.on("upgrade", (request, socket, head) => {
    const path = new URL(request.url, "http://x").pathname;
    const session = path === "/v1/desk/live" ? world.desk.agentOf(request) : undefined;
    if (path !== "/v1/conversation" && !session) return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => (session ? world.desk.attach(ws, session) : citizen(world, ws)));
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, world, stop: () => (server.closeAllConnections(), server.close()), dropLinks: () => sockets.clients.forEach((c) => c.terminate()) };
}

function citizen(world, ws) {
  let conversation;
  ws.on("message", (data, binary) => {
    if (binary) return conversation?.sound(data);
    const message = JSON.parse(data.toString());
    if (conversation) return conversation.receive(message);
    if (message.type === "start") {
      conversation = new MockConversation(world, message);
      Object.assign(conversation, { socket: ws, audioOut: message.audio_out });
      world.conversations.set(conversation.id, conversation);
      world.tokens.set(conversation.token, conversation);
      conversation.signal({ type: "welcome", conversation: conversation.id, token: conversation.token, protocol: 1, limits: { text_characters: 2000, audio_seconds: 60 }, dictation: false, notice: conversation.words.welcome });
      return conversation.begin();
    }
    const found = world.tokens.get(message.token);
    if (!found) {
      ws.send(JSON.stringify({ type: "error", code: "bad_token", message: "对话已过期，请重新开始。 ཁ་བརྡའི་དུས་ཚོད་རྫོགས་སོང་། གསར་དུ་འགོ་འཛུགས་རོགས།", fatal: true }));
      return ws.close(1008, "bad token");
    }
    found.socket?.close(1008, "taken over");
    conversation = Object.assign(found, { socket: ws, audioOut: message.audio_out, voice: message.voice });
    conversation.signal({ type: "resumed", conversation: found.id, last_seq: found.events.length, language: found.language });
    for (const { considered: _hidden, ...event } of found.events) if (event.seq > message.last_seq) conversation.signal(event);
    return world.queueChanged();
  });
  ws.on("close", () => {
    if (conversation?.socket === ws) conversation.socket = undefined;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startMock(Number(process.argv[2] ?? 8080));
  console.log(`portal ${url}/   desk ${url}/desk   (agents: demo / demo, zhaxi / demo)`);
}
