// Asks a gate about images: node check.mjs HOST:PORT CERTIFICATES PROTOS IMAGE...
// Needs @grpc/grpc-js and @grpc/proto-loader; PROTOS is the folder protos of cxrgate.
import fs from "node:fs";
import path from "node:path";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [target, certificates, protos, ...images] = process.argv.slice(2);
const definition = loader.loadSync("cxrgate/api/gate/v1/gate_service.proto", { includeDirs: [protos], enums: String });
const { GateService } = grpc.loadPackageDefinition(definition).cxrgate.api.gate.v1;
const [authority, key, certificate] = ["ca.crt", "tls.key", "tls.crt"].map((name) =>
  fs.readFileSync(path.join(certificates, name)),
);
const gate = new GateService(target, grpc.credentials.createSsl(authority, key, certificate));

// One at a time: image.content is the file's bytes, the id is yours to choose. verdict.image is a PNG of the very pixels
// that were judged: that is what may go out. The file's own bytes may hold what was not judged.
function check(content, imageId) {
  const deadline = Date.now() + 30_000;
  return new Promise((resolve, reject) =>
    gate.CheckImage({ image: { imageId, content }, returnImage: true }, { deadline }, (error, answer) =>
      error ? reject(error) : resolve(answer.verdict),
    ),
  );
}

for (const name of images) {
  try {
    const { decision, image } = await check(fs.readFileSync(name), path.basename(name));
    // Only this one word releases an image; an error never does.
    const released = decision === "DECISION_ANONYMOUS" && image.length > 0;
    if (released) fs.writeFileSync(`${name}.released.png`, image);
    console.log(name, released ? "release" : "keep back", decision);
  } catch (error) {
    console.log(name, "keep back", grpc.status[error.code], error.details);
    process.exitCode = 1;
  }
}
gate.close();
