import type { InitResult } from '../jobs/init.ts';
import { keyHint } from './keys.ts';
import { printable } from './printable.ts';

export function initText({ dir, name, profile, holders, stagingOf, drafts, missing }: InitResult): string {
  const { threshold, names } = holders;
  return [
    `made ${dir} (repository ${name}, profile ${profile})`,
    ...(stagingOf === undefined
      ? [
          `offline roles: ${threshold} of ${names.join(', ')}; keep one of these keys sealed, for the day on which another is lost`,
        ]
      : [
          `staging copy of ${printable(stagingOf.name)}: offline roles ${threshold} of ${names.join(', ')}, all keys are throw-away files`,
          `nothing that is signed here is valid for ${printable(stagingOf.name)}, ${stagingOf.uuid}`,
        ]),
    `drafts: ${drafts.join(', ')}`,
    `next: ${keyHint(missing)}`,
    '',
  ].join('\n');
}
