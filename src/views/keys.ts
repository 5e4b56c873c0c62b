import type { KeyInfo, TokenView } from '../jobs/keys.ts';
import { shortDigest } from './digest.ts';
import { table } from './table.ts';

/** What tokens hold, with uris to be pasted; empty without a token. */
export function tokensText(tokens: readonly TokenView[]): string {
  return tokens.map((token) => `\n${tokenLine(token)}${keysOf(token)}`).join('');
}

function tokenLine({ label, serial, manufacturer, model, pin, uri }: TokenView): string {
  const what = [manufacturer, model].filter((text) => text !== '').join(' ');
  const state = pin === undefined ? '' : `; PIN: ${pin.replace('-', ' ')}`;
  return `token ${JSON.stringify(label)}, serial ${serial || 'none'} (${what})${state}\n  ${uri}\n`;
}

function keysOf({ keys }: TokenView): string {
  if (keys.length === 0) return '  no keys that can be seen without the PIN\n';
  const rows = keys.map(({ label, scheme, keyid, holder, uri }) => [
    label || '-',
    scheme ?? 'cannot be used',
    keyid === undefined ? '-' : shortDigest(keyid),
    holder ?? '-',
    uri,
  ]);
  return table(['label', 'scheme', 'keyid', 'holder', 'private key'], rows).replace(/^(?=.)/gm, '  ');
}

/** Keys that were made. */
export function keyTable(keys: readonly KeyInfo[]): string {
  const rows = keys.map(({ name, scheme, keyid, uri }) => [name, scheme, shortDigest(keyid), uri ?? '-']);
  return table(['name', 'scheme', 'keyid', 'private key'], rows);
}

/** The next thing to type while keys are missing, or once they are all there. */
export function keyHint(missing: { readonly holders: readonly string[]; readonly online: readonly string[] }): string {
  const flags = [
    ...missing.holders.map((name) => `--holder ${name}`),
    ...(missing.online.length > 0 ? ['--online'] : []),
  ];
  return flags.length === 0 ? 'tufa sign' : `tufa key generate ${flags.join(' ')}`;
}
