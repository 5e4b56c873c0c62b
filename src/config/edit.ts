import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import { ConfigurationError } from '../errors.ts';
import { CONFIG_FILE } from './load.ts';

/** Values of tufa.yaml to be changed, by their path: `['online', 'timestamp', 'key']`; undefined takes a field away. */
export type ConfigEdits = ReadonlyMap<readonly string[], string | number | readonly string[] | undefined>;

/**
 * Changes single values of tufa.yaml and keeps its comments and its form. The file appears whole or not at all.
 * @throws ConfigurationError when a field's mapping is not there
 */
export async function editConfig(dir: string, edits: ConfigEdits): Promise<void> {
  const { default: writeFileAtomic } = await import('write-file-atomic');
  const path = join(dir, CONFIG_FILE);
  await writeFileAtomic(path, editText(await readFile(path, 'utf8'), edits));
}

/** The text of a tufa.yaml with other values. @throws ConfigurationError when a field's mapping is not there */
export function editText(text: string, edits: ConfigEdits): string {
  const document = parseDocument(text);
  for (const [field, value] of edits) {
    const parent = document.getIn(field.slice(0, -1));
    if (!isMap(parent)) {
      throw new ConfigurationError('no such field', {
        object: `${CONFIG_FILE}: ${field.join('.')}`,
        expected: 'a mapping',
        found: 'something else',
      });
    }
    if (value === undefined) parent.delete(field.at(-1));
    else parent.set(field.at(-1), value);
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}
