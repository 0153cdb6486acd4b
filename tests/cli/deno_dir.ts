/**
 * Deno's own cache, for processes with another home: it would be filled anew there.
 *
 * @module
 */
const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();

export const DENO_DIR: string = JSON.parse(new TextDecoder().decode(stdout)).denoDir;
