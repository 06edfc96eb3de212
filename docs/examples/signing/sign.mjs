// Sign a record in plain Node, without packages. Prints the header `ce_signature` for the value on stdin:
//
//     node sign.mjs KEY TOPIC CE_ID CE_TIME < value.json
//
// KEY: 64 hexadecimal digits, as `openssl rand -hex 32` makes them.

import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

// What stands before the 32 bytes of an Ed25519 private key in PKCS #8.
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

export function privateKey(hex) {
  return createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.from(hex, "hex")]), format: "der", type: "pkcs8" });
}

// The header's value; topic, id and time as they stand in the record.
export function signature(key, topic, id, time, value) {
  const lines = ["pointsman-signature-v1", topic, id, time, sha256(value)];
  const raw = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return `${sha256(raw).slice(0, 16)}:${sign(null, Buffer.from(lines.join("\n")), key).toString("base64")}`;
}

const [seed, topic, id, time] = process.argv.slice(2);
console.log(signature(privateKey(seed), topic, id, time, readFileSync(0)));
