import { Flags } from '@oclif/core';
import type { FlagsOf } from '../cli/command.ts';
import { TufaCommand } from '../cli/command.ts';
import { CEREMONY_FLAGS, CONFIRM_FLAG, SIGNING_FLAGS } from '../cli/flags.ts';
import { PersonError } from '../errors.ts';
import type { SignResult, Sitting } from '../jobs/sign.ts';
import { openLines } from '../views/ceremony.ts';
import { digestGroups } from '../views/digest.ts';

export default class Sign extends TufaCommand<typeof Sign, SignResult> {
  static override summary = 'sign every open draft with the keys that this machine holds';
  static override flags = {
    ...SIGNING_FLAGS,
    ...CONFIRM_FLAG,
    ...CEREMONY_FLAGS,
    holder: Flags.string({ multiple: true, helpValue: 'NAME', description: 'only with the key of this holder' }),
    'root-sha256': Flags.string({
      helpValue: 'DIGEST',
      description: 'of the root that a new signer starts to trust, from another holder',
    }),
  };

  protected override async execute(flags: FlagsOf<typeof Sign>): Promise<SignResult> {
    const [{ preflight, prepareSitting, sign }, { sittingText }] = await Promise.all([
      import('../jobs/sign.ts'),
      import('../views/sitting.ts'),
    ]);
    const workspace = await this.workspace();
    const sitting = await prepareSitting(workspace, flags.holder, {
      rootSha256: flags['root-sha256'],
      breaks: flags['break-clients'],
    });
    const due = sitting.filter((one) => one.draft.complete === undefined && one.here.length > 0);
    const lacking = sitting.filter((one) => one.draft.complete === undefined && !one.sets.every(isEnough));
    if (due.length === 0 && lacking.length > 0) throw nothingHere(lacking);
    await preflight(workspace, due);
    if (due.length > 0) {
      process.stderr.write(sittingText(due, workspace.clock()));
      await this.agree(due, workspace.config.repository.name, flags.confirm);
    }
    return sign(workspace, sitting);
  }

  /** A yes is not enough: who signs types the beginning of each digest; a script names the repository. */
  private async agree(due: readonly Sitting[], name: string, confirm: string | undefined): Promise<void> {
    if (confirm !== undefined) return this.prompt.confirmText('Sign these bytes?', name, confirm);
    for (const { draft, digest } of due) {
      const question = `Sign ${draft.role} ${draft.version}? To go on, type the first 8 digits of its sha256:`;
      await this.prompt.typed(question, digest.slice(0, 8), `--confirm ${name}`);
    }
  }

  protected override render({ signed, open, complete, carry, root }: SignResult): string {
    const lines = [
      ...signed.map(({ draft, holder }) => `signed ${draft} as ${holder}`),
      ...open.flatMap(({ draft, sets }) => openLines(draft, sets)),
    ];
    if (open.length > 0)
      lines.push('next: the other holders type `tufa sign`; `tufa ceremony export FILE` carries it to another folder');
    if (complete.length > 0)
      lines.push(`complete: ${complete.join(', ')}`, `next, where the store can be written: ${carry}`);
    if (root !== undefined) {
      lines.push(
        `root ${root.version} is complete, sha256 ${root.sha256}`,
        `  ${digestGroups(root.sha256)}`,
        'installers start with: tufa trust add URL --root-sha256 DIGEST',
        'next: tufa target add FILES, then tufa publish',
      );
    }
    if (lines.length === 0) lines.push('nothing to sign');
    return `${lines.join('\n')}\n`;
  }
}

function isEnough({ valid, role }: Sitting['sets'][number]): boolean {
  return valid.length >= role.threshold;
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
