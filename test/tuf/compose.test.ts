import { Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { expect } from 'chai';
import { composeRoot, composeTargets, metaValue, targetValue } from '../../src/tuf/compose.ts';
import { canonical, type Encodable } from '../../src/tuf/encode.ts';
import { parseJson } from '../../src/tuf/json.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { EXPIRES, keyring, roleKeys, TestRepository, targetsRun, testKey, UUID } from './repository.ts';

const READ = {
  root: (signed: Signed) => Root.fromJSON(signed),
  snapshot: (signed: Signed) => Snapshot.fromJSON(signed),
  timestamp: (signed: Signed) => Timestamp.fromJSON(signed),
  targets: (signed: Signed) => Targets.fromJSON(signed),
};
type Signed = Parameters<typeof Root.fromJSON>[0];

function kindOf(name: string): keyof typeof READ {
  return (['root', 'snapshot', 'timestamp'] as const).find((kind) => name.endsWith(`${kind}.json`)) ?? 'targets';
}

for (const scheme of ['ed25519', 'ecdsa-sha2-nistp256'] as const) {
  describe(`what we compose, with ${scheme}`, () => {
    const repository = new TestRepository({ scheme, bins: 1, recent: 1, listed: { claimed: ['policies/a.json'] } });
    repository.root(2, { floor: new Map([['claimed', 1]]) });
    repository.role('deny', 2, { base: 1 });
    repository.publish(2, { snapshot: { queue: 42, receipt: 'ab'.repeat(32) } });

    for (const [name, bytes] of repository.files) {
      const kind = kindOf(name);

      it(`is canonical: ${name}`, () => {
        const { signedBytes } = readMetadata(bytes, kind, name);
        const signed = (parseJson(bytes) as Map<string, Encodable>).get('signed')!;
        expect(canonical(signed as Encodable).toString()).to.equal(Buffer.from(signedBytes).toString());
      });

      it(`is cut out of its file, not parsed, where it has no PEM key: ${name}`, () => {
        const { signedBytes } = readMetadata(bytes, kind, name);
        const delegates = kind === 'root' || /targets|bins|recent\.json/.test(name);
        expect(signedBytes.buffer === bytes.buffer).to.equal(scheme === 'ed25519' || !delegates);
      });

      it(`is read by @tufjs/models, with the same signed bytes: ${name}`, () => {
        const theirs = READ[kind](JSON.parse(bytes.toString()).signed);
        const { signedBytes, signed } = readMetadata(bytes, kind, name);
        expect(canonical(theirs.toJSON() as Encodable).toString()).to.equal(Buffer.from(signedBytes).toString());
        expect(theirs.version).to.equal(signed.version);
      });
    }
  });
}

describe('composeTargets', () => {
  it('has no empty members, which go-tuf would leave out of what was signed', () => {
    const parts = { version: 1, expires: EXPIRES, repository: UUID, targets: targetsRun() };
    expect(composeTargets(parts).toString()).to.equal(
      `{"_type":"targets","expires":"2026-02-01T00:00:00Z","spec_version":"1.0.31","targets":{},"version":1,"x-tufa-repository":"${UUID}"}`,
    );
  });
});

describe('composeRoot', () => {
  it('has exactly the four top-level roles and consistent snapshots', () => {
    const key = testKey();
    const role = roleKeys(1, key);
    const bytes = composeRoot({
      version: 1,
      expires: EXPIRES,
      repository: UUID,
      keys: keyring(key),
      roles: { root: role, targets: role, snapshot: role, timestamp: role },
      floor: new Map(),
    });
    const root = JSON.parse(bytes.toString());
    expect(root.roles).to.have.all.keys(['root', 'snapshot', 'targets', 'timestamp']);
    expect(root.consistent_snapshot).to.equal(true);
    expect(root).not.to.have.property('x-tufa-floor');
  });
});

describe('metaValue and targetValue', () => {
  it('list sha256 in lower case, no length in the snapshot, the index time in custom', () => {
    const sha256 = 'ab'.repeat(32);
    expect(canonical(metaValue({ version: 3, sha256 })).toString()).to.equal(
      `{"hashes":{"sha256":"${sha256}"},"version":3}`,
    );
    expect(canonical(metaValue({ version: 3, sha256: undefined })).toString()).to.equal('{"version":3}');
    expect(canonical(targetValue({ length: 0, sha256, listed: EXPIRES })).toString()).to.equal(
      `{"custom":{"listed":"2026-02-01T00:00:00Z"},"hashes":{"sha256":"${sha256}"},"length":0}`,
    );
    expect(canonical(targetValue({ length: 1, sha256, listed: undefined })).toString()).to.equal(
      `{"hashes":{"sha256":"${sha256}"},"length":1}`,
    );
  });
});
