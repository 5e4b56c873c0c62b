/**
 * tuf-js behind the protocol of the interop drivers (test/interop/support/clients.ts): one JSON request a line on
 * standard input, one JSON answer a line on standard output.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Updater } from 'tuf-js';
import type { ClientRequest, ClientResult, TargetResult } from '../../support/protocol.ts';

/** What tuf-js keeps to itself: its reference time and the metadata that it trusts. */
interface Trusted {
  referenceTime: Date;
  root: { signed: { version: number } };
  timestamp?: { signed: { version: number } };
  snapshot?: { signed: { version: number } };
}

/** Refreshes, then looks up and downloads each target in order with one Updater. */
async function run(request: ClientRequest): Promise<ClientResult> {
  const result: ClientResult = { clock: request.now === undefined ? 'wall' : 'given', refresh: 'ok', targets: {} };
  let updater: Updater | undefined;
  try {
    updater = newUpdater(request);
    await updater.refresh();
  } catch (error) {
    result.refresh = refusal(error);
  }
  if (updater !== undefined) {
    Object.assign(result, versions(updater));
    if (result.refresh === 'ok') {
      for (const path of request.targets) {
        result.targets[path] = await lookUp(updater, path);
      }
    }
  }
  return result;
}

/** tuf-js always starts from the root.json in its folder: a fresh client gets the trusted root there. */
function newUpdater(request: ClientRequest): Updater {
  const metadataDir = join(request.state, 'metadata');
  const targetDir = join(request.state, 'targets');
  mkdirSync(metadataDir, { recursive: true });
  mkdirSync(targetDir, { recursive: true });
  if (!existsSync(join(metadataDir, 'root.json'))) {
    copyFileSync(request.root, join(metadataDir, 'root.json'));
  }
  const updater = new Updater({
    metadataDir,
    metadataBaseUrl: request.metadataUrl,
    targetDir,
    targetBaseUrl: request.targetsUrl,
  });
  if (request.now !== undefined) {
    trusted(updater).referenceTime = new Date(request.now);
  }
  return updater;
}

async function lookUp(updater: Updater, path: string): Promise<TargetResult> {
  try {
    const info = await updater.getTargetInfo(path);
    if (info === undefined) {
      return 'absent';
    }
    const file = await updater.downloadTarget(info);
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    rmSync(file);
    return { sha256 };
  } catch (error) {
    return refusal(error);
  }
}

/** What the client trusts now, also when the refresh was refused on the way. */
function versions(updater: Updater): Pick<ClientResult, 'rootVersion' | 'timestampVersion' | 'snapshotVersion'> {
  const { root, timestamp, snapshot } = trusted(updater);
  return {
    rootVersion: root.signed.version,
    ...(timestamp && { timestampVersion: timestamp.signed.version }),
    ...(snapshot && { snapshotVersion: snapshot.signed.version }),
  };
}

function trusted(updater: Updater): Trusted {
  return (updater as unknown as { trustedSet: Trusted }).trustedSet;
}

function refusal(error: unknown): { error: string } {
  if (!(error instanceof Error)) {
    return { error: String(error) };
  }
  // `Error` and friends carry no name of their own in tuf-js: the class is what tells.
  const status = 'statusCode' in error ? ` ${error.statusCode}` : '';
  return { error: `${error.constructor.name}: ${error.message}${status}` };
}

function send(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const { version } = createRequire(import.meta.url)('tuf-js/package.json') as { version: string };
send({ client: 'tuf-js', version });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    send(await run(JSON.parse(line)));
  } catch (error) {
    send({ failure: refusal(error).error });
  }
}
