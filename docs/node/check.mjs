// Streams images to a gate: node check.mjs HOST:PORT CERTIFICATES PROTOS IMAGE...
// Needs @grpc/grpc-js and @grpc/proto-loader; PROTOS is the folder protos of cxrgate.
// Exit codes as those of `cxrgate run`: 0 every image may be released, 1 some may not, 2 wrong usage, 3 some have no answer.
import fs from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const WINDOW = 32; // images without an answer at once, as the gate's GetPolicy says in stream_window
const MIB = 2 ** 20;
const RESUME_MS = 120_000; // how long a gate may be away

const [target, certificates, protos, ...images] = process.argv.slice(2);
if (images.length === 0) {
  console.error("usage: node check.mjs HOST:PORT CERTIFICATES PROTOS IMAGE...");
  process.exit(2);
}
const read = { includeDirs: [protos], enums: String, longs: Number, defaults: true, oneofs: true };
const definition = loader.loadSync("cxrgate/api/gate/v1/gate_service.proto", read);
const { GateService } = grpc.loadPackageDefinition(definition).cxrgate.api.gate.v1;
const [authority, key, certificate] = ["ca.crt", "tls.key", "tls.crt"].map((name) =>
  fs.readFileSync(path.join(certificates, name)),
);
const gate = new GateService(target, grpc.credentials.createSsl(authority, key, certificate), {
  "grpc.max_receive_message_length": 34 * MIB,
  "grpc.max_send_message_length": 34 * MIB,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.enable_http_proxy": 0,
});

const outgoing = (image) => `${image}.released.png`;
const remove = (image) => fs.rmSync(outgoing(image), { force: true });
images.forEach(remove); // what an earlier call released may be kept back now

// The number of an image is its sequence: a new stream begins after the last one that was answered, so that no image is
// counted twice or left out when a link breaks.
let answered = 0;
let released = 0;
let failed = 0;
let goneSince = null;

function take(answer) {
  if (answer.sequence !== answered + 1) throw new Error("the gate answered out of order: believe none of it");
  const name = images[answered];
  if (answer.verdict && answer.verdict.imageId !== nameOf(answered + 1, name)) {
    throw new Error("the gate answered about another image: believe none of it");
  }
  answered += 1;
  goneSince = null;
  // Only this one word releases an image; verdict.image is a PNG of the very pixels that were judged, and that is what may
  // go out: the file's own bytes may hold what was not judged.
  const { verdict, error } = answer;
  if (verdict?.decision === "DECISION_ANONYMOUS" && verdict.image.length > 0) {
    fs.writeFileSync(`${outgoing(name)}.partial`, verdict.image);
    fs.renameSync(`${outgoing(name)}.partial`, outgoing(name)); // whole or not there
    released += 1;
    console.log(name, "release", verdict.decision);
    return;
  }
  remove(name); // where an image is named twice
  if (verdict) {
    console.log(name, "keep back", verdict.decision);
  } else {
    failed += 1;
    console.log(name, "keep back", error?.code ?? "INTERNAL", error?.reason ?? "", error?.message ?? "");
  }
}

// The gate's names have 1 to 128 characters, each one of A-Z a-z 0-9 . _ -; the number keeps them apart.
function nameOf(number, file) {
  return `${number}-${path.basename(file).replace(/[^A-Za-z0-9._-]/gu, "_").slice(-100)}`;
}

// One stream over what has no answer yet; gives how it ended.
function stream() {
  return new Promise((resolve) => {
    const call = gate.CheckImages();
    let sent = answered;
    const send = () => {
      while (sent < images.length && sent - answered < WINDOW) {
        const content = fs.readFileSync(images[sent]);
        const image = { imageId: nameOf(sent + 1, images[sent]), content };
        sent += 1;
        if (!call.write({ sequence: sent, image, returnImage: true })) {
          call.once("drain", send);
          return;
        }
      }
      if (sent === images.length) call.end();
    };
    call.on("data", (answer) => {
      try {
        take(answer);
        send();
      } catch (error) {
        call.cancel();
        resolve({ code: grpc.status.DATA_LOSS, details: error.message, fatal: true });
      }
    });
    call.on("error", resolve);
    call.on("end", () => resolve(null));
    send();
  });
}

while (answered < images.length) {
  const ended = await stream();
  if (answered === images.length) break;
  goneSince ??= Date.now();
  const reason = ended?.metadata?.get("grpc-status-details-bin").length ? "of the gate" : "";
  const gone = ended?.code === grpc.status.UNAVAILABLE || (ended?.code === grpc.status.INTERNAL && !reason);
  if (ended?.fatal || !gone || Date.now() - goneSince > RESUME_MS) {
    console.error(grpc.status[ended?.code] ?? "ended early", ended?.details ?? "", `after ${answered} images`);
    process.exitCode = 3;
    break;
  }
  await pause(500);
}
gate.close();
process.exitCode ||= failed > 0 ? 3 : released < images.length ? 1 : 0;
