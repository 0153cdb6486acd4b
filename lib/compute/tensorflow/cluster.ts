/**
 * What TensorFlow is told of the processes that it computes together with, as protocol buffers.
 *
 * @module
 */
import { field, join, number, text } from "../../base/protobuf.ts";
import type { Cluster } from "../cluster.ts";

/** Milliseconds without a sign of life after which a process is lost, and how long one waits for the others at first. */
const HEARTBEAT = 30_000, REGISTER = 300_000;

const JOB = "worker", LEADER = `/job:${JOB}/replica:0/task:0`;

/**
 * A configuration with what collective ops need: `ConfigProto`'s device_filters (4), and experimental (16) with
 * collective_group_leader (1) and coordination_config (23), by which all processes learn that one is lost.
 *
 * @param config A serialized `ConfigProto`.
 * @param cluster The processes.
 * @returns A serialized `ConfigProto`.
 */
export function clusterConfig(config: Uint8Array, { addresses, task }: Cluster): Uint8Array<ArrayBuffer> {
  const coordination = [
    text(1, "standalone"),
    text(2, LEADER),
    number(4, REGISTER),
    number(5, HEARTBEAT),
    field(10, [text(1, JOB), number(2, addresses.length)]),
  ];
  return join([
    config,
    text(4, `/job:${JOB}/task:${task}`),
    field(16, [text(1, LEADER), field(23, coordination)]),
  ]);
}

/**
 * A `ServerDef`: cluster (1), job_name (2), task_index (3), default_session_config (4), protocol (5).
 *
 * @param config The configuration, by {@link clusterConfig}.
 * @param cluster The processes.
 * @returns It, serialized.
 */
export function serverDefinition(config: Uint8Array, { addresses, task }: Cluster): Uint8Array<ArrayBuffer> {
  const tasks = addresses.map((address, at) => field(2, [number(1, at), text(2, address)]));
  return join([
    field(1, field(1, [text(1, JOB), tasks])),
    text(2, JOB),
    number(3, task),
    field(4, config),
    text(5, "grpc"),
  ]);
}
