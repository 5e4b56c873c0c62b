// Takes away what can be made again.
import { rmSync } from 'node:fs';

for (const name of ['dist', 'coverage', 'oclif.manifest.json']) {
  rmSync(new URL(`../${name}`, import.meta.url), { recursive: true, force: true });
}
