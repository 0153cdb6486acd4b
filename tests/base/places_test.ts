import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../lib/base/places.ts";

Deno.test({
  name:
    "the cache: SJEA_CACHE, then the system's place; an empty setting is none; without a home it is in data",
  ignore: Deno.build.os !== "linux",
  fn() {
    const names = ["SJEA_CACHE", "XDG_CACHE_HOME", "HOME", "USERPROFILE"];
    const before = names.map((name) => Deno.env.get(name));
    try {
      for (
        const [own, system, home, expected] of [
          ["/own", "/system", "/home/you", "/own"],
          ["", "/system", "/home/you", "/system/sjea"],
          ["", "", "/home/you", "/home/you/.cache/sjea"],
          ["", "", "", fileURLToPath(new URL("../../data/.cache/sjea", import.meta.url))],
        ]
      ) {
        Deno.env.set("SJEA_CACHE", own);
        Deno.env.set("XDG_CACHE_HOME", system);
        Deno.env.set("HOME", home);
        Deno.env.delete("USERPROFILE");
        assert.equal(cacheFolder(), expected);
      }
    } finally {
      names.forEach((name, at) =>
        before[at] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[at]!)
      );
    }
  },
});
