import { Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { CONFIRM_FLAG, SIGNING_FLAGS } from '../cli/flags.ts';
import { PersonError } from '../errors.ts';
import type { SignResult, Sitting } from '../jobs/sign.ts';
import { digestGroups } from '../views/digest.ts';
import { sittingText } from '../views/sitting.ts';

export default class Sign extends TufaCommand<typeof Sign, SignResult> {
  static override summary = 'sign every open draft with the keys that this machine holds';
  static override flags = {
    ...SIGNING_FLAGS,
    ...CONFIRM_FLAG,
    holder: Flags.string({ multiple: true, helpValue: 'NAME', description: 'only with the key of this holder' }),
  };

  protected override async execute(flags: FlagsOf<typeof Sign>): Promise<SignResult> {
    const { prepareSitting, sign } = await import('../jobs/sign.ts');
    const workspace = await this.workspace();
    const sitting = await prepareSitting(workspace, flags.holder);
    const due = sitting.filter((one) => one.draft.complete === undefined && one.here.length > 0);
    const lacking = sitting.filter((one) => one.draft.complete === undefined && one.valid.length < one.role.threshold);
    if (due.length === 0 && lacking.length > 0) throw nothingHere(lacking);
    if (due.length > 0) {
      process.stderr.write(sittingText(due, workspace.clock()));
      await this.prompt.confirmText('Sign these bytes?', workspace.config.repository.name, flags.confirm);
    }
    return sign(workspace, sitting);
  }

  protected override render({ signed, open, root }: SignResult): string {
    const lines = signed.map(({ draft, holder }) => `signed ${draft} as ${holder}`);
    for (const { draft, signatures, threshold, missing } of open)
      lines.push(
        `${draft}: ${signatures} of ${threshold} signatures; can still sign: ${missing.join(', ') || 'nobody'}`,
      );
    if (open.length > 0) lines.push('next: the other holders type `tufa sign`');
    if (root !== undefined) {
      lines.push(
        `root ${root.version} is complete, sha256 ${root.sha256}`,
        `  ${digestGroups(root.sha256)}`,
        'installers start with: tufa trust add URL --root-sha256 DIGEST',
        'next: tufa target add FILES, then tufa publish',
      );
    }
    return `${lines.join('\n')}\n`;
  }
}

function nothingHere(open: readonly Sitting[]): PersonError {
  const missing = [...new Set(open.flatMap((one) => one.missing))];
  return new PersonError('no key on this machine can sign what is open', {
    object: open.map((one) => `${one.draft.role} ${one.draft.version}`).join(', '),
    expected: `a signature of ${missing.join(' or ')}`,
    found: 'none of their keys here',
    hint: 'the holder types `tufa sign` where the key is',
  });
}
