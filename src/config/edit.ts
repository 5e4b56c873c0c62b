import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { ConfigurationError } from '../errors.ts';
import { CONFIG_FILE } from './load.ts';

type Value = string | number | readonly string[];

/** Values of tufa.yaml to be changed, by their path: `['online', 'timestamp', 'key']`; undefined takes a field away. */
export type ConfigEdits = ReadonlyMap<readonly string[], Value | undefined>;

/**
 * Changes single values of tufa.yaml. The file appears whole or not at all.
 * @throws ConfigurationError when a field's mapping is not there
 */
export async function editConfig(dir: string, edits: ConfigEdits): Promise<void> {
  const { default: writeFileAtomic } = await import('write-file-atomic');
  const path = join(dir, CONFIG_FILE);
  await writeFileAtomic(path, editText(await readFile(path, 'utf8'), edits));
}

/**
 * The text of a tufa.yaml with other values: not a byte besides them changes, because people read the difference. Only a
 * field that comes or goes has the file written anew, with its comments.
 *
 * @throws ConfigurationError when a field's mapping is not there
 */
export function editText(text: string, edits: ConfigEdits): string {
  return [...edits].reduce((edited, [field, value]) => editField(edited, field, value), text);
}

function editField(text: string, field: readonly string[], value: Value | undefined): string {
  const document = parseDocument(text);
  const parent = document.getIn(field.slice(0, -1));
  if (!isMap(parent)) {
    throw new ConfigurationError('no such field', {
      object: `${CONFIG_FILE}: ${field.join('.')}`,
      expected: 'a mapping',
      found: 'something else',
    });
  }
  const name = field.at(-1);
  const node: unknown = document.getIn(field, true);
  if (node === undefined && value === undefined) return text;
  if (value !== undefined && (isScalar(node) || (isSeq(node) && node.flow === true)) && node.range)
    return text.slice(0, node.range[0]) + inline(value) + text.slice(node.range[1]);
  if (value === undefined) parent.delete(name);
  else parent.set(name, value);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** As it stands within a line. */
function inline(value: Value): string {
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : `[${value.map(inline).join(', ')}]`;
  return /^[a-z][a-z0-9._-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/.test(value)
    ? value
    : JSON.stringify(value);
}
