/** The next thing to type while keys are missing, or once they are all there. */
export function keyHint(missing: { readonly holders: readonly string[]; readonly online: readonly string[] }): string {
  const flags = [
    ...missing.holders.map((name) => `--holder ${name}`),
    ...(missing.online.length > 0 ? ['--online'] : []),
  ];
  return flags.length === 0 ? 'tufa sign' : `tufa key generate ${flags.join(' ')}`;
}
