/**
 * Runs a command on a machine that reaches npm's registry and nothing else: behind a proxy that refuses every
 * other host, without Python. Prints what was asked for; fails where the command does, where TensorFlow was not
 * asked for, or where anybody was whom nothing here is fetched from.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { npmRegistry } from "../lib/base/registry.ts";

const { host, hostname, port, protocol } = new URL((await npmRegistry()).url);
const registry = port ? host : `${hostname}:${protocol === "http:" ? 80 : 443}`;
const asked = new Map<string, number>();

/** TensorFlow, CIFAR-10 and Deno's own look for a newer version. */
const TENSORFLOW = "storage.googleapis.com:443",
  KNOWN = [TENSORFLOW, "www.cs.toronto.edu:443", "dl.deno.land:443"];

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

const { NO_PROXY: _, no_proxy: __, ...environment } = Deno.env.toObject();
for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) {
  environment[name] = environment[name.toLowerCase()] = address;
}
// npx looks in node's folder first, and a python3 may be there: one without its library cannot start.
environment.PYTHONHOME = "/nonexistent";

const [program, ...args] = Deno.args;
const child = spawn(program, args, { stdio: "inherit", env: environment });
const [code] = await once(child, "exit");
proxy.close();
proxy.closeAllConnections();
const refused = [...asked.keys()].filter((host) => host !== registry);
const unknown = refused.filter((host) => !KNOWN.includes(host));
console.log(
  `npm only: ${asked.get(registry) ?? 0} connections to ${registry}; refused: ${
    refused.join(", ") || "none"
  }`,
);
if (unknown.length > 0) console.error(`Nothing is fetched from ${unknown.join(", ")}: who asks for that?`);
if (!asked.has(TENSORFLOW)) console.error(`${TENSORFLOW} was not asked for: TensorFlow came from elsewhere.`);
Deno.exit(code !== 0 ? code ?? 1 : Number(unknown.length > 0 || !asked.has(TENSORFLOW)));
