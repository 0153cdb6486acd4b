/**
 * Runs a command on a machine that reaches npm's registry and nothing else: behind a proxy that refuses every
 * other host, without Python. Prints what was asked for; fails where the command does, or where nothing was refused.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "@std/path";
import { npmRegistry } from "../lib/base/registry.ts";

const { host, hostname, port, protocol } = new URL((await npmRegistry()).url);
const registry = port ? host : `${hostname}:${protocol === "http:" ? 80 : 443}`;
const asked = new Map<string, number>();

const proxy = createServer((request, response) => {
  const { host } = new URL(request.url!);
  asked.set(host, (asked.get(host) ?? 0) + 1);
  response.writeHead(403).end();
});
proxy.on("connect", (request: { url: string }, client: Socket) => {
  asked.set(request.url, (asked.get(request.url) ?? 0) + 1);
  client.on("error", () => {});
  if (request.url !== registry) return client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  const [name, port] = registry.split(":"),
    server = connect(Number(port), name, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      server.pipe(client).pipe(server);
    });
  server.on("error", () => client.destroy());
});
proxy.listen(0, "127.0.0.1");
await once(proxy, "listening");
const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

// A python3 that is none, before any other.
const hidden = await Deno.makeTempDir();
for (const name of ["python3", "python"]) {
  await Deno.writeTextFile(join(hidden, name), "#!/bin/sh\nexit 127\n", { mode: 0o755 });
}
const { NO_PROXY: _, no_proxy: __, ...environment } = Deno.env.toObject();
for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) {
  environment[name] = environment[name.toLowerCase()] = address;
}
environment.PATH = `${hidden}:${environment.PATH}`;

const [program, ...args] = Deno.args;
const child = spawn(program, args, { stdio: "inherit", env: environment });
const [code] = await once(child, "exit");
proxy.close();
proxy.closeAllConnections();
await Deno.remove(hidden, { recursive: true });
const refused = [...asked].filter(([host]) => host !== registry);
console.log(
  `npm only: ${asked.get(registry) ?? 0} connections to ${registry}; refused: ` +
    (refused.map(([host, times]) => `${host} (${times})`).join(", ") || "none, so nothing was hidden"),
);
Deno.exit(code !== 0 ? code ?? 1 : Number(refused.length === 0));
