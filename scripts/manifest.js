// Writes oclif.manifest.json, so that the installed program need not load every command's file to know them all. Only for
// the package (`npm pack`): a stale one hides new commands.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Config } from '@oclif/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const { plugins } = await Config.load({ root, ignoreManifest: true });
const { manifest } = plugins.values().next().value;
writeFileSync(`${root}oclif.manifest.json`, `${JSON.stringify(manifest)}\n`);
