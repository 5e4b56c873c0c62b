/**
 * The plainest bulk build that `@tufjs/models` allows, with its quadratic loops mended: as shipped, the map of a targets or
 * snapshot role is copied once for each of its entries, and no ratio against that means anything.
 *
 * usage: tufjs.ts ROWS FOLDER KEY.pem BITS REPOSITORY EXPIRES
 * Prints one JSON object: name, cpu seconds and peak memory of this process.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Metadata, MetaFile, Signature, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { SuccinctRoles } from '@tufjs/models/dist/role.js';
import models from '@tufjs/models/package.json' with { type: 'json' };
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { linesOf } from '../support/data.ts';

type Json = ReturnType<Targets['toJSON']>;

/** `toJSON` of the models, with a loop in the place of a copy for each entry. */
function mapped(map: Readonly<Record<string, { toJSON(): Json }>>): Json {
  const json: Json = {};
  for (const key of Object.keys(map)) json[key] = map[key]!.toJSON();
  return json;
}

class LinearTargets extends Targets {
  override toJSON(): Json {
    const { type: _type, specVersion: spec_version, version, expires, unrecognizedFields } = this;
    return { _type, spec_version, version, expires, targets: mapped(this.targets), ...unrecognizedFields };
  }
}

class LinearSnapshot extends Snapshot {
  override toJSON(): Json {
    const { type: _type, specVersion: spec_version, version, expires, unrecognizedFields } = this;
    return { _type, meta: mapped(this.meta), spec_version, version, expires, ...unrecognizedFields };
  }
}

const [rows = '', folder = '', keyFile = '', bits = '', repository = '', expires = ''] = process.argv.slice(2);
const privateKey = createPrivateKey(readFileSync(keyFile));
const keyID = keyidOf(keyFromPublic(createPublicKey(privateKey)));
const common = { version: 1, specVersion: '1.0.31', expires, unrecognizedFields: { 'x-tufa-repository': repository } };
const succinct = new SuccinctRoles({ keyIDs: [], threshold: 1, bitLength: Number(bits), namePrefix: `bin${bits}` });

const bins = new Map<string, LinearTargets>();
for (const role of succinct.getRoles()) bins.set(role, new LinearTargets(common));
for await (const lines of linesOf(rows)) {
  for (const line of lines) {
    const [path = '', length, sha256 = '', listed = ''] = line.split('\t');
    const unrecognizedFields = { custom: { listed } };
    bins
      .get(succinct.getRoleForTarget(path))!
      .addTarget(new TargetFile({ path, length: Number(length), hashes: { sha256 }, unrecognizedFields }));
  }
}
for (const [role, targets] of bins) write(`1.${role}.json`, targets);
const meta: Record<string, MetaFile> = {};
for (const role of bins.keys()) meta[`${role}.json`] = new MetaFile({ version: 1 });
write('1.snapshot.json', new LinearSnapshot({ ...common, meta }));
write('timestamp.json', new Timestamp({ ...common, snapshotMeta: new MetaFile({ version: 1 }) }));

const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const peer = `@tufjs/models ${models.version}, loops mended (Node ${process.version})`;
process.stdout.write(`${JSON.stringify({ peer, cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS * 1024 })}\n`);

function write(name: string, signed: LinearTargets | LinearSnapshot | Timestamp): void {
  const metadata = new Metadata(signed);
  metadata.sign((bytes) => new Signature({ keyID, sig: sign(null, bytes, privateKey).toString('hex') }));
  writeFileSync(join(folder, name), JSON.stringify(metadata.toJSON()), { flag: 'wx' });
}
